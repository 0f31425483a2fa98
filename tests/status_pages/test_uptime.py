"""The days of a service and its uptime, against a computation that looks at every single minute."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.status_pages.component_status import status_of, worst
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.status_pages.uptime import days_of, in_percent, uptime

MINUTE = timedelta(minutes=1)
OK, WORK, SLOW, PARTIAL, MAJOR = ComponentStatus
# Ahead and behind, half hours, a change of clocks at midnight, none at all.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Asuncion",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Atlantic/Azores",
)
# Around changes of clocks in both directions, and around an ordinary midnight.
ANCHORS = (
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 3, 10, 7, tzinfo=UTC),
    datetime(2024, 11, 3, 6, tzinfo=UTC),
    datetime(2023, 10, 1, 4, tzinfo=UTC),
    datetime(2024, 6, 15, 0, tzinfo=UTC),
)
COUNT = 4

Change = tuple[datetime, ComponentStatus]
Incident = tuple[int, int, Severity, int]

minutes = st.integers(-5 * 1440, 2 * 1440)


def by_minute(
    changes: Sequence[Change], since: datetime, now: datetime, zone: ZoneInfo
) -> dict[date, dict[ComponentStatus, timedelta]]:
    """Look at every minute: on which day it is there, and what the service was then."""
    found: dict[date, dict[ComponentStatus, timedelta]] = {}
    minute = since
    while minute < now:
        state = OK
        for at, status in changes:
            if at <= minute:
                state = status
        day = found.setdefault(minute.astimezone(zone).date(), {})
        day[state] = day.get(state, timedelta()) + MINUTE
        minute += MINUTE
    return found


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    anchor=st.sampled_from(ANCHORS),
    now=st.integers(0, 2 * 1440),
    since=minutes,
    changes=st.lists(st.tuples(minutes, st.sampled_from(list(ComponentStatus))), max_size=8),
)
def test_every_minute_is_counted_once_on_its_day(
    zone: str, anchor: datetime, now: int, since: int, changes: list[tuple[int, ComponentStatus]]
) -> None:
    place, end, begin = ZoneInfo(zone), anchor + now * MINUTE, anchor + since * MINUTE
    story = [(anchor + at * MINUTE, status) for at, status in sorted(changes, key=lambda c: c[0])]
    days = days_of(story, begin, end, place, COUNT)
    slow = by_minute(story, begin, end, place)
    assert [day.date for day in days] == [
        end.astimezone(place).date() - timedelta(days=ago) for ago in range(COUNT - 1, -1, -1)
    ]
    assert {day.date: dict(day.times) for day in days if day.times} == {
        day: times for day, times in slow.items() if day >= days[0].date
    }
    for day in days:
        assert day.worst == (worst(day.times) if day.times else None)


@settings(max_examples=100, deadline=None)
@given(
    incidents=st.lists(
        st.tuples(
            st.integers(0, 3 * 1440),
            st.integers(0, 1440),
            st.sampled_from(list(Severity)),
            st.integers(0, 1440),
        ),
        max_size=5,
    ),
    weight=st.integers(0, 100),
    zone=st.sampled_from(ZONES),
    anchor=st.sampled_from(ANCHORS),
)
def test_the_uptime_of_overlapping_and_reopened_incidents_is_what_their_minutes_say(
    incidents: list[Incident], weight: int, zone: str, anchor: datetime
) -> None:
    begin = anchor - timedelta(days=2)
    now = begin + timedelta(days=4)

    def state_at(minute: int) -> ComponentStatus:
        return worst(_as_of(incident, minute) for incident in incidents)

    # What the history of the service would hold: its changes only.
    changes: list[Change] = []
    down = 0.0
    before = OK
    for minute in range(4 * 1440):
        state = state_at(minute)
        if state is not before:
            changes.append((begin + minute * MINUTE, state))
            before = state
        down += {MAJOR: 100, PARTIAL: weight}.get(state, 0) / 100
    share = uptime(days_of(changes, begin, now, ZoneInfo(zone), 10), weight)
    assert share == pytest.approx(1 - down / (4 * 1440))


def _as_of(incident: Incident, minute: int) -> ComponentStatus:
    """What an incident makes of its service: it is resolved, and then reopened for as long again."""
    start, length, severity, pause = incident
    again = start + length + pause
    is_open = start <= minute < start + length or again <= minute < again + length
    return status_of(severity, Status.INVESTIGATING) if is_open else OK


def test_a_day_of_23_and_one_of_25_hours_have_their_own_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for now, hours in (
        (datetime(2024, 4, 1, 12, tzinfo=UTC), 23),
        (datetime(2024, 10, 28, 12, tzinfo=UTC), 25),
    ):
        day = days_of([(now - timedelta(days=9), MAJOR)], now - timedelta(days=9), now, berlin)[-2]
        assert day.times == {MAJOR: timedelta(hours=hours)}


def test_nothing_is_known_of_the_days_before_a_service_was_shown() -> None:
    now = datetime(2024, 6, 15, 12, tzinfo=UTC)
    days = days_of([], now - timedelta(days=1), now, ZoneInfo("UTC"))
    assert [day.worst for day in days] == [None] * 88 + [OK, OK]
    assert uptime(days, 30) == 1
    assert uptime(days[:10], 30) is None


def test_degraded_performance_and_maintenance_count_as_up_and_a_partial_outage_by_its_weight() -> (
    None
):
    now = datetime(2024, 6, 15, 10, tzinfo=UTC)
    story = [(now - timedelta(hours=hours), status) for hours, status in ((8, WORK), (6, SLOW))]
    share = uptime(days_of(story, now - timedelta(hours=10), now, ZoneInfo("UTC")), 30)
    assert share == 1
    story += [(now - timedelta(hours=4), PARTIAL), (now - timedelta(hours=2), MAJOR)]
    share = uptime(days_of(story, now - timedelta(hours=10), now, ZoneInfo("UTC")), 30)
    assert share == pytest.approx(1 - (2 + 0.3 * 2) / 10)


@pytest.mark.parametrize(
    "share, words",
    [
        (None, "no data yet"),
        (1.0, "100 %"),
        (0.999999, "99.99 %"),
        (0.99999999999, "99.99 %"),
        (0.9995, "99.95 %"),
        (0.5, "50.00 %"),
        (0.0, "0.00 %"),
    ],
)
def test_an_uptime_is_never_rounded_up(share: float | None, words: str) -> None:
    assert in_percent(share) == words
