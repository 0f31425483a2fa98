"""What templates may use to show things: words, times, and the installation's version."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode, urljoin
from uuid import uuid4

from flask import Flask, current_app, g
from flask_login import current_user

from incidentbot import clock
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents.durations import due_in_words, in_words
from incidentbot.incidents.lifecycle import PATH, Severity
from incidentbot.incidents.models import Incident
from incidentbot.incidents.severities import words_by_severity
from incidentbot.incidents.story import GROUPS, effect, group_of, headline
from incidentbot.incidents.text import shorten
from incidentbot.ops.version import VERSION
from incidentbot.outbox.models import Delivery
from incidentbot.routing.plan import WAR_ROOM
from incidentbot.users.models import Role
from incidentbot.web.audit_words import action_words
from incidentbot.web.linked_text import linked
from incidentbot.web.settings.menu import AREAS as SETTINGS_AREAS
from incidentbot.web.times import (
    ago_in_words,
    day_in_words,
    second_in_words,
    time_in_words,
    utc_in_words,
)
from incidentbot.web.zones import own_zone

# Deliveries to customers: their target is the incident itself, or a number that tells nobody anything.
_TO_CUSTOMERS = frozenset(
    {"email.subscribers", "email.update", "email.confirm", "statuspage.incident"}
)


def install(app: Flask) -> None:
    """Give the templates their filters and names."""
    app.jinja_env.filters.update(
        headline=headline,
        iso=_iso,
        utc=utc_in_words,
        second=second_in_words,
        own_time=_own_time,
        day=day_in_words,
        linked=linked,
        beginning=_beginning,
        duration=_duration,
        ago=_ago,
        due=lambda moment: due_in_words(moment, clock.now()),
        action_words=action_words,
        group=lambda event: group_of(event.kind),
        effect=lambda delivery: effect(delivery.kind),
        effects=_effects,
        meaning=_meaning,
        place=_place,
        by_reason=_by_reason,
        upper_first=_upper_first,
    )
    app.jinja_env.globals.update(
        severities=tuple(Severity),
        status_path=PATH,
        timeline_groups=GROUPS,
        version=VERSION,
        chosen_zone=_chosen_zone,
        new_request_key=lambda: uuid4().hex,
        navigation=_navigation,
        slack_channel_url=_slack_channel_url,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _navigation() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the main areas the person may open: title, endpoint, blueprints that belong to it."""
    areas: list[tuple[str, str, tuple[str, ...]]] = [
        (
            "Incidents",
            "incidents.index",
            ("incidents", "incident_tabs", "customers", "postmortems"),
        ),
        ("Insights", "insights.index", ("insights",)),
    ]
    if current_user.role is Role.ADMIN:
        areas.append(("Settings", "settings.index", SETTINGS_AREAS))
    areas.append(("My page", "me.index", ("me",)))
    return areas


def _slack_channel_url(channel_id: str) -> str:
    """Return the address that leads to a channel in Slack, or in the sandbox where that stands in for it.

    https://docs.slack.dev/interactivity/deep-linking: `app_redirect`, beside the Web API.
    """
    settings: Settings = current_app.extensions["settings"]
    return urljoin(settings.slack_api_url, f"/app_redirect?{urlencode({'channel': channel_id})}")


def _meaning(severity: Severity) -> str:
    """Return a severity's words, as the admins have them. They are read once a request."""
    if "severity_words" not in g:
        g.severity_words = words_by_severity(db.session())
    meaning: str = g.severity_words[severity].meaning
    return meaning


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _own_time(moment: datetime) -> str:
    """Return a moment in the reader's own zone; in UTC while they have chosen none."""
    return time_in_words(moment, _chosen_zone())


def _chosen_zone() -> str | None:
    """Return the zone that the reader has chosen, if they have."""
    return own_zone(current_user) if current_user.is_authenticated else None


def _ago(moment: datetime) -> str:
    return ago_in_words(moment, clock.now())


def _duration(incident: Incident) -> str:
    """Say how long an incident took, or has been open for."""
    if incident.duration_seconds is not None:
        return in_words(timedelta(seconds=incident.duration_seconds))
    return in_words(clock.now() - incident.declared_at)


def _by_reason(deliveries: Iterable[Delivery]) -> list[tuple[str, list[Delivery]]]:
    """Put together what failed for the same reason, so that it is read once."""
    alike: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        alike.setdefault(delivery.last_error or "", []).append(delivery)
    return list(alike.items())


def _effects(deliveries: Sequence[Delivery]) -> str:
    """Say what some deliveries do: "A message (3 times), the announcement"."""
    counts = Counter(effect(delivery.kind) for delivery in deliveries)
    words = [name if count == 1 else f"{name} ({count} times)" for name, count in counts.items()]
    return _upper_first(", ".join(words))


def _place(delivery: Delivery) -> str:
    """Say where a delivery goes, or "" when what it does says so already."""
    if delivery.kind in _TO_CUSTOMERS:
        return ""
    if delivery.target != WAR_ROOM:
        return delivery.target
    return "" if "channel" in effect(delivery.kind) else "the incident's channel"


def _beginning(text: str) -> str:
    """Return the first lines of a long text."""
    return shorten("\n".join(text.split("\n")[:5]), 400).removesuffix("…") + "…"


def _upper_first(words: str) -> str:
    return words[:1].upper() + words[1:]
