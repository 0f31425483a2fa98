"""Claim a delivery, send it, record what came of it.

Claiming and recording are short transactions; sending happens outside of any. A lease says who
sends; when it runs out another takes the delivery, knowing that it is in doubt.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased, sessionmaker

from incidentbot import database
from incidentbot.database import DATABASE_AWAY, UtcDateTime, is_postgres, write_transaction
from incidentbot.ops import context, metrics, tracing
from incidentbot.outbox.models import IN_SQL_UNFINISHED, UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import mark_due, wake, why_it_waits

log = logging.getLogger(__name__)

BACKOFF_BASE_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 300.0
GIVE_UP_AFTER = timedelta(hours=24)
# Those that had to wait for the same thing do not all come back at the same moment.
WAIT_JITTER_SECONDS = 0.2


class DeliveryError(Exception):
    """Why a delivery was not made, in words an operator understands."""


class Wait(DeliveryError):
    """Not yet: the attempt was not begun. `after` is in seconds (a rate limit, a service that is down).

    Without a reason nothing keeps it: it is meant for later.
    """

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason)
        self.after = after


class Retry(DeliveryError):
    """It may work later.

    `in_doubt` is True when the effect may have happened all the same (a timeout, a 5xx).
    """

    def __init__(self, reason: str, *, in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.in_doubt = in_doubt


class Permanent(DeliveryError):
    """It will not work until a person mends something: the delivery is parked."""


Receipt = dict[str, Any]
# What is written about a delivery, in the transaction that ends its lease.
Outcome = Callable[[Session, Delivery], None]


class Skip(DeliveryError):
    """There is nothing to do any more. `record` carries into the product that it was so."""

    def __init__(self, reason: str, record: Outcome | None = None) -> None:
        super().__init__(reason)
        self.record = record


@dataclass(frozen=True)
class Handler:
    """How one kind of delivery is made.

    `send` returns what the other side answered and raises Wait, Retry, Permanent or Skip. `record`
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

    def due_streams(self, limit: int) -> dict[str, int]:
        """Return up to `limit` streams in which a delivery may leave now, with its priority.

        The most urgent come first; among equals those that have waited longest.
        """
        with self._sessions() as session:
            now = database.now(session)
            return dict(session.execute(_DUE_STREAMS, {"now": now, "limit": limit}).all())

    def claim(self, limit: int = 1, stream: str | None = None) -> list[Delivery]:
        """Lease up to `limit` deliveries that may leave now (of one stream, if named).

        They come back detached: reading them needs no session, changing them changes nothing.
        """
        look, take = (_LOOK, _CLAIM) if stream is None else (_LOOK_IN_STREAM, _CLAIM_IN_STREAM)
        wanted = {"limit": limit, **({} if stream is None else {"stream": stream})}
        with self._sessions() as session:
            # SQLite has one writer at a time: whoever looks in vain must not keep others waiting.
            if not is_postgres(session) and _sees_nothing(session, look, wanted):
                return []
            with write_transaction(session):
                now = database.now(session)  # the turn to write may have been long in coming
                claimed = list(session.scalars(take, {"now": now, **wanted}))
                for delivery in claimed:
                    if delivery.state == DeliveryState.LEASED:
                        self._take_over(session, delivery, now)
                    if delivery.state != DeliveryState.PARKED:
                        delivery.state = DeliveryState.LEASED
                        delivery.attempts += 1
                        delivery.lease_until = now + self._lease
            wake(session)
            session.expunge_all()
        return [delivery for delivery in claimed if delivery.state == DeliveryState.LEASED]

    def deliver(self, delivery: Delivery) -> float | None:
        """Send a leased delivery and record the outcome. Only a database failure raises.

        Returns in how many seconds it is to be tried again; None when it is over.
        """
        with context.about(**_subject(delivery)):
            span, started = tracing.begin("delivery"), time.perf_counter()
            outcome = self._attempt(delivery)
            metrics.attempt_took(delivery.kind, time.perf_counter() - started)
            try:
                return self._record(delivery, outcome)
            except Exception as error:
                # It may well be made, and the database refuses what came of it. Without this it would
                # be made again with every lease, and nobody would ever be told.
                known = isinstance(error, DATABASE_AWAY)
                log.error("outcome not recorded", exc_info=not known)
                reason = f"what came of it could not be recorded: {type(error).__name__}"
                return self._record(delivery, partial(_record_plainly, reason=reason))
            finally:
                span.end(name=f"deliver {delivery.kind}", **context.known())

    def release(self, delivery: Delivery) -> None:
        """Give a lease back before the outcome is known: another takes it at once, in doubt."""
        self._record(delivery, _give_back)

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
        except Wait as error:
            return partial(self._wait, error=error)
        except Retry as error:
            return partial(self._retry, error=error)
        except Skip as error:
            return partial(_skip, reason=str(error), record=error.record)
        except Permanent as error:
            return partial(self._park, reason=str(error))
        except Exception as error:
            log.exception("delivery failed unexpectedly", extra={"delivery": delivery.id})
            mishap = Retry(f"unexpected {type(error).__name__}", in_doubt=True)
            return partial(self._retry, error=mishap)
        return partial(_done, receipt=receipt, record=handler.record)

    def _record(self, delivery: Delivery, outcome: Outcome) -> float | None:
        with self._sessions() as session:
            with write_transaction(session):
                row = session.scalars(
                    _LEASED, {"id": delivery.id, "attempts": delivery.attempts}
                ).one_or_none()
                if row is None:
                    log.warning("lease lost before recording", extra={"delivery": delivery.id})
                    return None
                row.lease_until = None
                outcome(session, row)
                if row.state in (DeliveryState.DONE, DeliveryState.SKIPPED):
                    mark_due(session, freed_by(session, row))
                again = None
                if row.state in UNFINISHED:
                    again = max(0.0, (row.due_at - database.now(session)).total_seconds())
            log.info("delivery %s", row.state.value, extra=_facts(row))
            metrics.attempt_recorded(row.kind, row.state.value)
            wake(session)
            return again

    def _take_over(self, session: Session, row: Delivery, now: datetime) -> None:
        """Take a delivery whose holder did not come back to say what came of it."""
        row.in_doubt = True
        row.tried_since = row.tried_since or now
        if now - row.tried_since > GIVE_UP_AFTER:
            row.lease_until = None
            self._park(session, row, "gave up after 24 hours: whoever tries it does not come back")

    def _retry(self, session: Session, row: Delivery, error: Retry) -> None:
        row.in_doubt = row.in_doubt or error.in_doubt
        if not _put_off(session, row, str(error)):
            self._park(session, row, f"gave up after 24 hours: {error}")

    def _wait(self, session: Session, row: Delivery, error: Wait) -> None:
        """Put it off as if it had not been claimed: the wait is nobody's failure.

        What waits for something is given up after a day all the same; what is meant for later is not.
        """
        now = database.now(session)
        row.attempts -= 1  # no other process holds this number: we had it, and give it back
        row.last_error = str(error) or None
        if row.last_error:
            row.tried_since = row.tried_since or now
            if now - row.tried_since > GIVE_UP_AFTER:
                self._park(session, row, f"gave up after 24 hours: {error}")
                return
        row.state = DeliveryState.RETRYING if row.attempts else DeliveryState.PENDING
        jitter = random.uniform(0, WAIT_JITTER_SECONDS)  # noqa: S311 - spreading load
        row.due_at = now + timedelta(seconds=error.after + jitter)

    def _park(self, session: Session, row: Delivery, reason: str) -> None:
        _finish(session, row, DeliveryState.PARKED, reason)
        # This locks the incident: what was written meanwhile waits for it too, and is told below.
        self._on_parked(session, row)
        _say_what_they_wait_for(session, row)


