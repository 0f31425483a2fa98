"""What can be asked of how incidents went, and the shape of the answer. All times are whole seconds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from incidentbot.incidents.figures import missed
from incidentbot.incidents.lifecycle import PATH, Severity, Status

STATUSES = tuple(status for status in PATH if status.is_open)


@dataclass(frozen=True)
class Question:
    """What to look at: the days `first` to `last`, both included, as `zone` counts them.

    No `first`: since the first incident. `severities` and `service_id` narrow it down; empty or None
    for all. `today` tells what is overdue.
    """

    first: date | None
    last: date
    today: date
    zone: str = "UTC"
    severities: tuple[Severity, ...] = ()
    service_id: int | None = None

    @property
    def days(self) -> int | None:
        """How many days it is about; None for all there are."""
        return None if self.first is None else (self.last - self.first).days + 1


@dataclass(frozen=True)
class Spread:
    """How long something took, over `count` incidents: mean and nearest-rank percentiles, in seconds."""

    count: int = 0
    mean: float | None = None
    p50: int | None = None
    p90: int | None = None


@dataclass(frozen=True)
class Summary:
    """Some incidents together.

    `first_update` is from declaration to the first update of those that had one, `resolve` from
    declaration to resolution of those that are resolved. `in_status` is the mean time that the
    resolved ones spent in each status, in seconds. Of `updates_due` updates, `updates_late` did not
    come in time: those that open ones wait for in vain are among them.
    """

    incidents: int = 0
    first_update: Spread = Spread()
    resolve: Spread = Spread()
    in_status: dict[Status, float] = field(default_factory=dict)
    updates_due: int = 0
    updates_late: int = 0

    @property
    def kept(self) -> float | None:
        """The share of due updates that came in time, from 0 to 1; None when none was due."""
        return None if not self.updates_due else 1 - self.updates_late / self.updates_due


class Unit(StrEnum):
    """How finely a range is cut."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Bucket:
    """The incidents declared in one day, week (from Monday) or month that begins at `start`."""

    start: date
    by_severity: dict[Severity, int]


@dataclass(frozen=True)
class OpenItems:
    """Action items that are not done: all, and those that were due before today."""

    open: int
    overdue: int


@dataclass(frozen=True)
class Insights:
    """Everything that was asked. By service: of those that have any, by their id.

    `hours` counts declarations by weekday (0 is Monday) and hour. `before` sums up as many days right
    before the range; None where there was no incident before. Action items are those open now,
    whenever their incident was declared.
    """

    all: Summary
    before: Summary | None
    by_severity: dict[Severity, Summary]
    by_service: dict[int, Summary]
    unit: Unit
    over_time: list[Bucket]
    hours: list[list[int]]
    items: dict[int, OpenItems]


@dataclass(frozen=True)
class Wait:
    """An open incident: since when its next update is awaited, and how often its severity asks for one."""

    is_now: int
    severity: Severity
    service_id: int
    since: datetime
    every: timedelta


@dataclass(frozen=True)
class Counted:
    """An answer that holds until a command changes something, and what goes on by the clock alone."""

    insights: Insights
    waits: Sequence[Wait]

    def at(self, now: datetime) -> Insights:
        """Return the answer with the updates that open incidents wait for in vain by now."""
        late: Counter[tuple[Any, ...]] = Counter()
        for wait in self.waits:
            count = missed(wait.since, now, wait.every)
            late[wait.is_now,] += count
            late[wait.is_now, wait.severity] += count
            late[wait.is_now, None, wait.service_id] += count

        def with_late(summary: Summary, *group: Any) -> Summary:
            due, were_late = summary.updates_due, summary.updates_late
            more = late[group]
            return replace(summary, updates_due=due + more, updates_late=were_late + more)

        answer = self.insights
        return replace(
            answer,
            all=with_late(answer.all, 1),
            before=None if answer.before is None else with_late(answer.before, 0),
            by_severity={
                severity: with_late(summary, 1, severity)
                for severity, summary in answer.by_severity.items()
            },
            by_service={
                service_id: with_late(summary, 1, None, service_id)
                for service_id, summary in answer.by_service.items()
            },
        )
