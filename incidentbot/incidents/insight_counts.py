"""Counting how incidents went, in the database: by severity and service, over time, by the hour.

Only reads, and only the columns that `figures.py` keeps in `incidents`: never the timeline.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from incidentbot.database import is_postgres
from incidentbot.incidents.insight_answers import (
    STATUSES,
    Bucket,
    Insights,
    OpenItems,
    Question,
    Spread,
    Summary,
    Unit,
    Wait,
)
from incidentbot.incidents.lifecycle import OPEN, Severity, Status
from incidentbot.incidents.models import ActionItem, Incident
from incidentbot.incidents.severities import words_by_severity
from incidentbot.incidents.visibility import visible_to
from incidentbot.users.actor import Actor

DAYS_BY_DAY = 31  # a range up to so long is shown day by day
DAYS_BY_WEEK = 26 * 7
# Every zone's offset from UTC is a multiple of this.
_QUARTER = 900


class Asked:
    """A question as conditions on `incidents`."""

    def __init__(self, session: Session, question: Question, viewer: Actor) -> None:
        self.session = session
        self.question = question
        self.viewer = viewer
        self.zone = ZoneInfo(question.zone)
        self.start = None if question.first is None else self._midnight(question.first)
        self.end = self._midnight(question.last + timedelta(days=1))
        self.before = (
            self._midnight(question.first - timedelta(days=question.days))
            if question.first and question.days
            else None
        )
        self.chosen = [Incident.status != Status.CANCELLED, visible_to(viewer)]
        if question.severities:
            self.chosen.append(Incident.severity.in_(question.severities))
        if question.service_id is not None:
            self.chosen.append(Incident.service_id == question.service_id)

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    @property
    def has_earlier(self) -> bool:
        """Whether there was any incident before the range, so that it can be compared."""
        if self.start is None:
            return False
        earlier = exists().where(Incident.declared_at < self.start, visible_to(self.viewer))
        return bool(self.session.scalar(select(earlier)))

    @property
    def declared_now(self) -> ColumnElement[bool]:
        """In the range."""
        return self._declared_since(self.start)

    @property
    def declared_now_or_before(self) -> ColumnElement[bool]:
        """In the range, or in as many days before it."""
        return self._declared_since(self.before)

    def _declared_since(self, start: datetime | None) -> ColumnElement[bool]:
        until = Incident.declared_at < self.end
        return until if start is None else and_(Incident.declared_at >= start, until)

    @property
    def is_now(self) -> ColumnElement[int]:
        """1 for incidents in the range, 0 for those before it."""
        if self.start is None:
            return literal(1)
        return case((Incident.declared_at >= self.start, 1), else_=0)

    @property
    def seconds_to_first_update(self) -> ColumnElement[int]:
        """From the declaration to the first update; NULL when there was none."""
        return self.epoch(Incident.first_update_at) - self.epoch(Incident.declared_at)

    def epoch(self, moment: Any) -> ColumnElement[int]:
        """A moment as whole seconds since 1970, cut off rather than rounded."""
        if is_postgres(self.session):
            return cast(func.floor(func.extract("epoch", moment)), BigInteger)
        return cast(func.strftime("%s", func.substr(moment, 1, 19)), Integer)


def count_all(asked: Asked) -> Insights:
    """Return what holds until a command changes something."""
    question = asked.question
    sums = _sums(asked)
    resolve = _percentiles(asked, Incident.duration_seconds)
    first_update = _percentiles(asked, asked.seconds_to_first_update)
    now = [row for row in sums if row.is_now]

    def summary(rows: Iterable[Any], *group: Any) -> Summary:
        return _summary(list(rows), first_update.get(group, {}), resolve.get(group, {}))

    severities = question.severities or tuple(Severity)
    quarters = _quarters(asked)
    unit, over_time = _over_time(question, quarters)
    return Insights(
        all=summary(now, 1),
        before=None
        if not asked.has_earlier
        else summary((row for row in sums if not row.is_now), 0),
        by_severity={
            severity: summary((row for row in now if row.severity is severity), 1, severity)
            for severity in severities
        },
        by_service={
            service_id: summary(
                (row for row in now if row.service_id == service_id), 1, None, service_id
            )
            for service_id in sorted({row.service_id for row in now})
        },
        unit=unit,
        over_time=over_time,
        hours=_hours(quarters),
        items=_open_items(asked),
    )


def _sums(asked: Asked) -> Sequence[Any]:
    """Return what can be added up: a row per period, severity and service."""
    is_now = asked.is_now.label("is_now")
    resolved = Incident.status == Status.RESOLVED
    return asked.session.execute(
        select(
            is_now,
            Incident.severity,
            Incident.service_id,
            func.count().label("incidents"),
            func.count(Incident.first_update_at).label("updated"),
            func.sum(asked.seconds_to_first_update).label("to_first_update"),
            func.count(Incident.duration_seconds).label("resolved"),
            func.sum(Incident.duration_seconds).label("to_resolve"),
            func.sum(Incident.updates_due).label("due"),
            func.sum(Incident.updates_late).label("late"),
            *(
                func.sum(
                    case((resolved, getattr(Incident, f"seconds_{status.value}")), else_=0)
                ).label(status.value)
                for status in STATUSES
            ),
        )
        .where(asked.declared_now_or_before, *asked.chosen)
        .group_by(is_now, Incident.severity, Incident.service_id)
    ).all()


def _summary(rows: list[Any], first_update: dict[int, int], resolve: dict[int, int]) -> Summary:
    def total(name: str) -> int:
        return int(sum(getattr(row, name) or 0 for row in rows))

    resolved = total("resolved")
    return Summary(
        incidents=total("incidents"),
        first_update=_spread(total("updated"), total("to_first_update"), first_update),
        resolve=_spread(resolved, total("to_resolve"), resolve),
        in_status={status: total(status.value) / resolved for status in STATUSES}
        if resolved
        else {},
        updates_due=total("due"),
        updates_late=total("late"),
    )


def _spread(count: int, seconds: int, percentiles: dict[int, int]) -> Spread:
    if not count:
        return Spread()
    return Spread(count, seconds / count, percentiles[50], percentiles[90])


def _percentiles(asked: Asked, value: Any) -> dict[tuple[Any, ...], dict[int, int]]:
    """Return the nearest-rank percentiles of a value, by group.

    A group is `(is_now,)`, `(is_now, severity)` or `(is_now, None, service_id)`. The p-th percentile
    of n values is the one at place p·n/100, rounded up, when they stand in order.
    """
    is_now = asked.is_now
    groups = {
        "all": (is_now,),
        "severity": (is_now, Incident.severity),
        "service": (is_now, Incident.service_id),
    }
    ranked = (
        select(
            is_now.label("is_now"),
            Incident.severity.label("severity"),
            Incident.service_id.label("service_id"),
            value.label("seconds"),
            *(
                func.row_number().over(partition_by=group, order_by=value).label(f"place_{name}")
                for name, group in groups.items()
            ),
            *(
                func.count().over(partition_by=group).label(f"of_{name}")
                for name, group in groups.items()
            ),
        )
        .where(asked.declared_now_or_before, *asked.chosen, value.is_not(None))
        .subquery()
    )
    hits = {
        (name, percentile): ranked.c[f"place_{name}"]
        == (ranked.c[f"of_{name}"] * percentile + 99) // 100
        for name in groups
        for percentile in (50, 90)
    }
    found: dict[tuple[Any, ...], dict[int, int]] = {}
    for row in asked.session.execute(
        select(
            ranked.c.is_now,
            ranked.c.severity,
            ranked.c.service_id,
            ranked.c.seconds,
            *(hit.label(f"{name}_{percentile}") for (name, percentile), hit in hits.items()),
        ).where(or_(*hits.values()))
    ):
        group_of = {
            "all": (row.is_now,),
            "severity": (row.is_now, row.severity),
            "service": (row.is_now, None, row.service_id),
        }
        for name, percentile in hits:
            if getattr(row, f"{name}_{percentile}"):
                found.setdefault(group_of[name], {})[percentile] = int(row.seconds)
    return found


def _quarters(asked: Asked) -> list[tuple[datetime, Severity, int]]:
    """Return how many were declared in each quarter of an hour, in the viewer's time, by severity."""
    quarter = (asked.epoch(Incident.declared_at) // _QUARTER).label("quarter")
    rows = asked.session.execute(
        select(quarter, Incident.severity, func.count())
        .where(asked.declared_now, *asked.chosen)
        .group_by(quarter, Incident.severity)
    )
    return [
        (datetime.fromtimestamp(number * _QUARTER, asked.zone), severity, count)
        for number, severity, count in rows
    ]


def _over_time(
    question: Question, quarters: list[tuple[datetime, Severity, int]]
) -> tuple[Unit, list[Bucket]]:
    oldest = min((moment.date() for moment, *_ in quarters), default=question.last)
    first = question.first or oldest
    unit = _unit((question.last - first).days + 1)
    counts: dict[date, Counter[Severity]] = {
        start: Counter() for start in _starts(first, question.last, unit)
    }
    for moment, severity, count in quarters:
        counts[_start_of(moment.date(), unit)][severity] += count
    severities = question.severities or tuple(Severity)
    return unit, [
        Bucket(start, {severity: count[severity] for severity in severities})
        for start, count in counts.items()
    ]


def _unit(days: int) -> Unit:
    if days <= DAYS_BY_DAY:
        return Unit.DAY
    return Unit.WEEK if days <= DAYS_BY_WEEK else Unit.MONTH


def _start_of(day: date, unit: Unit) -> date:
    if unit is Unit.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Unit.MONTH else day


def _starts(first: date, last: date, unit: Unit) -> list[date]:
    """Return where each day, week or month begins that has a day from `first` to `last`."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return list(dict.fromkeys(_start_of(day, unit) for day in days))


def _hours(quarters: list[tuple[datetime, Severity, int]]) -> list[list[int]]:
    hours = [[0] * 24 for _ in range(7)]
    for moment, _, count in quarters:
        hours[moment.weekday()][moment.hour] += count
    return hours


def waits(asked: Asked) -> list[Wait]:
    """Return the open incidents whose severity asks for updates: few, however many there have been."""
    words = words_by_severity(asked.session)
    rows = asked.session.execute(
        select(
            asked.is_now,
            Incident.severity,
            Incident.service_id,
            func.coalesce(Incident.last_update_at, Incident.declared_at),
        ).where(Incident.status.in_(OPEN), asked.declared_now_or_before, *asked.chosen)
    )
    return [
        Wait(is_now, severity, service_id, since, every)
        for is_now, severity, service_id, since in rows
        if (every := words[severity].update_every) is not None
    ]


def _open_items(asked: Asked) -> dict[int, OpenItems]:
    overdue = case((ActionItem.due_on < asked.question.today, 1), else_=0)
    rows = asked.session.execute(
        select(Incident.service_id, func.count(), func.sum(overdue))
        .join(Incident, Incident.id == ActionItem.incident_id)
        .where(ActionItem.done_at.is_(None), *asked.chosen)
        .group_by(Incident.service_id)
        .order_by(Incident.service_id)
    )
    return {service_id: OpenItems(count, late) for service_id, count, late in rows}