def retry_delay(attempts: int) -> float:
    """Return the seconds to wait before the next attempt.

    Exponential backoff with full jitter, so that many deliveries failing together do not come back
    together.
    """
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2 ** min(attempts, 16))
    return random.uniform(0.1, ceiling)  # noqa: S311 - spreading load, not guarding a secret


def _claimable(of_one_stream: bool) -> Select[Delivery]:
    """Select what may leave `:now`: first of its stream, due or abandoned, not waiting for another."""
    needed, unfinished = aliased(Delivery), aliased(Delivery)
    heads = select(func.min(unfinished.id)).where(unfinished.state.in_(IN_SQL_UNFINISHED))
    if of_one_stream:
        heads = heads.where(unfinished.stream == bindparam("stream"))
    else:
        heads = heads.group_by(unfinished.stream)
    now = bindparam("now", type_=UtcDateTime())
    return (
        select(Delivery)
        .where(
            Delivery.id.in_(heads),
            or_(
                and_(
                    Delivery.state.in_((DeliveryState.PENDING, DeliveryState.RETRYING)),
                    Delivery.due_at <= now,
                ),
                and_(Delivery.state == DeliveryState.LEASED, Delivery.lease_until <= now),
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
        .limit(bindparam("limit", type_=Integer()))
    )


# Built once: to put a query together takes longer than the database takes to answer it.
_DUE, _DUE_IN_STREAM = _claimable(of_one_stream=False), _claimable(of_one_stream=True)
_DUE_STREAMS = _DUE.with_only_columns(Delivery.stream, Delivery.priority)
_LOOK, _LOOK_IN_STREAM = (due.with_only_columns(Delivery.id) for due in (_DUE, _DUE_IN_STREAM))
_CLAIM, _CLAIM_IN_STREAM = (
    due.with_for_update(of=Delivery, skip_locked=True).execution_options(populate_existing=True)
    for due in (_DUE, _DUE_IN_STREAM)
)
_LEASED = (
    select(Delivery)
    .where(
        Delivery.id == bindparam("id"),
        Delivery.state == DeliveryState.LEASED,
        Delivery.attempts == bindparam("attempts"),
    )
    .with_for_update(key_share=True)
)
_WAITING_FOR = (
    select(Delivery.stream, func.min(Delivery.priority))
    .where(Delivery.waits_for_id == bindparam("id"), Delivery.state.in_(IN_SQL_UNFINISHED))
    .group_by(Delivery.stream)
)


def _sees_nothing(session: Session, look: Select[int], wanted: dict[str, Any]) -> bool:
    return session.execute(look, {"now": database.now(session), **wanted}).first() is None


def freed_by(session: Session, row: Delivery) -> dict[str, int]:
    """Return the streams of the deliveries that waited for this one."""
    return dict(session.execute(_WAITING_FOR, {"id": row.id}).all())


def _say_what_they_wait_for(session: Session, row: Delivery) -> None:
    """Write to the deliveries that need a parked one's result why they do not leave."""
    session.execute(
        update(Delivery)
        .where(Delivery.waits_for_id == row.id, Delivery.state.in_(UNFINISHED))
        .values(last_error=why_it_waits(row))
        .execution_options(synchronize_session=False)
    )


def _put_off(session: Session, row: Delivery, reason: str) -> bool:
    """Have it tried again later; return False when that has gone on for too long."""
    now = database.now(session)
    row.last_error = reason
    row.tried_since = row.tried_since or now
    if now - row.tried_since > GIVE_UP_AFTER:
        return False
    row.state = DeliveryState.RETRYING
    row.due_at = now + timedelta(seconds=retry_delay(row.attempts))
    return True


def _record_plainly(session: Session, row: Delivery, reason: str) -> None:
    """Put it off or park it, in doubt, and write nothing else: writing more has just failed."""
    row.in_doubt = True
    if not _put_off(session, row, reason):
        _finish(session, row, DeliveryState.PARKED, f"gave up after 24 hours: {reason}")


def _done(session: Session, row: Delivery, receipt: Receipt, record: Outcome | None) -> None:
    row.receipt = receipt
    _finish(session, row, state=DeliveryState.DONE, error=None)
    if record is not None:
        record(session, row)


def _skip(session: Session, row: Delivery, reason: str, record: Outcome | None) -> None:
    _finish(session, row, DeliveryState.SKIPPED, reason)
    if record is not None:
        record(session, row)


def _finish(session: Session, row: Delivery, state: DeliveryState, error: str | None) -> None:
    row.state = state
    row.last_error = error
    row.finished_at = database.now(session)


def _give_back(session: Session, row: Delivery) -> None:
    row.in_doubt = True
    row.state = DeliveryState.RETRYING
    row.due_at = database.now(session)
    mark_due(session, {row.stream: row.priority})


def _subject(delivery: Delivery) -> dict[str, Any]:
    """Return what every line of the log about this delivery says."""
    about = {"door": "outbox", "delivery": delivery.id, "kind": delivery.kind}
    reference, _, _rest = delivery.stream.partition("/")
    return {**about, "incident": reference} if delivery.incident_id else about


def _facts(row: Delivery) -> dict[str, Any]:
    return {
        **_subject(row),
        "attempts": row.attempts,
        "error": row.last_error,
    }
