"""Who may see which incident: a private one its people and admins only, whichever the door."""

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.incidents.models import Incident, IncidentPerson, IncidentRole
from incidentbot.users.actor import Actor, Door
from incidentbot.users.models import User


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on the incidents that `actor` may know of."""
    if actor.is_admin or actor.door is Door.SYSTEM:
        return true()
    # A scalar, not EXISTS: PostgreSQL would gather all of a person's incidents first. NULL is false.
    belongs = (
        select(true())
        .where(IncidentPerson.incident_id == Incident.id, IncidentPerson.user_id == actor.user_id)
        .scalar_subquery()
    )
    return or_(Incident.is_private.is_(False), belongs)


def may_see(session: Session, incident: Incident, actor: Actor) -> bool:
    """Whether `actor` may know of this incident."""
    is_open = not incident.is_private or actor.is_admin or actor.door is Door.SYSTEM
    return is_open or belongs_to(session, incident, actor.user_id)


def belongs_to(session: Session, incident: Incident, user_id: int | None) -> bool:
    """Whether a person is one of the incident's people."""
    return user_id is not None and (session.get(IncidentPerson, (incident.id, user_id)) is not None)


def let_in(
    session: Session,
    incident: Incident,
    user: User,
    role: IncidentRole = IncidentRole.RESPONDER,
) -> bool:
    """Make a person one of the incident's people, inside the caller's transaction.

    Return whether that changed anything.
    """
    known = session.get(IncidentPerson, (incident.id, user.id))
    if known is None:
        session.add(
            IncidentPerson(
                incident_id=incident.id,
                user_id=user.id,
                role=role,
                added_at=database.now(session),
            )
        )
        session.flush()
        return True
    changed = known.role is not role
    known.role = role
    return changed
