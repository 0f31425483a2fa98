"""A year of a believable company's incidents, to look at: `make demo-data`."""
