"""Append to the audit log, and prove that nobody changed it."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit.models import AuditEntry, AuditHead, Outcome
from incidentbot.database import snapshot
from incidentbot.users.actor import Actor

log = logging.getLogger(__name__)

GENESIS = "0" * 64
HEAD_ID = 1
# A log that was replaced as a whole differs in every entry; the first few tell as much.
PROBLEMS_SHOWN = 100


@dataclass(frozen=True)
class Verification:
    """What came of looking through the whole log.

    `head_hash` is the newest entry's: compare it with the one in a log line kept elsewhere.
    `problems` are the first ones as sentences, `problem_count` counts all.
    """

    entries: int
    head_hash: str
    problems: list[str]
    problem_count: int


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
    head = _lock_head(session)
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
    log.info(
        "audit entry",
        extra={
            "audit_seq": entry.seq,
            "audit_hash": entry.hash,
            "action": action,
            "subject": subject,
            "outcome": outcome.value,
            "actor": actor.user_id,
            "door": actor.door.value,
        },
    )
    return entry


def _lock_head(session: Session) -> AuditHead:
    return session.scalars(
        select(AuditHead)
        .where(AuditHead.id == HEAD_ID)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def find_request(session: Session, request_id: str | None) -> AuditEntry | None:
    """Return the entry a request already made, if any."""
    if request_id is None:
        return None
    return session.scalars(
        select(AuditEntry).where(AuditEntry.request_id == request_id)
    ).one_or_none()


def entry_hash(entry: AuditEntry | Row[Any]) -> str:
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
    return inspect(session).problems


def inspect(session: Session) -> Verification:
    """Look through the whole log, however long it is: it is read row by row, and nothing is kept."""
    with snapshot(session):  # else an entry appended meanwhile would look like tampering
        shown: list[str] = []
        count = 0
        walk = Walk()
        for problem in look_through(session, walk):
            count += 1
            if len(shown) < PROBLEMS_SHOWN:
                shown.append(problem)
        return Verification(walk.entries, walk.previous, shown, count)


@dataclass
class Walk:
    """Where a walk through the log is: entries seen, the number expected next, the last hash.

    `is_over` says that it has come to the end, and that the head of the chain was looked at.
    """

    entries: int = 0
    expected_seq: int = 1
    previous: str = GENESIS
    is_over: bool = False


def look_through(session: Session, walk: Walk, limit: int | None = None) -> Iterator[str]:
    """Go on with a walk, by `limit` entries or to the end, and yield each problem as a sentence.

    Inside a snapshot: an entry appended meanwhile would look like tampering.
    """
    entries = select(*AuditEntry.__table__.columns).order_by(AuditEntry.seq).limit(limit)
    if walk.entries:
        entries = entries.where(AuditEntry.seq >= walk.expected_seq)
    seen = walk.entries
    for entry in session.execute(entries.execution_options(yield_per=500)):
        if entry.seq != walk.expected_seq:
            yield f"entries {walk.expected_seq} to {entry.seq - 1} are missing"
        if entry.previous_hash != walk.previous:
            yield f"entry {entry.seq} does not follow the entry before it"
        if entry_hash(entry) != entry.hash:
            yield f"entry {entry.seq} was changed"
        walk.entries += 1
        walk.expected_seq, walk.previous = entry.seq + 1, entry.hash
    if limit is not None and walk.entries - seen == limit:
        return
    walk.is_over = True
    head = session.get(AuditHead, HEAD_ID, populate_existing=True)
    if head is None:
        yield "the head of the chain is missing"
    elif head.seq != walk.expected_seq - 1:
        yield f"the log ends at entry {walk.expected_seq - 1}, its head says {head.seq}"
    elif head.hash != walk.previous:
        yield f"entry {head.seq} is not the one that the head of the chain knows"
