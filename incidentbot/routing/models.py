"""The rules an admin edits: whom each severity is told to, beyond the incident's own channel."""

from enum import StrEnum

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from incidentbot.database import Base, word
from incidentbot.incidents.lifecycle import Severity


class AudienceKind(StrEnum):
    """What a rule's target is."""

    CHANNEL = "channel"
    PERSON = "person"


class RoutingRule(Base):
    """An incident of `severity` is told to `target`: a Slack channel's id or #name, or a Slack user id."""

    __tablename__ = "routing_rules"
    __table_args__ = (UniqueConstraint("severity", "kind", "target"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    severity: Mapped[Severity] = mapped_column(word(Severity))
    kind: Mapped[AudienceKind] = mapped_column(word(AudienceKind))
    target: Mapped[str] = mapped_column(String(100))
