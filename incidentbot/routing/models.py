"""The rules an admin edits: whom each severity is told to, beyond the incident's own channel."""

from enum import StrEnum

from sqlalchemy import ForeignKey, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from incidentbot.database import Base, word
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service


class AudienceKind(StrEnum):
    """What a rule's target is."""

    CHANNEL = "channel"
    PERSON = "person"


class RoutingRule(Base):
    """An incident of `severity` is told to `target`: a Slack channel's id or #name, or a Slack user id.

    Of which moments: `on_start` when it is declared or gets that bad, `on_update` at each update,
    `on_end` when it is over, or opened again. With a service, of incidents of that service only.
    """

    __tablename__ = "routing_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    severity: Mapped[Severity] = mapped_column(word(Severity))
    kind: Mapped[AudienceKind] = mapped_column(word(AudienceKind))
    target: Mapped[str] = mapped_column(String(100))
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))
    on_start: Mapped[bool] = mapped_column(default=True, server_default=true())
    on_update: Mapped[bool] = mapped_column(default=False, server_default=false())
    on_end: Mapped[bool] = mapped_column(default=True, server_default=true())

    service: Mapped[Service | None] = relationship()
