"""What templates may use to show things: words, times, and the installation's version."""

from datetime import datetime, timedelta
from uuid import uuid4

from flask import Flask

from incidentbot import clock
from incidentbot.incidents.durations import in_words
from incidentbot.incidents.lifecycle import PATH, Severity
from incidentbot.incidents.models import Incident
from incidentbot.incidents.story import effect, headline
from incidentbot.ops.health import VERSION


def install(app: Flask) -> None:
    """Give the templates their filters and names."""
    app.jinja_env.filters.update(
        headline=headline,
        iso=_iso,
        utc=_utc,
        duration=_duration,
        ago=_ago,
        effect=lambda delivery: effect(delivery.kind),
    )
    app.jinja_env.globals.update(
        severities=tuple(Severity),
        status_path=PATH,
        version=VERSION,
        new_request_key=lambda: uuid4().hex,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ago(moment: datetime) -> str:
    return f"{in_words(max(clock.now() - moment, timedelta()))} ago"


def _duration(incident: Incident) -> str:
    """Say how long an incident took, or has been open for."""
    if incident.duration_seconds is not None:
        return in_words(timedelta(seconds=incident.duration_seconds))
    return in_words(clock.now() - incident.declared_at)
