"""What is counted while an incident runs: the first update, late updates, the time in each status."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from incidentbot.incidents import commands
from incidentbot.incidents.durations import due_in_words, time_in_statuses, time_to_first_update
from incidentbot.incidents.figures import MOVES, count, missed, update_due, waiting_since
from incidentbot.incidents.lifecycle import OPEN, REOPENED, Severity, Status, can_move
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from tests.team import Team

START = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
EVERY = timedelta(minutes=30)
EVERY_OF = {
    Severity.P1: EVERY,
    Severity.P2: timedelta(hours=1),
    Severity.P3: timedelta(hours=4),
    Severity.P4: None,
}


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


@pytest.mark.parametrize(
    "gap, due, late",
    [(0, 1, 0), (30, 1, 0), (31, 1, 1), (60, 1, 1), (61, 2, 2), (600, 19, 19), (601, 20, 20)],
)
def test_each_time_that_runs_out_before_an_update_counts_as_late(
    gap: int, due: int, late: int
) -> None:
    incident = new_incident()
    count(incident, EventKind.UPDATE, START + minutes(gap), Status.DECLARED, EVERY)
    assert (incident.updates_due, incident.updates_late) == (due, late)


def test_an_escalation_begins_the_wait_anew(team: Team, clock: time_machine.Traveller) -> None:
    team.declare(severity="P4")
    clock.shift(timedelta(hours=5))
    team.do(commands.change_severity, "INC-1", team.ada, "P1", "All of it is down now")
    incident = team.incident()
    assert update_due(incident, EVERY) == START + timedelta(hours=5) + EVERY
    assert (incident.updates_due, incident.updates_late) == (0, 0), "a P4 asks for none"
    clock.shift(minutes(29))
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    incident = team.incident()
    assert (incident.updates_due, incident.updates_late) == (1, 0)


def test_what_was_overdue_when_the_severity_is_lowered_stays_counted(
    team: Team, clock: time_machine.Traveller
) -> None:
    team.declare(severity="P1")
    clock.shift(minutes(5 * 60 + 1))
    team.do(commands.change_severity, "INC-1", team.ada, "P4")
    clock.shift(timedelta(days=2))
    team.do(commands.resolve, "INC-1", team.ada)
    incident = team.incident()
    assert (incident.updates_due, incident.updates_late) == (10, 10)


def test_a_cancelled_incident_that_was_silent_and_is_reopened_has_been_late(
    team: Team, clock: time_machine.Traveller
) -> None:
    team.declare(severity="P1")
    clock.shift(minutes(61))
    team.do(commands.cancel, "INC-1", team.ada, "A false alarm")
    clock.shift(timedelta(days=1))
    team.do(commands.reopen, "INC-1", team.ada, "It was none")
    incident = team.incident()
    assert (incident.updates_due, incident.updates_late) == (2, 2)
    assert update_due(incident, EVERY) == START + minutes(61) + timedelta(days=1) + EVERY


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
    """Draw a timeline that commands could have made: moves, updates, severities, ends, reopenings."""
    status, at, severity = Status.DECLARED, START, draw(st.sampled_from(Severity))
    events = [TimelineEvent(kind=EventKind.DECLARED, at=at, data={})]
    for _ in range(draw(st.integers(0, 12))):
        at += timedelta(seconds=draw(st.integers(0, 100_000)))
        if not status.is_open:
            kind, target = EventKind.REOPENED, REOPENED
        elif draw(st.booleans()):
            other = draw(st.sampled_from([each for each in Severity if each is not severity]))
            data = {"from": severity.value, "to": other.value}
            events.append(TimelineEvent(kind=EventKind.SEVERITY, at=at, data=data))
            severity = other
            continue
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


def by_stopwatch(events: list[TimelineEvent], severity: str, until: datetime) -> tuple[int, int]:
    """Return how many updates were due and late: by a stopwatch that is started at each of them."""
    due, late = 0, 0
    started: datetime | None = events[0].at
    for event in [*events[1:], None]:
        at, every = event.at if event else until, EVERY_OF[Severity(severity)]
        if started is not None and every is not None:
            rings = 0
            while started + every * (rings + 1) < at:
                rings += 1
            late += rings
            due += max(rings, 1 if event else 0)
        if event is None:
            break
        severity = event.data["to"] if event.kind is EventKind.SEVERITY else severity
        is_over = event.kind in (EventKind.RESOLVED, EventKind.CANCELLED)
        started = None if is_over else event.at
    return due, late


@given(stories(), st.integers(0, 1_000_000))
def test_what_is_counted_is_what_the_timeline_says(events: list[TimelineEvent], later: int) -> None:
    incident = new_incident()
    severities = [e.data["from"] for e in events if e.kind is EventKind.SEVERITY] + [
        next((e.data["to"] for e in events[::-1] if e.kind is EventKind.SEVERITY), "P2")
    ]
    incident.severity = Severity(severities[0])
    for event in events[1:]:
        before = Status(event.data["from"]) if event.kind in MOVES else incident.status
        incident.status = Status(event.data["to"]) if event.kind in MOVES else incident.status
        count(incident, event.kind, event.at, before, EVERY_OF[incident.severity])
        if event.kind is EventKind.SEVERITY:
            incident.severity = Severity(event.data["to"])
    now, every = events[-1].at + timedelta(seconds=later), EVERY_OF[incident.severity]
    is_awaited = incident.status.is_open and every is not None
    late_now = missed(waiting_since(incident), now, every) if is_awaited and every else 0
    assert by_stopwatch(events, severities[0], now) == (
        incident.updates_due + late_now,
        incident.updates_late + late_now,
    )
    counted = {status: getattr(incident, f"seconds_{status.value}") for status in OPEN}
    spent = time_in_statuses(events, incident.status_since or START)
    assert counted == {s: int(spent.get(s, timedelta()).total_seconds()) for s in OPEN}
    first = time_to_first_update(events)
    assert incident.first_update_at == (None if first is None else START + first)
    assert 0 <= incident.updates_late <= incident.updates_due
