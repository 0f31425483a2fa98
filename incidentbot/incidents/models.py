"""Incidents, their timeline and post-mortem; the services they hit and the templates they start from."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
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
    """Something that breaks, and who is called when it does. An archived one has no new incidents."""

    __tablename__ = "services"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

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
    `duration_seconds` is from declaration to resolution, set while resolved. A private incident is
    seen by its people (`IncidentPerson`) and admins only. The figures from `first_update_at` on are
    kept by `incidents/figures.py`: of `updates_due` updates that the severity asked for, `updates_late`
    did not come in time. What an open one waits for in vain right now is not among them.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_status_number", "status", "number"),
        Index("ix_incidents_slack_channel_id", "slack_channel_id"),
        Index("ix_incidents_declared_at", "declared_at"),
        Index("ix_incidents_severity_number", "severity", "number"),
        Index("ix_incidents_service_id_number", "service_id", "number"),
        Index("ix_incidents_commander_id_number", "commander_id", "number"),
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
    is_private: Mapped[bool] = mapped_column(default=False, server_default=false())
    first_update_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_update_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seconds_declared: Mapped[int] = mapped_column(default=0, server_default="0")
    seconds_investigating: Mapped[int] = mapped_column(default=0, server_default="0")
    seconds_identified: Mapped[int] = mapped_column(default=0, server_default="0")
    seconds_monitoring: Mapped[int] = mapped_column(default=0, server_default="0")
    updates_due: Mapped[int] = mapped_column(default=0, server_default="0")
    updates_late: Mapped[int] = mapped_column(default=0, server_default="0")

    service: Mapped[Service] = relationship(lazy="joined", innerjoin=True)
    commander: Mapped[User] = relationship(
        foreign_keys=[commander_id], lazy="joined", innerjoin=True
    )
    declared_by: Mapped[User | None] = relationship(foreign_keys=[declared_by_id])

    @property
    def reference(self) -> str:
        """The public name: INC-42."""
        return f"INC-{self.number}"


class IncidentRole(StrEnum):
    """What a person does in an incident, beside its commander."""

    RESPONDER = "responder"
    COMMUNICATIONS = "communications"
    SCRIBE = "scribe"


class IncidentPerson(Base):
    """Somebody who belongs to an incident. The commander always does, whatever their `role` here."""

    __tablename__ = "incident_people"

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[IncidentRole] = mapped_column(word(IncidentRole))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class ActionItem(Base):
    """Something to do so that it does not happen again."""

    __tablename__ = "action_items"
    __table_args__ = (
        Index("ix_action_items_owner_id_done_at", "owner_id", "done_at"),
        # What is to be done stays small, however much has been done.
        Index(
            "ix_action_items_open",
            "incident_id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    text: Mapped[str] = mapped_column(String(500))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    due_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    owner: Mapped[User | None] = relationship(foreign_keys=[owner_id], lazy="joined")
    incident: Mapped[Incident] = relationship()


class SeveritySetting(Base):
    """What an admin says of a severity: in which words, and how often its incidents need an update."""

    __tablename__ = "severity_settings"

    severity: Mapped[Severity] = mapped_column(word(Severity), primary_key=True)
    meaning: Mapped[str] = mapped_column(String(200))
    update_minutes: Mapped[int | None]


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
    PEOPLE = "people"
    ACTION_ITEM = "action_item"
    PUBLIC = "public"


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
