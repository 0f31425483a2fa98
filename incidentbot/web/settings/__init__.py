"""The settings: one module per page, and the menu they share."""
