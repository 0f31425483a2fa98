"""Incidents, their timeline and post-mortem; the services they hit and the templates they start from."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from incidentbot.database import Base, UtcDateTime, word
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.users.models import User

service_owners = Table(
    "service_owners",
    Base.metadata,
    Column("service_id", ForeignKey("services.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
)


class Service(Base):
    """Something that breaks, and who is called when it does."""

    __tablename__ = "services"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(100))

    owners: Mapped[list[User]] = relationship(secondary=service_owners, order_by=User.id)


class Template(Base):
    """A preset that fills in the declare form."""

    __tablename__ = "templates"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(75), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    severity: Mapped[Severity] = mapped_column(word(Severity))
    summary: Mapped[str] = mapped_column(Text)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))

    service: Mapped[Service | None] = relationship()


class Incident(Base):
    """One incident as it is now. How it came to be so is its timeline.

    `version` counts its changes: pages and cards compare it to know whether they are up to date.
    `duration_seconds` is from declaration to resolution, set while resolved.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_status_number", "status", "number"),
        Index("ix_incidents_slack_channel_id", "slack_channel_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(String(100))
    summary: Mapped[str] = mapped_column(Text, default="")
    severity: Mapped[Severity] = mapped_column(word(Severity))
    status: Mapped[Status] = mapped_column(word(Status))
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    commander_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    declared_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    declared_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    duration_seconds: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    slack_channel_name: Mapped[str] = mapped_column(String(80), unique=True)
    slack_channel_id: Mapped[str | None] = mapped_column(String(32))

    service: Mapped[Service] = relationship(lazy="joined", innerjoin=True)
    commander: Mapped[User] = relationship(
        foreign_keys=[commander_id], lazy="joined", innerjoin=True
    )
    declared_by: Mapped[User | None] = relationship(foreign_keys=[declared_by_id])

    @property
    def reference(self) -> str:
        """The public name: INC-42."""
        return f"INC-{self.number}"


class EventKind(StrEnum):
    """What a timeline event tells."""

    DECLARED = "declared"
    UPDATE = "update"
    STATUS = "status"
    SEVERITY = "severity"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    COMMANDER = "commander"
    TAKEOVER = "takeover"
    NOTE = "note"
    POSTMORTEM = "postmortem"
    CHANNEL = "channel"
    DELIVERY = "delivery"


class TimelineEvent(Base):
    """One thing that happened, in order. Triggers refuse UPDATE and DELETE.

    `seq` counts from 1 within the incident. `data` holds what changed, as `{"from": …, "to": …}`.
    """

    __tablename__ = "timeline_events"
    __table_args__ = (UniqueConstraint("incident_id", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    seq: Mapped[int]
    kind: Mapped[EventKind] = mapped_column(word(EventKind))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str] = mapped_column(String(120))
    door: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON)

    actor: Mapped[User | None] = relationship(lazy="joined")


class Postmortem(Base):
    """The post-mortem of one incident: Markdown, drafted once, then edited by people.

    `version` counts its saves: an edit of an older version is refused instead of overwriting.
    """

    __tablename__ = "postmortems"

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), unique=True)
    body: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    updated_by: Mapped[User | None] = relationship()


class Counter(Base):
    """A number handed out without gaps: the row is locked until the taker commits."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int]
