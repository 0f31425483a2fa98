"""Every kind of event says in plain words what happened."""

from typing import Any

import pytest

from incidentbot.channels.slack.senders import handlers
from incidentbot.incidents.models import EventKind, TimelineEvent
from incidentbot.incidents.story import GROUPS, headline

HEADLINES: dict[EventKind, tuple[dict[str, Any], str]] = {
    EventKind.DECLARED: ({}, "Incident declared"),
    EventKind.UPDATE: ({}, "Status update"),
    EventKind.STATUS: (
        {"from": "declared", "to": "monitoring"},
        "Status: declared → monitoring",
    ),
    EventKind.SEVERITY: ({"from": "P3", "to": "P1"}, "Severity: P3 → P1"),
    EventKind.RESOLVED: ({"from": "monitoring", "to": "resolved"}, "Incident resolved"),
    EventKind.REOPENED: ({"from": "resolved", "to": "investigating"}, "Incident reopened"),
    EventKind.CANCELLED: ({"from": "declared", "to": "cancelled"}, "Incident cancelled"),
    EventKind.COMMANDER: ({"from": "Ada", "to": "Bob"}, "Command handed over: Ada → Bob"),
    EventKind.TAKEOVER: ({"from": "Ada", "to": "Bob"}, "Command taken over from Ada by Bob"),
    EventKind.NOTE: ({}, "Note"),
    EventKind.POSTMORTEM: ({}, "Post-mortem drafted"),
    EventKind.CHANNEL: ({"channel": "C1", "name": "inc-x"}, "Channel #inc-x opened"),
    EventKind.DELIVERY: ({"kind": "slack.dm"}, "Not delivered: a direct message"),
    EventKind.PEOPLE: (
        {"change": "added", "person": "Bob", "role": "scribe"},
        "Bob was added as scribe",
    ),
    EventKind.ACTION_ITEM: ({"change": "added"}, "Action item added"),
    EventKind.PUBLIC: (
        {"title": "Payments are down", "status": "identified"},
        "Customers told: Payments are down (identified)",
    ),
}


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_its_headline(kind: EventKind) -> None:
    data, expected = HEADLINES[kind]
    assert headline(TimelineEvent(kind=kind, data=data)) == expected


@pytest.mark.parametrize("kind", sorted(handlers(None)))
def test_every_kind_of_delivery_has_a_name_people_understand(kind: str) -> None:
    words = headline(TimelineEvent(kind=EventKind.DELIVERY, data={"kind": kind}))
    assert kind not in words


def test_a_delivery_of_a_kind_from_another_version_is_named_all_the_same() -> None:
    event = TimelineEvent(kind=EventKind.DELIVERY, data={"kind": "pigeon.post"})
    assert headline(event) == "Not delivered: pigeon.post"


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_belongs_to_one_group_of_the_filter(kind: EventKind) -> None:
    assert sum(kind in group.kinds for group in GROUPS.values()) == 1


@pytest.mark.parametrize(
    "data, expected",
    [
        ({"owner": "Bob", "due": "2026-12-01"}, "Action item added for Bob, due 1 Dec 2026"),
        ({"owner": "Bob", "due": None}, "Action item added for Bob"),
        ({"owner": None, "due": "2026-12-01"}, "Action item added, due 1 Dec 2026"),
        ({"owner": None, "due": None}, "Action item added"),
    ],
)
def test_an_action_item_says_for_whom_and_until_when(
    data: dict[str, str | None], expected: str
) -> None:
    event = TimelineEvent(kind=EventKind.ACTION_ITEM, data={"change": "added", **data})
    assert headline(event) == expected
