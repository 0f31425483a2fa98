"""What an admin does about deliveries that were given up. Each act is audited."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import InvalidMove, NotAllowed, NotFound
from incidentbot.outbox import operate
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import wake
from incidentbot.users.actor import Actor


def retry_delivery(session: Session, delivery_id: int, actor: Actor) -> Delivery:
    """Try a delivery again now. Raises NotAllowed, NotFound, InvalidMove."""
    return _change(session, delivery_id, actor, "retry_delivery", operate.retry)


def skip_delivery(session: Session, delivery_id: int, actor: Actor) -> Delivery:
    """Leave a delivery out for good. Raises NotAllowed, NotFound, InvalidMove."""
    return _change(session, delivery_id, actor, "skip_delivery", operate.skip)


def retry_all(session: Session, actor: Actor, like: int | None = None) -> int:
    """Try everything again that was given up, in the old order; return how many.

    With `like` only what was given up for the same reason as that delivery. Raises NotAllowed,
    NotFound. What others wait for comes last: they would tell of things given up that are tried in a
    moment. A batch is one transaction, so that a long list keeps nobody waiting.
    """
    _require_admin(actor)
    reason = None if like is None else _reason_of(session, like)
    retried = 0
    for needed in (False, True):
        after = 0
        while batch := _retry_batch(session, actor, reason, after, needed=needed):
            retried += len(batch)
            after = batch[-1]
    return retried


def _reason_of(session: Session, delivery_id: int) -> str:
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.last_error is None:
        raise NotFound(f"There is no delivery {delivery_id} that something keeps.")
    return delivery.last_error


def _retry_batch(
    session: Session, actor: Actor, reason: str | None, after: int, *, needed: bool
) -> Sequence[int]:
    with write_transaction(session):
        batch = operate.retry_parked(session, reason, after, needed=needed)
        if batch:
            audit.append(
                session,
                actor,
                "retry_deliveries",
                "deliveries",
                before={"state": DeliveryState.PARKED.value, "reason": reason or "any"},
                after={"count": len(batch), "deliveries": list(batch)},
            )
    wake(session)
    return batch


def _change(
    session: Session,
    delivery_id: int,
    actor: Actor,
    action: str,
    act: Callable[[Session, Delivery], bool],
) -> Delivery:
    _require_admin(actor)
    with write_transaction(session):
        delivery = operate.lock_delivery(session, delivery_id)
        if delivery is None:
            raise NotFound(f"There is no delivery {delivery_id}.")
        before = delivery.state.value
        if not act(session, delivery):
            raise InvalidMove(
                f"Delivery {delivery_id} is {before}: there is nothing to do about it."
            )
        audit.append(
            session,
            actor,
            action,
            f"delivery {delivery.id}",
            before={"state": before},
            after={"state": delivery.state.value, "kind": delivery.kind},
        )
    wake(session)
    return delivery


def _require_admin(actor: Actor) -> None:
    if not actor.is_admin:
        raise NotAllowed("Only an admin can retry or skip deliveries.")
