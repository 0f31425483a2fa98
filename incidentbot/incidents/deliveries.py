"""What an admin does about deliveries that were given up. Each act is audited."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import InvalidMove, NotAllowed, NotFound
from incidentbot.outbox import operate
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import wake
from incidentbot.users.actor import Actor

ALL_AT_ONCE = 10_000


def retry_delivery(session: Session, delivery_id: int, actor: Actor) -> Delivery:
    """Try a delivery again now. Raises NotAllowed, NotFound, InvalidMove."""
    return _change(session, delivery_id, actor, "retry_delivery", operate.retry)


def skip_delivery(session: Session, delivery_id: int, actor: Actor) -> Delivery:
    """Leave a delivery out for good. Raises NotAllowed, NotFound, InvalidMove."""
    return _change(session, delivery_id, actor, "skip_delivery", operate.skip)


def retry_all(session: Session, actor: Actor) -> int:
    """Try everything again that was given up, in the old order; return how many. Raises NotAllowed.

    What others wait for comes last: they would tell of things given up that are tried in a moment.
    """
    _require_admin(actor)
    parked = operate.list_deliveries(session, [DeliveryState.PARKED], ALL_AT_ONCE)
    needed = operate.waited_for(session)
    retried = 0
    for delivery_id in sorted((d.id for d in parked), key=lambda d: (d in needed, d)):
        try:
            retry_delivery(session, delivery_id, actor)
        except InvalidMove:  # somebody else was quicker
            continue
        retried += 1
    return retried


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
