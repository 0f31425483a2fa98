"""What every sender needs: the way to Statuspage, the database, and what holds for all that is posted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.statuspage.api import Refusal
from incidentbot.channels.statuspage.link import Statuspage
from incidentbot.outbox.models import Delivery, DeliveryState

T = TypeVar("T")

# Why a delivery gives itself back although nothing is wrong.
FOUND_THERE = "found on Statuspage; looking at what is posted there"


@dataclass(frozen=True)
class Sending:
    """Statuspage and the database."""

    statuspage: Statuspage
    sessions: sessionmaker[Session]


def may_be_there(session: Session, delivery: Delivery) -> bool:
    """Whether an attempt, of this delivery or an earlier one, may have opened it without our knowing."""
    doubtful = session.scalars(
        select(Delivery.id)
        .where(
            Delivery.incident_id == delivery.incident_id,
            Delivery.kind == delivery.kind,
            Delivery.target == delivery.target,
            Delivery.in_doubt.is_(True),
            Delivery.state != DeliveryState.DONE,
        )
        .limit(1)
    ).first()
    return delivery.in_doubt or doubtful is not None


def naming_components(component_ids: Sequence[str], call: Callable[[dict[str, Any]], T]) -> T:
    """Make a call that names components; where that is refused, once more without them.

    One of them may be gone. That is told by its own delivery; customers are told all the same.
    """
    try:
        return call({"component_ids": list(component_ids)})
    except Refusal as refusal:
        if refusal.status != 422 or not component_ids:
            raise
        return call({})


def plain(body: str) -> str:
    """Return a text as far as two that are the same for a reader are the same."""
    return " ".join(body.split())
