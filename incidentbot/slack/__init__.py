"""The Slack door: what Slack sends comes in here, is parsed, handed to the core, and answered."""

from flask import Flask

from incidentbot.config import Settings
from incidentbot.extensions import csrf
from incidentbot.slack.manifest import manifest
from incidentbot.slack.routes import make_blueprint


def register(app: Flask, settings: Settings) -> None:
    """Open the door, where Slack is connected; say in any case what the app would be in Slack."""
    app.extensions["slack_manifest"] = manifest(settings.base_url)
    if settings.slack is not None:
        blueprint = make_blueprint(settings, settings.slack)
        csrf.exempt(blueprint)  # Slack signs its requests; it has no form of ours
        app.register_blueprint(blueprint)
