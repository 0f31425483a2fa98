"""The control API under `/sandbox/`: act as a person, read everything, cause trouble."""
