"""Slack as a way out: what is sent, and how it looks."""
