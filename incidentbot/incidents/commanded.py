"""The incidents a person has on their hands."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import Incident
from incidentbot.incidents.visibility import visible_to
from incidentbot.users.actor import Actor


def list_commanded(session: Session, viewer: Actor, limit: int = 50) -> Sequence[Incident]:
    """Return the open incidents that `viewer` commands, the newest first."""
    still_open = [status for status in Status if status.is_open]
    return session.scalars(
        select(Incident)
        .where(
            Incident.commander_id == viewer.user_id,
            Incident.status.in_(still_open),
            visible_to(viewer),
        )
        .order_by(Incident.number.desc())
        .limit(limit)
    ).all()
