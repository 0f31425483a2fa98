"""The way out: every effect on the outside world, recorded with the change that caused it."""
