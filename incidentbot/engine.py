"""The delivery engine of an installation: the outbox's dispatch, wired to its channels and runners."""

from collections.abc import Callable
from functools import partial

from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels import email
from incidentbot.channels.pacing import Pacer
from incidentbot.channels.slack.api import SlackApi, make_client
from incidentbot.channels.slack.senders import Slack, handlers
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents.commands import record_parked
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.publish import on_wake
from incidentbot.outbox.runners import EmbeddedRunner


def sessions_of(app: Flask) -> sessionmaker[Session]:
    """Return what makes sessions on the app's database, outside of requests."""
    with app.app_context():
        return sessionmaker(db.engine, expire_on_commit=False)


def build_dispatcher(app: Flask) -> Dispatcher:
    """Return the engine for this app's database and settings."""
    settings: Settings = app.extensions["settings"]
    sessions = sessions_of(app)
    slack = None
    if settings.slack is not None:
        client = make_client(settings.slack.bot_token, settings.slack_api_url)
        pacer = Pacer(settings.redis_url)
        api = SlackApi(client, pacer, settings.slack_rate_factor)
        slack = Slack(api, sessions, settings.base_url)
    senders = {
        **handlers(slack),
        **email.handlers(settings.mail, sessions, settings.base_url),
    }
    return Dispatcher(
        sessions, senders, record_parked, lease_seconds=settings.delivery_lease_seconds
    )


def start_for_web(app: Flask) -> Callable[[], None]:
    """Start a web process's part in delivering, and return what ends it.

    With Redis it wakes the workers; without, it delivers from threads of its own.
    """
    settings: Settings = app.extensions["settings"]
    if settings.redis_url is None:
        runner = EmbeddedRunner(
            build_dispatcher(app), settings.delivery_threads, settings.sweep_seconds
        )
        runner.start()
        return partial(runner.stop, settings.shutdown_grace)
    from incidentbot.redis_wake import RedisWaker  # RQ is of no use without Redis

    waker = RedisWaker(settings.redis_url)
    waker.start()
    on_wake(waker.wake)
    return waker.stop
