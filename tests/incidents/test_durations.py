"""How long things took, counted from the timeline."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidentbot.incidents.durations import in_words, time_in_statuses, time_to_first_update
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind, TimelineEvent

START = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


def event(minute: int, kind: EventKind, **data: Any) -> TimelineEvent:
    return TimelineEvent(kind=kind, at=START + timedelta(minutes=minute), data=data)


DECLARED = event(0, EventKind.DECLARED)


def in_minutes(events: list[TimelineEvent], until: int) -> dict[Status, float]:
    spent = time_in_statuses(events, START + timedelta(minutes=until))
    return {status: duration.total_seconds() / 60 for status, duration in spent.items()}


def test_each_status_is_counted_until_the_next_begins() -> None:
    events = [
        DECLARED,
        event(3, EventKind.STATUS, to="investigating"),
        event(4, EventKind.UPDATE),
        event(10, EventKind.STATUS, to="monitoring"),
        event(30, EventKind.RESOLVED, to="resolved"),
    ]
    assert in_minutes(events, 30) == {
        Status.DECLARED: 3,
        Status.INVESTIGATING: 7,
        Status.MONITORING: 20,
    }


def test_the_time_between_resolution_and_reopening_belongs_to_no_status() -> None:
    events = [
        DECLARED,
        event(5, EventKind.RESOLVED, to="resolved"),
        event(60, EventKind.REOPENED, to="investigating"),
        event(70, EventKind.RESOLVED, to="resolved"),
    ]
    assert in_minutes(events, 70) == {Status.DECLARED: 5, Status.INVESTIGATING: 10}


def test_a_status_entered_twice_adds_up() -> None:
    events = [
        DECLARED,
        event(1, EventKind.STATUS, to="investigating"),
        event(3, EventKind.CANCELLED, to="cancelled"),
        event(10, EventKind.REOPENED, to="investigating"),
    ]
    assert in_minutes(events, 14) == {Status.DECLARED: 1, Status.INVESTIGATING: 6}


@pytest.mark.parametrize(
    "kind", [EventKind.UPDATE, EventKind.STATUS, EventKind.RESOLVED], ids=lambda kind: kind.value
)
def test_the_first_update_is_what_everybody_could_read(kind: EventKind) -> None:
    events = [DECLARED, event(1, EventKind.NOTE), event(2, EventKind.CHANNEL), event(7, kind)]
    assert time_to_first_update([*events, event(9, EventKind.UPDATE)]) == timedelta(minutes=7)


def test_without_an_update_there_is_no_time_to_it() -> None:
    assert time_to_first_update([DECLARED, event(1, EventKind.NOTE)]) is None


@pytest.mark.parametrize(
    "seconds,words",
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (86_400 + 3_599, "1 d"),
        (349_200, "4 d 1 h"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


@given(st.timedeltas(timedelta(), timedelta(days=4_000)))
def test_words_never_say_more_than_passed(duration: timedelta) -> None:
    units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    pieces = in_words(duration).split()
    said = sum(int(n) * units[unit] for n, unit in zip(pieces[::2], pieces[1::2], strict=True))
    assert said <= duration.total_seconds()
    assert duration.total_seconds() - said < (3_600 if duration.days else 60)
