"""The delivery engine of an installation: the outbox's dispatch, wired to its channels and runners."""

from collections.abc import Callable
from functools import partial

from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from incidentbot import housekeeping
from incidentbot.audit import checks
from incidentbot.channels import email, own_page
from incidentbot.channels.pacing import Pacer
from incidentbot.channels.slack import directory
from incidentbot.channels.slack.api import SlackApi, make_client
from incidentbot.channels.slack.senders import Slack, handlers
from incidentbot.channels.statuspage.link import adopt_environment, link_for
from incidentbot.channels.statuspage.reconcile import EVERY, look_around
from incidentbot.channels.statuspage.senders import handlers as statuspage_handlers
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.housekeeping import tidy_up
from incidentbot.incidents.commands import record_parked
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.publish import on_wake
from incidentbot.outbox.rounds import Round
from incidentbot.outbox.runners import EmbeddedRunner


def sessions_of(app: Flask) -> sessionmaker[Session]:
    """Return what makes sessions on the app's database, outside of requests."""
    with app.app_context():
        return sessionmaker(db.engine, expire_on_commit=False)


def build_dispatcher(app: Flask) -> Dispatcher:
    """Return the engine for this app's database and settings."""
    settings: Settings = app.extensions["settings"]
    sessions = sessions_of(app)
    api = _slack_api(settings)
    slack = Slack(api, sessions, settings.base_url) if api is not None else None
    statuspage = link_for(app.extensions)
    adopt_environment(statuspage, sessions)
    every_handler = {
        **handlers(slack),
        **statuspage_handlers(statuspage, sessions),
        **email.handlers(settings.mail, sessions, settings.base_url),
        **own_page.handlers(settings, sessions),
        **checks.handlers(sessions),
    }
    return Dispatcher(
        sessions, every_handler, record_parked, lease_seconds=settings.delivery_lease_seconds
    )


def _slack_api(settings: Settings) -> SlackApi | None:
    """Return Slack's API at the pace it allows, where Slack is connected."""
    if settings.slack is None:
        return None
    client = make_client(settings.slack.bot_token, settings.slack_api_url)
    return SlackApi(client, Pacer(settings.redis_url), settings.slack_rate_factor)


def build_rounds(app: Flask) -> list[Round]:
    """Return what one process of the fleet does every so often."""
    sessions, statuspage = sessions_of(app), link_for(app.extensions)

    def look_at_statuspage() -> None:
        adopt_environment(statuspage, sessions)
        with sessions() as session:
            look_around(statuspage, session)

    rounds = [
        Round("statuspage", EVERY, sessions, look_at_statuspage),
        Round("housekeeping", housekeeping.EVERY, sessions, lambda: tidy_up(sessions)),
    ]
    api = _slack_api(app.extensions["settings"])
    if api is not None:
        read = partial(directory.keep_directory, api, sessions)
        rounds.append(Round("slack directory", directory.TURN, sessions, read))
    return rounds


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
        rounds = build_rounds(app)
        for one in rounds:
            one.start()

        def stop() -> None:
            for one in rounds:
                one.stop()
            runner.stop(settings.shutdown_grace)

        return stop
    from incidentbot.redis_wake import RedisWaker  # RQ is of no use without Redis

    waker = RedisWaker(settings.redis_url)
    waker.start()
    on_wake(waker.wake)
    return waker.stop
