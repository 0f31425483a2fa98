"""What is deleted by itself when it is of no use any more, whether or not anybody comes by."""

import logging
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.orm import Session, sessionmaker

from incidentbot.audit.replays import forget_old_requests
from incidentbot.database import write_transaction
from incidentbot.outbox.old import delete_old
from incidentbot.status_pages.subscribers import forget_unconfirmed
from incidentbot.users.sign_in import forget_old_failures

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
# Deliveries that belong to no incident: long enough to find out why somebody had no mail.
DELIVERIES_KEPT = timedelta(days=30)
# Small ones, so that nobody waits for one; so many at most, and the next round goes on.
BATCH, MOST_BATCHES = 500, 200


def tidy_up(sessions: sessionmaker[Session]) -> dict[str, int]:
    """Delete what is of no use any more, each kind by itself; return how much of each."""
    deleted = {
        "subscribers": _in_transaction(sessions, forget_unconfirmed),
        "sign_in_failures": _in_transaction(sessions, forget_old_failures),
        "requests": _in_transaction(sessions, forget_old_requests),
        "deliveries": 0,
    }
    for _ in range(MOST_BATCHES):
        batch = _in_transaction(
            sessions, lambda session: delete_old(session, DELIVERIES_KEPT, BATCH)
        )
        deleted["deliveries"] += batch
        if batch < BATCH:
            break
    if any(deleted.values()):
        log.info("tidied up", extra=deleted)
    return deleted


def _in_transaction(sessions: sessionmaker[Session], forget: Callable[[Session], int]) -> int:
    with sessions() as session, write_transaction(session):
        return forget(session)
