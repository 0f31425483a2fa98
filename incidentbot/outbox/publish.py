"""Add deliveries to the current transaction, and wake whoever sends them once it is committed."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.outbox.models import Delivery, DeliveryState

log = logging.getLogger(__name__)

# Streams in which something may be due, with their priority: 1 is the most urgent.
Streams = Mapping[str, int]

_DUE = "incidentbot.due"  # where a session keeps the streams that its commit makes due
_wakers: list[Callable[[Streams], None]] = []


@dataclass(frozen=True)
class Effect:
    """What shall happen outside.

    `waits_for` is the dedupe key of the delivery whose result this one needs. `newest_only` says
    that the sender shows the state as it is when it sends, so an older one not yet tried is
    superseded. `skip_reason` records an effect that will not happen (a throttled message). `due_at`
    is when it may leave; None for at once.
    """

    kind: str
    target: str
    stream: str
    dedupe_key: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    incident_id: int | None = None
    waits_for: str | None = None
    newest_only: bool = False
    priority: int = 5
    skip_reason: str | None = None
    due_at: datetime | None = None


def publish(session: Session, effects: Iterable[Effect]) -> list[Delivery]:
    """Write one delivery per effect into the caller's transaction, in order.

    After the transaction has been committed the caller calls `wake(session)`.
    """
    now = database.now(session)
    deliveries: list[Delivery] = []
    for effect in effects:
        if effect.newest_only:
            _supersede(session, effect)
        skipped = effect.skip_reason is not None
        needed = _find(session, effect.waits_for)
        delivery = Delivery(
            incident_id=effect.incident_id,
            stream=effect.stream,
            kind=effect.kind,
            target=effect.target,
            payload=dict(effect.payload),
            dedupe_key=effect.dedupe_key,
            waits_for_id=needed and needed.id,
            priority=effect.priority,
            state=DeliveryState.SKIPPED if skipped else DeliveryState.PENDING,
            last_error=effect.skip_reason or (needed and why_it_waits(needed)),
            due_at=effect.due_at or now,
            created_at=now,
            finished_at=now if skipped else None,
        )
        session.add(delivery)
        session.flush()  # ids follow the order of the effects: they are the order of a stream
        deliveries.append(delivery)
    mark_due(session, {d.stream: d.priority for d in deliveries if d.finished_at is None})
    if deliveries:  # so that whoever reads the log finds them by the request that they come from
        log.info("deliveries written", extra={"deliveries": [d.id for d in deliveries]})
    return deliveries


def mark_due(session: Session, streams: Streams) -> None:
    """Remember the streams that the session's commit makes due, until `wake(session)`."""
    session.info.setdefault(_DUE, {}).update(streams)


def wake(session: Session) -> None:
    """Tell the runners what the session's commit made due. Nothing is lost when none listens."""
    streams = session.info.pop(_DUE, None)
    if streams:
        tell(streams)


def tell(streams: Streams) -> None:
    """Tell the runners that something may be due in these streams."""
    for waker in tuple(_wakers):
        waker(streams)


def on_wake(waker: Callable[[Streams], None]) -> None:
    """Have `waker` told of the streams that became due. It must be quick and not raise."""
    _wakers.append(waker)


def forget_waker(waker: Callable[[Streams], None]) -> None:
    """Stop telling `waker`."""
    _wakers.remove(waker)


def _supersede(session: Session, effect: Effect) -> None:
    """Skip older deliveries of the same kind and target, but only those nobody has tried yet.

    One that is locked is being claimed at this moment. Waiting for it could end in a deadlock, as
    whoever records its outcome may wait for the incident that we hold.
    """
    untried = session.scalars(
        select(Delivery.id)
        .where(
            Delivery.incident_id == effect.incident_id,
            Delivery.kind == effect.kind,
            Delivery.target == effect.target,
            Delivery.state == DeliveryState.PENDING,
            Delivery.attempts == 0,
        )
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    if not untried:
        return
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(untried))
        .values(
            state=DeliveryState.SKIPPED,
            last_error="superseded by a newer one",
            finished_at=database.now(session),
        )
        .execution_options(synchronize_session=False)
    )


def why_it_waits(needed: Delivery) -> str | None:
    """Return why a delivery that waits for `needed` does not leave; None when it soon will."""
    if needed.state is not DeliveryState.PARKED:
        return None
    return f"waits for delivery {needed.id}, which was given up: {needed.last_error}"


def _find(session: Session, dedupe_key: str | None) -> Delivery | None:
    if dedupe_key is None:
        return None
    return session.scalars(
        select(Delivery)
        .where(Delivery.dedupe_key == dedupe_key)
        .execution_options(populate_existing=True)
    ).one()
