"""What customers may know: public names, public texts, states of services, maintenance, subscribers."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from incidentbot.database import Base, UtcDateTime, word
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Incident, Service


class ComponentStatus(StrEnum):
    """How a service does for customers, the best first. The values are Statuspage's."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    DEGRADED = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"


class PublicStatus(StrEnum):
    """Where an incident stands for customers. The values are Statuspage's."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Impact(StrEnum):
    """How bad customers are told it is. The values are Statuspage's."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Publication(StrEnum):
    """Whether customers are told of incidents of a severity."""

    AUTOMATIC = "automatic"
    CONFIRM = "confirm"
    NEVER = "never"


class PublicService(Base):
    """How customers see a service: its public name and group. A service without a row is hidden."""

    __tablename__ = "public_services"

    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    group_name: Mapped[str] = mapped_column(String(100), default="")
    position: Mapped[int] = mapped_column(default=0)
    shown_since: Mapped[datetime] = mapped_column(UtcDateTime)

    service: Mapped[Service] = relationship(lazy="joined", innerjoin=True)


class ComponentState(Base):
    """From `at` on a service was `status` for customers: appended whenever that changes."""

    __tablename__ = "component_states"
    __table_args__ = (Index("ix_component_states_service_id_at", "service_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    status: Mapped[ComponentStatus] = mapped_column(word(ComponentStatus))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class PublicIncident(Base):
    """An incident that customers are told of: in public words only.

    `statuspage_id` is its id on Statuspage.io, once it is there; `statuspage_found` is what somebody set it
    to there by hand ("deleted" when they took it away), as the last look found it, at
    `statuspage_looked_at` where it was looked at by itself. Other times are those of the public story.
    """

    __tablename__ = "public_incidents"
    __table_args__ = (
        Index("ix_public_incidents_opened_at", "opened_at"),
        # The page asks for the open ones, however many there have been.
        Index(
            "ix_public_incidents_open",
            "opened_at",
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    status: Mapped[PublicStatus] = mapped_column(word(PublicStatus))
    impact: Mapped[Impact] = mapped_column(word(Impact))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    statuspage_id: Mapped[str | None] = mapped_column(String(64))
    statuspage_found: Mapped[str | None] = mapped_column(String(32))
    statuspage_looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    incident: Mapped[Incident] = relationship()


class PublicUpdate(Base):
    """One update for customers. `seq` counts from 1 within the incident.

    `statuspage_posted_at` is when it was known to stand on Statuspage.io.
    """

    __tablename__ = "public_updates"
    __table_args__ = (UniqueConstraint("incident_id", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("public_incidents.incident_id"))
    seq: Mapped[int]
    status: Mapped[PublicStatus] = mapped_column(word(PublicStatus))
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    statuspage_posted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PublicationRule(Base):
    """What is done for customers in incidents of a severity, and the words that are offered.

    The texts may hold {service} for the service's public name.
    """

    __tablename__ = "publication_rules"

    severity: Mapped[Severity] = mapped_column(word(Severity), primary_key=True)
    publication: Mapped[Publication] = mapped_column(word(Publication))
    impact: Mapped[Impact] = mapped_column(word(Impact))
    title: Mapped[str] = mapped_column(String(200))
    opening: Mapped[str] = mapped_column(Text)
    identified: Mapped[str] = mapped_column(Text)
    monitoring: Mapped[str] = mapped_column(Text)
    resolved: Mapped[str] = mapped_column(Text)


SETTINGS_ID = 1


class StatusPageSettings(Base):
    """The one row of settings of the status pages.

    `statuspage_key` is encrypted. `mapped_page_id` is the page on Statuspage.io that the components and
    the ids we keep of it belong to: it stays when the page is disconnected. `partial_outage_weight` is
    the share of a partial outage that counts as downtime, in percent.
    """

    __tablename__ = "status_page_settings"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_on: Mapped[bool] = mapped_column(Boolean, default=False)
    title: Mapped[str] = mapped_column(String(100))
    about: Mapped[str] = mapped_column(Text, default="")
    host: Mapped[str | None] = mapped_column(String(253))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    partial_outage_weight: Mapped[int] = mapped_column(default=30)
    statuspage_page_id: Mapped[str | None] = mapped_column(String(64))
    statuspage_page_name: Mapped[str | None] = mapped_column(String(200))
    statuspage_key: Mapped[str | None] = mapped_column(Text)
    mapped_page_id: Mapped[str | None] = mapped_column(String(64))
    reconciled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StatuspageComponent(Base):
    """A component on Statuspage.io that follows a service.

    `last_set` is what we set it to last (before the first time we take it to be operational), `found`
    what the last look found there: where the two differ, somebody changed it by hand, and it is left
    as it is until a person says otherwise. `about_to_set` is written before a call that sets it, so
    that a change of ours whose answer never came is not taken for somebody else's.
    """

    __tablename__ = "statuspage_components"
    __table_args__ = (UniqueConstraint("service_id", "component_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    component_id: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(255))
    last_set: Mapped[ComponentStatus | None] = mapped_column(word(ComponentStatus))
    about_to_set: Mapped[ComponentStatus | None] = mapped_column(word(ComponentStatus))
    found: Mapped[ComponentStatus | None] = mapped_column(word(ComponentStatus))
    found_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    service: Mapped[Service] = relationship()


class MaintenanceStatus(StrEnum):
    """Where a scheduled maintenance stands. The values are Statuspage's."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


maintenance_services = Table(
    "maintenance_services",
    Base.metadata,
    Column("maintenance_id", ForeignKey("maintenances.id"), primary_key=True),
    Column("service_id", ForeignKey("services.id"), primary_key=True),
)


class Maintenance(Base):
    """Work that customers are told of before. Its status follows the clock, unless it is ended early.

    `starts_at` and `ends_at` are what was planned, `ended_at` is when it was over: before `starts_at`
    where it was called off.
    """

    __tablename__ = "maintenances"
    __table_args__ = (
        Index("ix_maintenances_ends_at", "ends_at"),
        Index("ix_maintenances_ended_at", "ended_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[MaintenanceStatus] = mapped_column(word(MaintenanceStatus))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    statuspage_id: Mapped[str | None] = mapped_column(String(64))

    services: Mapped[list[Service]] = relationship(
        secondary=maintenance_services, order_by=Service.id
    )


subscriber_services = Table(
    "subscriber_services",
    Base.metadata,
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("service_id", ForeignKey("services.id"), primary_key=True),
)


class Subscriber(Base):
    """Somebody who gets mail of what the status page says; of all services when none is named.

    Until `confirmed_at` they get nothing but the question whether they want it, last at `asked_at`.
    `refusals` counts the mails that their mailbox refused in a row, the first at `refused_since`.
    """

    __tablename__ = "subscribers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    refused_since: Mapped[datetime | None] = mapped_column(UtcDateTime)

    services: Mapped[list[Service]] = relationship(
        secondary=subscriber_services, order_by=Service.id
    )
