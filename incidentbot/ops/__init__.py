"""Running it: health, logging."""
