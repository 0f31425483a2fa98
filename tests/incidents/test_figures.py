"""What is counted while an incident runs: the first update, late updates, the time in each status."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from incidentbot.incidents import commands
from incidentbot.incidents.durations import due_in_words, time_in_statuses, time_to_first_update
from incidentbot.incidents.figures import MOVES, count, update_due
from incidentbot.incidents.lifecycle import OPEN, REOPENED, Status, can_move
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from tests.team import Team

START = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
EVERY = timedelta(minutes=30)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def new_incident() -> Incident:
    return Incident(
        status=Status.DECLARED,
        declared_at=START,
        status_since=START,
        seconds_declared=0,
        seconds_investigating=0,
        seconds_identified=0,
        seconds_monitoring=0,
        updates_due=0,
        updates_late=0,
    )


def test_the_first_update_is_the_first_thing_that_people_could_read(
    team: Team, clock: time_machine.Traveller
) -> None:
    team.declare()
    clock.shift(minutes(5))
    team.do(commands.add_note, "INC-1", team.bob, "Only a note")
    assert team.incident().first_update_at is None
    clock.shift(minutes(2))
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    clock.shift(minutes(2))
    team.do(commands.post_update, "INC-1", team.ada, "Still looking")
    incident = team.incident()
    assert incident.first_update_at == START + minutes(7)
    assert incident.last_update_at == START + minutes(9)


def test_an_update_is_late_when_the_gap_was_longer_than_the_severity_asks(
    team: Team, clock: time_machine.Traveller
) -> None:
    team.declare(severity="P1")  # every 30 minutes
    for gap in (30, 31, 5, 90):
        clock.shift(minutes(gap))
        team.do(commands.post_update, "INC-1", team.ada, f"after {gap}")
    incident = team.incident()
    assert (incident.updates_due, incident.updates_late) == (4, 2)


def test_a_severity_that_asks_for_none_counts_none(
    team: Team, clock: time_machine.Traveller
) -> None:
    team.declare(severity="P4")
    clock.shift(timedelta(days=3))
    team.do(commands.post_update, "INC-1", team.ada, "Still there")
    incident = team.incident()
    assert (incident.updates_due, incident.updates_late) == (0, 0)
    assert update_due(incident, None) is None


def test_nobody_waits_for_an_update_while_an_incident_is_closed(
    team: Team, clock: time_machine.Traveller
) -> None:
    team.declare(severity="P1")
    clock.shift(minutes(10))
    team.do(commands.resolve, "INC-1", team.ada)
    assert update_due(team.incident(), EVERY) is None
    clock.shift(timedelta(days=1))
    team.do(commands.reopen, "INC-1", team.ada, "It is back")
    assert update_due(team.incident(), EVERY) == START + minutes(10) + timedelta(days=1) + EVERY
    clock.shift(minutes(20))
    team.do(commands.post_update, "INC-1", team.ada, "Looking again")
    assert (team.incident().updates_due, team.incident().updates_late) == (2, 0)


def test_the_next_update_is_due_from_the_last_one_or_the_declaration() -> None:
    incident = new_incident()
    assert update_due(incident, EVERY) == START + EVERY
    incident.last_update_at = START + minutes(7)
    assert update_due(incident, EVERY) == START + minutes(37)


@pytest.mark.parametrize(
    "after,words",
    [(0, "in 30 min"), (29, "in 1 min"), (30, "overdue by 0 s"), (95, "overdue by 1 h 5 min")],
)
def test_when_it_is_due_is_said_in_words(after: int, words: str) -> None:
    assert due_in_words(START + EVERY, START + minutes(after)) == words


@st.composite
def stories(draw: st.DrawFn) -> list[TimelineEvent]:
    """Draw a timeline that commands could have made: moves, updates, ends and reopenings."""
    status, at = Status.DECLARED, START
    events = [TimelineEvent(kind=EventKind.DECLARED, at=at, data={})]
    for _ in range(draw(st.integers(0, 12))):
        at += timedelta(seconds=draw(st.integers(0, 100_000)))
        if not status.is_open:
            kind, target = EventKind.REOPENED, REOPENED
        else:
            target = draw(st.sampled_from([status, *(s for s in Status if can_move(status, s))]))
            kind = {
                status: EventKind.UPDATE,
                Status.RESOLVED: EventKind.RESOLVED,
                Status.CANCELLED: EventKind.CANCELLED,
            }.get(target, EventKind.STATUS)
        data = {"from": status.value, "to": target.value} if kind in MOVES else {}
        events.append(TimelineEvent(kind=kind, at=at, data=data))
        status = target
    return events


@given(stories())
def test_what_is_counted_is_what_the_timeline_says(events: list[TimelineEvent]) -> None:
    incident = new_incident()
    for event in events[1:]:
        before = Status(event.data["from"]) if event.kind in MOVES else incident.status
        incident.status = Status(event.data["to"]) if event.kind in MOVES else incident.status
        count(incident, event.kind, event.at, before, EVERY)
    counted = {status: getattr(incident, f"seconds_{status.value}") for status in OPEN}
    spent = time_in_statuses(events, incident.status_since or START)
    assert counted == {s: int(spent.get(s, timedelta()).total_seconds()) for s in OPEN}
    first = time_to_first_update(events)
    assert incident.first_update_at == (None if first is None else START + first)
    assert 0 <= incident.updates_late <= incident.updates_due
