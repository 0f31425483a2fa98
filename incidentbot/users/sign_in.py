"""Signing in by e-mail and password, slowly enough that nobody can guess."""

import hashlib
import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import NotAllowed
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.models import FailedSignIn, User
from incidentbot.users.passwords import hash_password, is_right, wants_rehash

log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
FAILURES_PER_EMAIL = 10
FAILURES_PER_ORIGIN = 50


class WrongPassword(NotAllowed):
    """E-mail address and password do not belong together; which of the two is not said."""


class TooManyFailures(NotAllowed):
    """Nobody may try for a while, not even with the right password. `minutes` says how long."""

    def __init__(self, minutes: int) -> None:
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"There were too many wrong passwords. Wait {wait}.")
        self.minutes = minutes


def sign_in_with_password(session: Session, email: str, password: str, origin: str) -> User:
    """Return the person with this e-mail and password. Raises TooManyFailures, WrongPassword, NotAllowed."""
    address = email.strip().lower()
    count_try(session, address, origin)
    row = session.execute(
        select(User.id, User.password_hash).where(User.email == address)
    ).one_or_none()
    session.rollback()  # checking takes a while: no transaction waits for it
    user_id, known = row or (None, None)
    if not is_right(known, password) or user_id is None:
        raise WrongPassword("The e-mail address or the password is wrong.")
    better = hash_password(password) if known is not None and wants_rehash(known) else None
    with write_transaction(session):
        user = session.get_one(User, user_id, populate_existing=True)
        if not user.is_active:
            raise NotAllowed("This account was deactivated. Ask an admin.")
        if user.password_hash != known:
            raise WrongPassword("The password was changed just now. Use the new one.")
        if better is not None:
            user.password_hash = better
        forget_failures(session, address)
        record_sign_in(session, user, origin, "password")
    return user


def record_sign_in(session: Session, user: User, origin: str, way: str) -> None:
    """Put a sign-in into the audit log: the last thing in the caller's transaction."""
    actor = actor_for(user, Door.WEB, origin)
    audit.append(session, actor, "sign_in", f"user {user.id}", before={}, after={"way": way})


def count_try(session: Session, address: str, origin: str) -> None:
    """Count this try of a password as a failure until it proves right. Raises TooManyFailures.

    It is counted first and looked at afterwards: of many that come at once, in whichever processes,
    no more get through than may.
    """
    email_hash, origin = _hash(address), origin[:64]
    with write_transaction(session):
        now = database.now(session)
        forget_old_failures(session)
        mine = FailedSignIn(email_hash=email_hash, origin=origin, at=now)
        session.add(mine)
        session.flush()
        mine_id = mine.id
    limits = (
        ("e-mail", FailedSignIn.email_hash == email_hash, FAILURES_PER_EMAIL),
        ("address", FailedSignIn.origin == origin, FAILURES_PER_ORIGIN),
    )
    for name, same, limit in limits:
        until = _closed_until(session, same, limit, mine_id)
        if until is not None:
            with write_transaction(session):  # else who waits in vain would wait ever longer
                session.execute(delete(FailedSignIn).where(FailedSignIn.id == mine_id))
            log.warning("too many failed sign-ins", extra={"limit": name, "origin": origin})
            raise TooManyFailures(max(1, -(-int((until - now).total_seconds()) // 60)))


def forget_old_failures(session: Session) -> int:
    """Forget the wrong passwords that count no more, in the caller's transaction; return how many."""
    is_old = FailedSignIn.at < database.now(session) - WINDOW
    return database.count_changed(session, delete(FailedSignIn).where(is_old))


def forget_failures(session: Session, address: str) -> None:
    """Forget the wrong passwords for an address, inside the caller's transaction: one was right."""
    session.execute(delete(FailedSignIn).where(FailedSignIn.email_hash == _hash(address)))


def _closed_until(
    session: Session, same: ColumnElement[bool], limit: int, mine_id: int
) -> datetime | None:
    """Return until when `limit` failures beside this try keep the door closed."""
    newest = session.scalars(
        select(FailedSignIn.at)
        .where(same, FailedSignIn.id != mine_id)
        .order_by(FailedSignIn.at.desc())
        .limit(limit)
    ).all()
    return newest[-1] + WINDOW if len(newest) == limit else None


def _hash(address: str) -> str:
    return hashlib.sha256(address.encode(errors="replace")).hexdigest()
