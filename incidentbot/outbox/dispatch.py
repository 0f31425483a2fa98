"""Claim a delivery, send it, record what came of it.

Claiming and recording are short transactions; sending happens outside of any. A lease says who
sends; when it runs out another takes the delivery, knowing that it is in doubt.
"""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, sessionmaker

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import wake

log = logging.getLogger(__name__)

BACKOFF_BASE_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 300.0
GIVE_UP_AFTER = timedelta(hours=24)


class DeliveryError(Exception):
    """Why a delivery was not made, in words an operator understands."""


class Retry(DeliveryError):
    """It may work later.

    `after` is how many seconds the other side asked for, if it did. `in_doubt` is True when the
    effect may have happened all the same (a timeout, a 5xx).
    """

    def __init__(self, reason: str, *, after: float | None = None, in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.in_doubt = in_doubt


class Permanent(DeliveryError):
    """It will not work until a person mends something: the delivery is parked."""


class Skip(DeliveryError):
    """There is nothing to do any more."""


Receipt = dict[str, Any]
# What is written about a delivery, in the transaction that ends its lease.
Outcome = Callable[[Session, Delivery], None]


@dataclass(frozen=True)
class Handler:
    """How one kind of delivery is made.

    `send` returns what the other side answered and raises Retry, Permanent or Skip. `record`
    carries the answer into the product, in the transaction that marks the delivery done.
    """

    send: Callable[[Delivery], Receipt]
    record: Outcome | None = None


class Dispatcher:
    """The engine that every runner drives; safe to share between threads and to run in many processes."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        handlers: Mapping[str, Handler],
        on_parked: Callable[[Session, Delivery], None],
        lease_seconds: float = 30.0,
    ) -> None:
        self._sessions = sessions
        self._handlers = handlers
        self._on_parked = on_parked
        self._lease = timedelta(seconds=lease_seconds)

    def claim(self, limit: int = 1, stream: str | None = None) -> list[Delivery]:
        """Lease up to `limit` deliveries that may leave now (of one stream, if named).

        They come back detached: reading them needs no session, changing them changes nothing.
        """
        with self._sessions() as session:
            if not session.scalars(_claimable(clock.now(), 1, stream)).first():
                return []  # the idle sweep reads only, and leaves writers alone
            with write_transaction(session):
                now = clock.now()  # the turn to write may have been long in coming
                claimed = list(
                    session.scalars(
                        _claimable(now, limit, stream)
                        .with_for_update(skip_locked=True, key_share=True, of=Delivery)
                        .execution_options(populate_existing=True)
                    )
                )
                for delivery in claimed:
                    if delivery.state is DeliveryState.LEASED:
                        delivery.in_doubt = True  # whoever had it did not come back to say
                    delivery.state = DeliveryState.LEASED
                    delivery.attempts += 1
                    delivery.tried_since = delivery.tried_since or now
                    delivery.lease_until = now + self._lease
            session.expunge_all()
        return claimed

    def deliver(self, delivery: Delivery) -> None:
        """Send a leased delivery and record the outcome. Only a database failure raises."""
        outcome = self._attempt(delivery)
        try:
            self._record(delivery, outcome)
        except Exception as error:
            # It may well be made, and the database refuses what came of it. Without this it would
            # be made again with every lease, and nobody would ever be told.
            log.exception("outcome not recorded", extra={"delivery": delivery.id})
            reason = f"what came of it could not be recorded: {type(error).__name__}"
            self._record(delivery, partial(self._retry, error=Retry(reason, in_doubt=True)))
        wake()

    def run_until_idle(self, stream: str | None = None) -> int:
        """Make every delivery that is due now, one after another; return how many were attempted."""
        attempted = 0
        while claimed := self.claim(1, stream):
            for delivery in claimed:
                self.deliver(delivery)
                attempted += 1
        return attempted

    def _attempt(self, delivery: Delivery) -> Outcome:
        """Send, and return what is to be recorded."""
        handler = self._handlers.get(delivery.kind)
        if handler is None:
            return partial(
                self._park, reason=f"this version does not know deliveries of kind {delivery.kind}"
            )
        try:
            receipt = handler.send(delivery)
        except Retry as error:
            return partial(self._retry, error=error)
        except Skip as error:
            return partial(_finish, state=DeliveryState.SKIPPED, error=str(error))
        except Permanent as error:
            return partial(self._park, reason=str(error))
        except Exception as error:
            log.exception("delivery failed unexpectedly", extra={"delivery": delivery.id})
            mishap = Retry(f"unexpected {type(error).__name__}", in_doubt=True)
            return partial(self._retry, error=mishap)
        return partial(_done, receipt=receipt, record=handler.record)

    def _record(self, delivery: Delivery, outcome: Outcome) -> None:
        with self._sessions() as session, write_transaction(session):
            row = session.scalars(
                select(Delivery)
                .where(
                    Delivery.id == delivery.id,
                    Delivery.state == DeliveryState.LEASED,
                    Delivery.attempts == delivery.attempts,
                )
                .with_for_update(key_share=True)
            ).one_or_none()
            if row is None:
                log.warning("lease lost before recording", extra={"delivery": delivery.id})
                return
            row.lease_until = None
            outcome(session, row)
        log.info(
            "delivery %s",
            row.state.value,
            extra={
                "delivery": row.id,
                "kind": row.kind,
                "attempts": row.attempts,
                "error": row.last_error,
            },
        )

    def _retry(self, session: Session, row: Delivery, error: Retry) -> None:
        now = clock.now()
        row.in_doubt = row.in_doubt or error.in_doubt
        row.last_error = str(error)
        if now - (row.tried_since or now) > GIVE_UP_AFTER:
            self._park(session, row, f"gave up after 24 hours: {error}")
            return
        row.state = DeliveryState.RETRYING
        row.due_at = now + timedelta(seconds=retry_delay(row.attempts, error.after))

    def _park(self, session: Session, row: Delivery, reason: str) -> None:
        _finish(session, row, DeliveryState.PARKED, reason)
        self._on_parked(session, row)


def retry_delay(attempts: int, after: float | None) -> float:
    """Return the seconds to wait before the next attempt.

    What the other side asked for is honoured; else exponential backoff with full jitter, so that
    many deliveries failing together do not come back together.
    """
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2 ** min(attempts, 16))
    jitter = random.uniform(0.1, ceiling)  # noqa: S311 - spreading load, not guarding a secret
    return after + min(jitter, 1.0) if after is not None else jitter


def _claimable(now: datetime, limit: int, stream: str | None) -> Any:
    """Select what may leave now: due or abandoned, first of its stream, not waiting for another."""
    ahead, needed = aliased(Delivery), aliased(Delivery)
    query = (
        select(Delivery)
        .where(
            or_(
                and_(
                    Delivery.state.in_((DeliveryState.PENDING, DeliveryState.RETRYING)),
                    Delivery.due_at <= now,
                ),
                and_(Delivery.state == DeliveryState.LEASED, Delivery.lease_until <= now),
            ),
            ~exists().where(
                ahead.stream == Delivery.stream,
                ahead.state.in_(UNFINISHED),
                ahead.id < Delivery.id,
            ),
            or_(
                Delivery.waits_for_id.is_(None),
                # When it was skipped there is nothing to wait for: the sender sees what is missing.
                exists().where(
                    needed.id == Delivery.waits_for_id,
                    needed.state.in_((DeliveryState.DONE, DeliveryState.SKIPPED)),
                ),
            ),
        )
        .order_by(Delivery.priority, Delivery.due_at, Delivery.id)
        .limit(limit)
    )
    return query if stream is None else query.where(Delivery.stream == stream)


def _done(session: Session, row: Delivery, receipt: Receipt, record: Outcome | None) -> None:
    row.receipt = receipt
    _finish(session, row, state=DeliveryState.DONE, error=None)
    if record is not None:
        record(session, row)


def _finish(_session: Session, row: Delivery, state: DeliveryState, error: str | None) -> None:
    row.state = state
    row.last_error = error
    row.finished_at = clock.now()
