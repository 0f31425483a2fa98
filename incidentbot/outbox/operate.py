"""What an operator sees of the outbox and may change: retry and skip, inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, exists, func, or_, select, true, update
from sqlalchemy.orm import Session, aliased

from incidentbot import database
from incidentbot.outbox.dispatch import freed_by
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import mark_due

# What still is to be made, or was given up.
OPEN_STATES = (*UNFINISHED, DeliveryState.PARKED)
# How much of what stands still is shown, and how much of it is retried in one transaction.
REASONS_SHOWN = 50
SHOWN_PER_REASON = 10
RETRIED_AT_ONCE = 500


def list_deliveries(
    session: Session, states: Sequence[DeliveryState] = OPEN_STATES, limit: int = 100
) -> Sequence[Delivery]:
    """Return deliveries in these states, the oldest first."""
    return session.scalars(
        select(Delivery).where(Delivery.state.in_(states)).order_by(Delivery.id).limit(limit)
    ).all()


@dataclass(frozen=True)
class Pile:
    """Deliveries that stand still for the same reason: how many there are, and the oldest of them."""

    reason: str
    count: int
    oldest: Sequence[Delivery]


@dataclass(frozen=True)
class Piles:
    """All that stand still, by reason: `shown` are the first of `reasons`, `count` counts every one."""

    count: int
    reasons: int
    shown: Sequence[Pile]


def pile_up(session: Session, states: Sequence[DeliveryState]) -> Piles:
    """Return the deliveries in these states that something keeps, by what it is, the oldest first."""
    is_kept = and_(Delivery.state.in_(states), Delivery.last_error.is_not(None))
    counts = session.execute(
        select(
            Delivery.last_error,
            func.count(),
            func.sum(func.count()).over(),
            func.count().over(),
        )
        .where(is_kept)
        .group_by(Delivery.last_error)
        .order_by(func.min(Delivery.id))
        .limit(REASONS_SHOWN)
    ).all()
    nth = func.row_number().over(partition_by=Delivery.last_error, order_by=Delivery.id)
    numbered = (
        select(Delivery.id, nth.label("nth"))
        .where(is_kept, Delivery.last_error.in_([reason for reason, *_ in counts]))
        .subquery()
    )
    oldest: dict[str | None, list[Delivery]] = {reason: [] for reason, *_ in counts}
    for delivery in session.scalars(
        select(Delivery)
        .join(numbered, numbered.c.id == Delivery.id)
        .where(numbered.c.nth <= SHOWN_PER_REASON)
        .order_by(Delivery.id)
    ):
        oldest.setdefault(delivery.last_error, []).append(delivery)
    shown = [Pile(str(reason), count, oldest[reason]) for reason, count, *_ in counts]
    _reason, _count, total, reasons = counts[0] if counts else ("", 0, 0, 0)
    return Piles(int(total), reasons, shown)


def count_open(session: Session) -> Sequence[tuple[str, str, int]]:
    """Return `(kind, state, count)` of the deliveries that are to be made or were given up."""
    rows = session.execute(
        select(Delivery.kind, Delivery.state, func.count())
        .where(Delivery.state.in_(OPEN_STATES))
        .group_by(Delivery.kind, Delivery.state)
        .order_by(Delivery.kind, Delivery.state)
    )
    return [(kind, state.value, count) for kind, state, count in rows]


def attempts_by_kind(session: Session) -> Sequence[tuple[str, int]]:
    """Return `(kind, attempts)`: how often deliveries of each kind that are not finished were tried."""
    rows = session.execute(
        select(Delivery.kind, func.sum(Delivery.attempts))
        .where(Delivery.state.in_(OPEN_STATES))
        .group_by(Delivery.kind)
        .order_by(Delivery.kind)
    )
    return [(kind, int(attempts)) for kind, attempts in rows]


def waiting_since(session: Session) -> datetime | None:
    """Return since when the oldest delivery that is still to be made waits; None when none does.

    One that is meant for later, and has not failed, waits from then on.
    """
    is_time = Delivery.due_at <= database.now(session)
    has_failed = or_(Delivery.attempts > 0, Delivery.last_error.is_not(None))
    since = func.min(case((has_failed, Delivery.created_at), else_=Delivery.due_at))
    oldest: datetime | None = session.scalar(
        select(since).where(
            Delivery.state.in_(UNFINISHED), or_(is_time, Delivery.last_error.is_not(None))
        )
    )
    return oldest


def lock_delivery(session: Session, delivery_id: int) -> Delivery | None:
    """Return a delivery, locked until the transaction ends."""
    return session.scalars(
        select(Delivery)
        .where(Delivery.id == delivery_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def retry(session: Session, delivery: Delivery) -> bool:
    """Have a delivery that was given up, or waits for its next attempt, tried now."""
    if delivery.state not in (DeliveryState.PARKED, DeliveryState.RETRYING):
        return False
    delivery.state = DeliveryState.RETRYING if delivery.attempts else DeliveryState.PENDING
    delivery.due_at = database.now(session)
    delivery.tried_since = None
    delivery.finished_at = None
    _forget_why_they_wait(session, [delivery.id])
    mark_due(session, {delivery.stream: delivery.priority})
    return True


def retry_parked(
    session: Session, reason: str | None, after: int, *, needed: bool
) -> Sequence[int]:
    """Have the next batch of what was given up tried now: of `reason`, or all; above id `after`.

    Returns their ids; none when there are no more. `needed` says which come now: those whose result
    another waits for, or the others.
    """
    waiting = aliased(Delivery)
    is_needed = exists().where(waiting.waits_for_id == Delivery.id, waiting.state.in_(UNFINISHED))
    rows = session.execute(
        select(Delivery.id, Delivery.stream, Delivery.priority)
        .where(
            Delivery.state == DeliveryState.PARKED,
            Delivery.id > after,
            is_needed if needed else ~is_needed,
            true() if reason is None else Delivery.last_error == reason,
        )
        .order_by(Delivery.id)
        .limit(RETRIED_AT_ONCE)
        .with_for_update(of=Delivery, key_share=True)
    ).all()
    ids = [row.id for row in rows]
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(
            state=case(
                (Delivery.attempts > 0, DeliveryState.RETRYING.value),
                else_=DeliveryState.PENDING.value,
            ),
            due_at=database.now(session),
            tried_since=None,
            finished_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    _forget_why_they_wait(session, ids)
    for row in rows:
        mark_due(session, {row.stream: row.priority})
    return ids


def doubt_unfinished(session: Session) -> int:
    """Mark what is still to be made as perhaps made already, and return how many there are.

    After a restore that is so: the backup does not know what was made after it.
    """
    unfinished = update(Delivery).where(Delivery.state.in_(OPEN_STATES))
    return database.count_changed(session, unfinished.values(in_doubt=True))


def skip(session: Session, delivery: Delivery) -> bool:
    """Leave a delivery out. What waits for it goes on without its result, as far as it can."""
    if delivery.state not in (
        DeliveryState.PENDING,
        DeliveryState.RETRYING,
        DeliveryState.PARKED,
    ):
        return False
    delivery.state = DeliveryState.SKIPPED
    delivery.last_error = "left out by an operator"
    delivery.finished_at = database.now(session)
    mark_due(session, {delivery.stream: delivery.priority, **freed_by(session, delivery)})
    return True


def _forget_why_they_wait(session: Session, needed: Sequence[int]) -> None:
    """Take the reason from the deliveries that waited for these: they are tried again."""
    session.execute(
        update(Delivery)
        .where(Delivery.waits_for_id.in_(needed), Delivery.state.in_(UNFINISHED))
        .values(last_error=None)
        .execution_options(synchronize_session=False)
    )
