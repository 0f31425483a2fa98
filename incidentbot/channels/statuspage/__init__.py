"""Statuspage.io kept true: how it is called, what is done there, and how it is looked after."""
