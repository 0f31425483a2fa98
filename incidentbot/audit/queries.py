"""Reading the audit log: a page of it, all that matches, and what can be chosen to filter by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, false, func, select
from sqlalchemy.orm import Session

from incidentbot.audit.models import AuditEntry, AuditHead, Outcome

PER_PAGE = 50


@dataclass(frozen=True)
class Filter:
    """Which entries: only those that agree with everything given. `until` itself is not included."""

    actor_id: int | None = None
    action: str = ""
    subject: str = ""
    outcome: Outcome | None = None
    overrides_only: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Entries, the newest first; `next_before` is where the next page goes on, None at the end."""

    entries: Sequence[AuditEntry]
    next_before: int | None


def list_entries(session: Session, wanted: Filter, before: int | None = None) -> Page:
    """Return a page of the entries that match, those numbered below `before`."""
    query = _matching(session, wanted).order_by(AuditEntry.seq.desc())
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    found = session.scalars(query.limit(PER_PAGE + 1)).all()
    entries = found[:PER_PAGE]
    return Page(entries, entries[-1].seq if len(found) > PER_PAGE else None)


def iterate_entries(session: Session, wanted: Filter, batch: int = 500) -> Iterator[AuditEntry]:
    """Yield every entry that matches, the oldest first, without holding them all.

    No transaction is open while the caller works on one; the entries belong to no session.
    """
    query = _matching(session, wanted).order_by(AuditEntry.seq).limit(batch)
    last = 0
    while True:
        entries = session.scalars(query.where(AuditEntry.seq > last)).all()
        session.expunge_all()
        session.rollback()
        yield from entries
        if len(entries) < batch:
            return
        last = entries[-1].seq


def count_entries(session: Session) -> int:
    """Return how many entries the log has, by its head: entries are numbered without gaps."""
    return session.scalar(select(AuditHead.seq)) or 0


def list_actions(session: Session) -> list[str]:
    """Return every action there is, by name. Each is one step into the index, not a look at all rows."""
    first = select(func.min(AuditEntry.action).label("action")).cte("actions", recursive=True)
    following = (
        select(func.min(AuditEntry.action)).where(AuditEntry.action > first.c.action)
    ).scalar_subquery()
    actions = first.union_all(select(following).where(first.c.action.is_not(None)))
    found = session.scalars(select(actions.c.action).where(actions.c.action.is_not(None)))
    return sorted(found)


def _matching(session: Session, wanted: Filter) -> Select[AuditEntry]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor_id is not None:
        conditions.append(AuditEntry.actor_id == wanted.actor_id)
    if wanted.action:
        conditions.append(AuditEntry.action == wanted.action)
    if wanted.subject:
        conditions.append(AuditEntry.subject == wanted.subject)
    if wanted.outcome is not None:
        conditions.append(AuditEntry.outcome == wanted.outcome)
    if wanted.overrides_only:
        conditions.append(AuditEntry.override.is_(True))
    # Entries follow each other in time, so a time is a number: the page is found by that at once.
    if wanted.since is not None:
        conditions.append(_from(session, wanted.since))
    if wanted.until is not None:
        conditions.append(_up_to(session, wanted.until))
    return select(AuditEntry).where(*conditions)


def _from(session: Session, moment: datetime) -> ColumnElement[bool]:
    first = session.scalar(
        select(AuditEntry.seq)
        .where(AuditEntry.at >= moment)
        .order_by(AuditEntry.at, AuditEntry.seq)
        .limit(1)
    )
    return false() if first is None else AuditEntry.seq >= first


def _up_to(session: Session, moment: datetime) -> ColumnElement[bool]:
    last = session.scalar(
        select(AuditEntry.seq)
        .where(AuditEntry.at < moment)
        .order_by(AuditEntry.at.desc(), AuditEntry.seq.desc())
        .limit(1)
    )
    return false() if last is None else AuditEntry.seq <= last
