"""Lists of incidents: what a filter finds, page by page, the newest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import CLOSED, OPEN, Severity, Status
from incidentbot.incidents.models import Incident
from incidentbot.incidents.search import matches
from incidentbot.incidents.visibility import visible_to
from incidentbot.users.actor import Actor


@dataclass(frozen=True)
class Filters:
    """What incidents are looked for: all that is said must hold; what is left out does not matter."""

    statuses: frozenset[Status] = frozenset()
    severities: frozenset[Severity] = frozenset()
    service_id: int | None = None
    commander_id: int | None = None
    declared_from: datetime | None = None
    declared_before: datetime | None = None
    words: str = ""

    @property
    def has_dates(self) -> bool:
        """Whether the time of the declaration matters."""
        return self.declared_from is not None or self.declared_before is not None


@dataclass(frozen=True)
class Page:
    """Some incidents, the newest first. `older` and `newer` are the numbers at which the neighbours start.

    They are None where there are none.
    """

    incidents: Sequence[Incident]
    older: int | None
    newer: int | None


def list_incidents(
    session: Session,
    viewer: Actor,
    filters: Filters,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> Page:
    """Return `limit` incidents that `viewer` may know of, next to the one numbered `before` or `after`.

    Without either, the newest. What comes after the newest is the first page again, and full.
    """
    query = _found(session, viewer, filters)
    if after is not None:
        near = session.scalars(
            _ordered(
                _beyond(session, query, filters, after, newer=True), filters, newest=False
            ).limit(limit + 1)
        ).all()
        if len(near) > limit:
            shown = near[:limit][::-1]
            return Page(shown, older=shown[-1].number, newer=shown[0].number)
        before = None
    if before is not None:
        query = _beyond(session, query, filters, before, newer=False)
    found = session.scalars(_ordered(query, filters, newest=True).limit(limit + 1)).all()
    shown = found[:limit]
    return Page(
        shown,
        older=shown[-1].number if len(found) > limit else None,
        newer=shown[0].number if shown and before is not None else None,
    )


def each_incident(
    session: Session, viewer: Actor, filters: Filters, batch: int = 500
) -> Iterator[Incident]:
    """Yield every incident of a filter, the newest first, with few in memory at a time.

    No transaction is open while the caller works on one; the incidents belong to no session.
    """
    before: int | None = None
    while True:
        page = list_incidents(session, viewer, filters, before=before, limit=batch)
        session.expunge_all()
        session.rollback()
        yield from page.incidents
        if page.older is None:
            return
        before = page.older


def list_open(session: Session, viewer: Actor, limit: int | None = None) -> Sequence[Incident]:
    """Return the open incidents that `viewer` may know of, the worst first, then the oldest."""
    return session.scalars(
        select(Incident)
        .where(Incident.status.in_(OPEN), visible_to(viewer))
        .order_by(Incident.severity, Incident.number)
        .limit(limit)
    ).all()


def count_open(session: Session, viewer: Actor) -> int:
    """Return how many open incidents `viewer` may know of."""
    query = select(func.count()).select_from(Incident)
    return session.scalar(query.where(Incident.status.in_(OPEN), visible_to(viewer))) or 0


def closed() -> Filters:
    """Return the filter of what is over."""
    return Filters(statuses=CLOSED)


def _found(session: Session, viewer: Actor, filters: Filters) -> Select[Incident]:
    conditions = [visible_to(viewer)]
    if filters.statuses:
        conditions.append(Incident.status.in_(sorted(filters.statuses)))
    if filters.severities:
        conditions.append(Incident.severity.in_(sorted(filters.severities)))
    if filters.service_id is not None:
        conditions.append(Incident.service_id == filters.service_id)
    if filters.commander_id is not None:
        conditions.append(Incident.commander_id == filters.commander_id)
    if filters.declared_from is not None:
        conditions.append(Incident.declared_at >= filters.declared_from)
    if filters.declared_before is not None:
        conditions.append(Incident.declared_at < filters.declared_before)
    words = matches(session, filters.words)
    if words is not None:
        conditions.append(words)
    return select(Incident).where(*conditions)


def _ordered(query: Select[Incident], filters: Filters, *, newest: bool) -> Select[Incident]:
    # The index of the dates finds a day of years ago without walking there from today; numbers
    # and dates have the same order but for clocks that were set.
    order = [Incident.declared_at, Incident.number] if filters.has_dates else [Incident.number]
    return query.order_by(*(column.desc() if newest else column.asc() for column in order))


def _beyond(
    session: Session,
    query: Select[Incident],
    filters: Filters,
    number: int,
    *,
    newer: bool,
) -> Select[Incident]:
    """Return the query of what comes after an incident in the list, or before it when `newer`."""
    by_number: ColumnElement[bool] = Incident.number > number if newer else Incident.number < number
    at = (
        session.scalar(select(Incident.declared_at).where(Incident.number == number))
        if filters.has_dates
        else None
    )
    if at is None:
        return query.where(by_number)
    by_date = Incident.declared_at > at if newer else Incident.declared_at < at
    up_to = Incident.declared_at >= at if newer else Incident.declared_at <= at
    return query.where(up_to, or_(by_date, and_(Incident.declared_at == at, by_number)))
