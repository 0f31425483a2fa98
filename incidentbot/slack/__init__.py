"""The Slack door."""

from flask import Flask

from incidentbot.config import Settings


def register(app: Flask, settings: Settings) -> None:
    """Add the Slack door."""
