"""Requests seen before: a signed request that somebody copied and sends again is refused."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import String, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incidentbot import database
from incidentbot.database import Base, UtcDateTime, write_transaction

# Slack's signatures are refused after five minutes anyway; older rows are of no use.
KEPT = timedelta(minutes=10)


class SeenRequest(Base):
    """A request that came in, by the hash of its signature."""

    __tablename__ = "seen_requests"

    signature_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def is_first_time(session: Session, signature: str) -> bool:
    """Remember the request with this signature; return False when it has been here before."""
    seen = SeenRequest(
        signature_hash=hashlib.sha256(signature.encode()).hexdigest(), at=database.now(session)
    )
    try:
        with write_transaction(session):
            forget_old_requests(session)
            session.add(seen)
    except IntegrityError:
        return False
    return True


def forget_old_requests(session: Session) -> int:
    """Forget the requests that are too old to be sent again, in the caller's transaction.

    The newest stays: it tells when Slack was heard last. Returns how many were forgotten.
    """
    old = delete(SeenRequest).where(
        SeenRequest.at < database.now(session) - KEPT,
        SeenRequest.at < select(func.max(SeenRequest.at)).scalar_subquery(),
    )
    return database.count_changed(session, old)


def last_request_at(session: Session) -> datetime | None:
    """Return when the newest signed request came in; None when none has."""
    return session.scalar(select(func.max(SeenRequest.at)))
