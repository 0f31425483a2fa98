"""Looking through the whole audit log in the background: a piece at a time, going on after a restart.

Each piece is a delivery, so that what delivers in this installation does it too, and a piece that
its process did not end is taken up by another.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import JSON, String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from incidentbot import database
from incidentbot.audit.log import GENESIS, HEAD_ID, PROBLEMS_SHOWN, Walk, look_through
from incidentbot.audit.models import AuditHead
from incidentbot.database import Base, UtcDateTime, snapshot, write_transaction
from incidentbot.outbox.dispatch import Handler, Receipt, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import Effect, publish, wake

log = logging.getLogger(__name__)

VERIFY = "audit.verify"
# About a second's work: far less than a lease, and nobody waits for a thread for long.
ENTRIES_AT_ONCE = 20_000
# Whoever asks when nothing has moved for so long has it begun anew.
STANDS_STILL = timedelta(minutes=10)
CHECKS_KEPT = 10


class AuditCheck(Base):
    """A look through the log: how far it has come of the `until` entries there were, what it found.

    `next_seq` and `hash` are where it goes on. `problems` are the first ones as sentences,
    `problem_count` counts all.
    """

    __tablename__ = "audit_checks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    until: Mapped[int]
    entries: Mapped[int] = mapped_column(default=0)
    next_seq: Mapped[int] = mapped_column(default=1)
    hash: Mapped[str] = mapped_column(String(64), default=GENESIS)
    problems: Mapped[list[str]] = mapped_column(JSON)
    problem_count: Mapped[int] = mapped_column(default=0)


def ask(session: Session) -> AuditCheck:
    """Have the whole log looked through. When that is under way already, it is that one."""
    with suppress(IntegrityError):  # somebody asked at the same moment: it is theirs
        _begin(session)
    wake(session)
    check = newest(session)
    if check is None:
        raise RuntimeError("a look through the log was begun, and is not there")
    return check


def _begin(session: Session) -> None:
    """Begin a look, unless one is under way. Of two at one moment, one cannot have its number."""
    with write_transaction(session):
        check = newest(session)
        if check is not None and is_under_way(session, check):
            return
        number = check.id + 1 if check else 1
        head, now = session.get_one(AuditHead, HEAD_ID), database.now(session)
        check = AuditCheck(id=number, asked_at=now, moved_at=now, until=head.seq, problems=[])
        session.add(check)
        session.flush()
        session.execute(delete(AuditCheck).where(AuditCheck.id <= number - CHECKS_KEPT))
        publish(session, [_piece(check)])


def newest(session: Session, *, finished: bool = False) -> AuditCheck | None:
    """Return the look asked for last, or the last that came to its end; None before the first."""
    checks = select(AuditCheck).order_by(AuditCheck.id.desc()).limit(1)
    if finished:
        checks = checks.where(AuditCheck.finished_at.is_not(None))
    return session.scalars(checks).one_or_none()


def is_under_way(session: Session, check: AuditCheck) -> bool:
    """Whether it has not come to its end, and moves."""
    if check.finished_at is not None:
        return False
    return database.now(session) - check.moved_at < STANDS_STILL


def handlers(sessions: sessionmaker[Session]) -> dict[str, Handler]:
    """Return what looks through a piece."""
    return {VERIFY: Handler(_looking(sessions), record_piece)}


def record_piece(session: Session, delivery: Delivery) -> None:
    """Keep what was found in a piece, and have the next one looked through."""
    found = delivery.receipt or {}
    check = session.get(AuditCheck, int(delivery.target), with_for_update=True)
    if check is None:
        return  # many others were asked for since
    check.moved_at = database.now(session)
    check.entries, check.next_seq, check.hash = found["entries"], found["next_seq"], found["hash"]
    check.problems = [*check.problems, *found["problems"]][:PROBLEMS_SHOWN]
    check.problem_count += found["problem_count"]
    if not found["is_whole"]:
        publish(session, [_piece(check)])
        return
    check.finished_at = check.moved_at
    if check.problem_count:
        log.error("the audit log was tampered with", extra={"problems": check.problem_count})


def _looking(sessions: sessionmaker[Session]) -> Callable[[Delivery], Receipt]:
    def look(delivery: Delivery) -> Receipt:
        with sessions() as session, snapshot(session):
            check = session.get(AuditCheck, int(delivery.target))
            if check is None:
                raise Skip("many others were asked for since")
            walk = Walk(check.entries, check.next_seq, check.hash)
            found = list(look_through(session, walk, ENTRIES_AT_ONCE))
        return {
            "entries": walk.entries,
            "next_seq": walk.expected_seq,
            "hash": walk.previous,
            "problems": found[:PROBLEMS_SHOWN],
            "problem_count": len(found),
            "is_whole": walk.is_over,
        }

    return look


def _piece(check: AuditCheck) -> Effect:
    return Effect(
        kind=VERIFY,
        target=str(check.id),
        stream="audit/verify",
        dedupe_key=f"{VERIFY}/{check.id}/{check.entries}",
    )
