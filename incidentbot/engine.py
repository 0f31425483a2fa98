"""The delivery engine of an installation: the outbox's dispatch, wired to its channels."""

from flask import Flask
from sqlalchemy.orm import sessionmaker

from incidentbot.channels.slack.api import make_client
from incidentbot.channels.slack.senders import Slack, handlers
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents.commands import record_parked
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.runners import EmbeddedRunner


def build_dispatcher(app: Flask) -> Dispatcher:
    """Return the engine for this app's database and settings."""
    settings: Settings = app.extensions["settings"]
    with app.app_context():
        sessions = sessionmaker(db.engine, expire_on_commit=False)
    slack = None
    if settings.slack is not None:
        client = make_client(settings.slack.bot_token, settings.slack_api_url)
        slack = Slack(client, sessions, settings.base_url)
    return Dispatcher(
        sessions, handlers(slack), record_parked, lease_seconds=settings.delivery_lease_seconds
    )


def start_embedded(app: Flask) -> EmbeddedRunner:
    """Start to deliver from threads of this process; the caller stops the runner it gets."""
    runner = EmbeddedRunner(build_dispatcher(app))
    runner.start()
    return runner
