"""What each timeline event says, in plain words, the same in Slack, on the web and in exports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from incidentbot.incidents.models import EventKind, TimelineEvent

_DELIVERIES = {
    "slack.war_room": "creating the incident's channel",
    "slack.invite": "inviting people to the channel",
    "slack.topic": "setting the channel's topic",
    "slack.bookmark": "bookmarking the incident's page",
    "slack.card": "the card in the channel",
    "slack.pin": "pinning the card",
    "slack.message": "a message",
    "slack.announcement": "the announcement",
    "slack.dm": "a direct message",
    "slack.remove": "removing a person from the channel",
    "statuspage.component": "the component's status on Statuspage",
    "statuspage.incident": "the incident on Statuspage",
    "statuspage.maintenance": "the maintenance on Statuspage",
    "maintenance.clock": "beginning or ending a maintenance",
    "email.subscribers": "mail to the status page's subscribers",
    "email.update": "mail to a subscriber of the status page",
    "email.confirm": "the question to a new subscriber of the status page",
    "slack.profile": "asking Slack for a person's profile",
    "audit.verify": "looking through the audit log",
    "email.account": "an e-mail with a link to sign in",
}

_PEOPLE = {
    "joined": "{person} joined",
    "added": "{person} was added as {role}",
    "removed": "{person} was removed",
    "left": "{person} left",
}


def _action_item(data: Mapping[str, Any]) -> str:
    """Say what became of it; when it was added or changed, for whom and until when, where it says so."""
    words = f"Action item {data['change']}"
    if data.get("owner"):
        words += f"{', now' if data['change'] == 'changed' else ''} for {data['owner']}"
    if data.get("due"):
        words += f", due {date.fromisoformat(data['due']):%-d %b %Y}"
    return words


_HEADLINES: Mapping[EventKind, Callable[[Mapping[str, Any]], str]] = {
    EventKind.DECLARED: lambda _data: "Incident declared",
    EventKind.UPDATE: lambda _data: "Status update",
    EventKind.STATUS: lambda data: f"Status: {data['from']} → {data['to']}",
    EventKind.SEVERITY: lambda data: f"Severity: {data['from']} → {data['to']}",
    EventKind.RESOLVED: lambda _data: "Incident resolved",
    EventKind.REOPENED: lambda _data: "Incident reopened",
    EventKind.CANCELLED: lambda _data: "Incident cancelled",
    EventKind.COMMANDER: lambda data: f"Command handed over: {data['from']} → {data['to']}",
    EventKind.TAKEOVER: lambda data: f"Command taken over from {data['from']} by {data['to']}",
    EventKind.NOTE: lambda _data: "Note",
    EventKind.POSTMORTEM: lambda _data: "Post-mortem drafted",
    EventKind.CHANNEL: lambda data: f"Channel #{data['name']} opened",
    EventKind.PEOPLE: lambda data: _PEOPLE[data["change"]].format(**data),
    EventKind.ACTION_ITEM: _action_item,
    EventKind.PUBLIC: lambda data: f"Customers told: {data['title']} ({data['status']})",
    EventKind.DELIVERY: lambda data: f"Not delivered: {effect(data['kind'])}",
}


@dataclass(frozen=True)
class Group:
    """Kinds of events that one reads together, and what they are called."""

    title: str
    kinds: frozenset[EventKind]


GROUPS: Mapping[str, Group] = {
    "updates": Group(
        "Updates",
        frozenset(
            {
                EventKind.DECLARED,
                EventKind.UPDATE,
                EventKind.STATUS,
                EventKind.SEVERITY,
                EventKind.RESOLVED,
                EventKind.REOPENED,
                EventKind.CANCELLED,
                EventKind.PUBLIC,
            }
        ),
    ),
    "notes": Group("Notes and tasks", frozenset({EventKind.NOTE, EventKind.ACTION_ITEM})),
    "people": Group(
        "People", frozenset({EventKind.COMMANDER, EventKind.TAKEOVER, EventKind.PEOPLE})
    ),
    "system": Group(
        "System", frozenset({EventKind.CHANNEL, EventKind.DELIVERY, EventKind.POSTMORTEM})
    ),
}


def group_of(kind: EventKind) -> str:
    """Return the name of the group that a kind of event belongs to."""
    return next(name for name, group in GROUPS.items() if kind in group.kinds)


def headline(event: TimelineEvent) -> str:
    """Return the event in a few plain words, without its text."""
    return _HEADLINES[event.kind](event.data)


def effect(kind: str) -> str:
    """Return what a delivery of this kind does, in words."""
    return _DELIVERIES.get(kind, kind)
