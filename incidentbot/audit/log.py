"""Append to the audit log, and prove that nobody changed it."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit.models import AuditEntry, AuditHead, Outcome
from incidentbot.database import snapshot
from incidentbot.users.actor import Actor

log = logging.getLogger(__name__)

GENESIS = "0" * 64
HEAD_ID = 1


def append(
    session: Session,
    actor: Actor,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    outcome: Outcome = Outcome.DONE,
    override: bool = False,
    reason: str | None = None,
) -> AuditEntry:
    """Append one entry inside the caller's transaction.

    It locks the head of the chain until that transaction ends, so call it last. The request id is
    kept only when the command was done: it makes a second entry for the same request impossible.
    """
    head = session.scalars(
        select(AuditHead)
        .where(AuditHead.id == HEAD_ID)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    entry = AuditEntry(
        seq=head.seq + 1,
        at=database.now(session),
        action=action,
        subject=subject,
        outcome=outcome,
        override=override,
        actor_id=actor.user_id,
        actor_name=actor.name,
        actor_role=actor.role.value,
        door=actor.door.value,
        origin=actor.origin[:200],
        request_id=actor.request_id if outcome is Outcome.DONE else None,
        reason=reason,
        before=dict(before),
        after=dict(after),
        previous_hash=head.hash,
    )
    entry.hash = entry_hash(entry)
    session.add(entry)
    head.seq, head.hash = entry.seq, entry.hash
    session.flush()
    # The log line is an anchor outside the database: it tells if the whole chain is replaced.
    log.info("audit entry", extra={"audit_seq": entry.seq, "audit_hash": entry.hash})
    return entry


def find_request(session: Session, request_id: str | None) -> AuditEntry | None:
    """Return the entry a request already made, if any."""
    if request_id is None:
        return None
    return session.scalars(
        select(AuditEntry).where(AuditEntry.request_id == request_id)
    ).one_or_none()


def entry_hash(entry: AuditEntry) -> str:
    """Return the SHA-256 (hex) over the entry's whole content and the hash before it."""
    content = {
        column.key: getattr(entry, column.key)
        for column in AuditEntry.__table__.columns
        if column.key != "hash"
    }
    content["at"] = entry.at.isoformat()
    content["outcome"] = entry.outcome.value
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(session: Session) -> list[str]:
    """Return what is wrong with the log, as sentences; an empty list when it is whole."""
    with snapshot(session):  # else an entry appended meanwhile would look like tampering
        return list(_problems(session))


def _problems(session: Session) -> Iterator[str]:
    expected_seq, previous = 1, GENESIS
    entries = select(AuditEntry).order_by(AuditEntry.seq)
    for entry in session.scalars(entries.execution_options(populate_existing=True, yield_per=500)):
        if entry.seq != expected_seq:
            yield f"entries {expected_seq} to {entry.seq - 1} are missing"
        if entry.previous_hash != previous:
            yield f"entry {entry.seq} does not follow the entry before it"
        if entry_hash(entry) != entry.hash:
            yield f"entry {entry.seq} was changed"
        expected_seq, previous = entry.seq + 1, entry.hash
    head = session.get(AuditHead, HEAD_ID, populate_existing=True)
    if head is None:
        yield "the head of the chain is missing"
    elif head.seq != expected_seq - 1:
        yield f"the log ends at entry {expected_seq - 1}, its head says {head.seq}"
    elif head.hash != previous:
        yield f"entry {head.seq} is not the one that the head of the chain knows"
