"""What an operator sees of the outbox and may change: retry and skip, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.outbox.dispatch import freed_by
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import mark_due

# What still is to be made, or was given up.
OPEN_STATES = (*UNFINISHED, DeliveryState.PARKED)


def list_deliveries(
    session: Session, states: Sequence[DeliveryState] = OPEN_STATES, limit: int = 100
) -> Sequence[Delivery]:
    """Return deliveries in these states, the oldest first."""
    return session.scalars(
        select(Delivery).where(Delivery.state.in_(states)).order_by(Delivery.id).limit(limit)
    ).all()


def count_by_kind_and_state(session: Session) -> Sequence[tuple[str, str, int]]:
    """Return `(kind, state, count)` of all deliveries."""
    rows = session.execute(
        select(Delivery.kind, Delivery.state, func.count())
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


def waited_for(session: Session) -> frozenset[int]:
    """Return the ids of the deliveries whose result another needs that is still to be made."""
    needed = select(Delivery.waits_for_id).where(
        Delivery.state.in_(UNFINISHED), Delivery.waits_for_id.is_not(None)
    )
    return frozenset(session.scalars(needed.distinct()))


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
    session.execute(
        update(Delivery)
        .where(Delivery.waits_for_id == delivery.id, Delivery.state.in_(UNFINISHED))
        .values(last_error=None)
        .execution_options(synchronize_session=False)
    )
    mark_due(session, {delivery.stream: delivery.priority})
    return True


def doubt_unfinished(session: Session) -> int:
    """Mark what is still to be made as perhaps made already, and return how many there are.

    After a restore that is so: the backup does not know what was made after it.
    """
    doubted = session.execute(
        update(Delivery)
        .where(Delivery.state.in_(OPEN_STATES))
        .values(in_doubt=True)
        .execution_options(synchronize_session=False)
    )
    return int(doubted.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


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
