"""One row per effect on the outside world."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from incidentbot.database import Base, UtcDateTime, word


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    LEASED = "leased"
    RETRYING = "retrying"
    DONE = "done"
    PARKED = "parked"
    SKIPPED = "skipped"


UNFINISHED = (DeliveryState.PENDING, DeliveryState.LEASED, DeliveryState.RETRYING)
_IS_UNFINISHED = "state IN ('pending', 'leased', 'retrying')"
# Made or left out, and of no incident.
IS_OVER = "incident_id IS NULL AND state IN ('done', 'skipped')"
# As words in the query: SQLite uses a partial index only where it sees that its condition is met.
IN_SQL_UNFINISHED: list[ColumnElement[str]] = [
    literal_column(f"'{state.value}'") for state in UNFINISHED
]


class Delivery(Base):
    """One effect: a message, a channel to create, a card to bring up to date.

    Within a `stream` deliveries leave in the order of their ids. `waits_for_id` names a delivery
    whose result this one needs. `attempts` doubles as the fencing token of a lease. `tried_since`
    is when an attempt failed first, or had to wait: from then on counts how long we keep trying.
    `in_doubt` says that an earlier attempt may have reached the other side without our knowing. All
    times are the database's.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        # What is to be done stays small, however much has been done: the heads of the streams.
        Index(
            "ix_deliveries_unfinished",
            "stream",
            "id",
            sqlite_where=text(_IS_UNFINISHED),
            postgresql_where=text(_IS_UNFINISHED),
        ),
        # What belongs to no incident is deleted when it has been over for a while.
        Index(
            "ix_deliveries_over",
            "finished_at",
            sqlite_where=text(IS_OVER),
            postgresql_where=text(IS_OVER),
        ),
        Index("ix_deliveries_state_kind", "state", "kind"),
        Index("ix_deliveries_waits_for_id", "waits_for_id"),
        Index("ix_deliveries_incident_id_kind_target", "incident_id", "kind", "target"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    stream: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    dedupe_key: Mapped[str] = mapped_column(String(250), unique=True)
    waits_for_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"))
    priority: Mapped[int] = mapped_column(default=5)
    state: Mapped[DeliveryState] = mapped_column(word(DeliveryState))
    attempts: Mapped[int] = mapped_column(default=0)
    tried_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    in_doubt: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Turn(Base):
    """Whose turn it is to do what only one process of the fleet does at a time, and until when."""

    __tablename__ = "turns"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(100))
    until: Mapped[datetime] = mapped_column(UtcDateTime)
