"""How a service did, day by day, and the one figure made of it. Pure: from changes of its state to days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incidentbot.status_pages.component_status import worst
from incidentbot.status_pages.models import ComponentStatus

DAYS = 90
_NOTHING = timedelta()


@dataclass(frozen=True)
class Day:
    """One day of a service: for how long it was observed, and how much of that in each state."""

    date: date
    times: Mapping[ComponentStatus, timedelta]

    @property
    def worst(self) -> ComponentStatus | None:
        """The worst state of the day; None when nothing is known of it."""
        return worst(self.times) if self.times else None

    @property
    def trouble(self) -> timedelta:
        """For how long the service was neither operational nor under maintenance."""
        return sum((self.times.get(status, _NOTHING) for status in TROUBLE), _NOTHING)


TROUBLE = (
    ComponentStatus.MAJOR_OUTAGE,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.DEGRADED,
)


def first_day(now: datetime, zone: ZoneInfo, count: int = DAYS) -> date:
    """Return the first of the `count` days that end with today."""
    return now.astimezone(zone).date() - timedelta(days=count - 1)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a time zone, as UTC."""
    # UTC, because Python subtracts two times of one zone by their clocks, not by what passed.
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def days_of(
    changes: Iterable[tuple[datetime, ComponentStatus]],
    since: datetime,
    now: datetime,
    zone: ZoneInfo,
    count: int = DAYS,
) -> Sequence[Day]:
    """Return the last `count` days of a service, today last.

    `changes` say from when on it was in which state, in order; before the first it was operational.
    It is observed from `since` to `now`: what lies outside of that counts on no day.
    """
    begin = first_day(now, zone, count)
    starts = [start_of(begin + timedelta(days=number), zone) for number in range(count + 1)]
    times: list[dict[ComponentStatus, timedelta]] = [{} for _ in range(count)]
    number = 0
    for start, end, status in _spells(changes, max(since, starts[0]), now):
        while starts[number + 1] <= start:
            number += 1
        while start < end:
            until = min(end, starts[number + 1])
            times[number][status] = times[number].get(status, _NOTHING) + (until - start)
            start = until
            if until == starts[number + 1] and number + 1 < count:
                number += 1
    return [Day(begin + timedelta(days=number), times[number]) for number in range(count)]


def uptime(days: Iterable[Day], partial_outage_weight: int) -> float | None:
    """Return the share of the observed time in which the service was up, 0 to 1; None without any.

    1 − (major outage + weight × partial outage) / observed. The weight is in percent. Degraded
    performance and maintenance count as up.
    """
    observed = major = partial = _NOTHING
    for day in days:
        observed += sum(day.times.values(), _NOTHING)
        major += day.times.get(ComponentStatus.MAJOR_OUTAGE, _NOTHING)
        partial += day.times.get(ComponentStatus.PARTIAL_OUTAGE, _NOTHING)
    if not observed:
        return None
    return 1 - (major + partial * partial_outage_weight / 100) / observed


def in_percent(share: float | None) -> str:
    """Return an uptime in words. It is never rounded up: only what never failed has 100 %."""
    if share is None:
        return "no data yet"
    hundredths = int(share * 10_000 + 1e-9)
    return (
        "100 %" if hundredths >= 10_000 and share >= 1 else f"{min(hundredths, 9_999) / 100:.2f} %"
    )


def _spells(
    changes: Iterable[tuple[datetime, ComponentStatus]], since: datetime, now: datetime
) -> Iterable[tuple[datetime, datetime, ComponentStatus]]:
    """Yield `(from, to, state)` of each stretch between `since` and `now`, in order."""
    at, status = since, ComponentStatus.OPERATIONAL
    for changed_at, changed_to in changes:
        until = min(max(changed_at, since), now)
        if until > at:
            yield at, until, status
            at = until
        status = changed_to
    if now > at:
        yield at, now, status
