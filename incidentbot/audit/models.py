"""The audit log's table and the head of its hash chain."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from incidentbot.database import Base, UtcDateTime, word


class Outcome(StrEnum):
    """Whether the command was carried out."""

    DONE = "done"
    REFUSED = "refused"


class AuditEntry(Base):
    """One command: who, by which door, from where, what was before, what is after.

    Triggers refuse UPDATE and DELETE; each entry's hash covers its content and the hash before it.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_subject_seq", "subject", "seq"),
        Index("ix_audit_entries_actor_id_seq", "actor_id", "seq"),
        Index("ix_audit_entries_action_seq", "action", "seq"),
        Index("ix_audit_entries_at", "at"),
        Index("ix_audit_entries_outcome_seq", "outcome", "seq"),
        Index("ix_audit_entries_override_seq", "override", "seq"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[Outcome] = mapped_column(word(Outcome))
    override: Mapped[bool] = mapped_column(default=False)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str] = mapped_column(String(120))
    actor_role: Mapped[str] = mapped_column(String(32))
    door: Mapped[str] = mapped_column(String(32))
    origin: Mapped[str] = mapped_column(String(200))
    request_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    reason: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The newest entry's number and hash: the row every append locks, and what tells of a cut tail."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
