"""Who belongs to an incident: joining, adding and removing people. The commander is not removed."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.change import Change, Result, changing, lock_incident
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotFound
from incidentbot.incidents.models import EventKind, Incident, IncidentPerson, IncidentRole
from incidentbot.incidents.permissions import Action
from incidentbot.incidents.queries import parse_reference
from incidentbot.incidents.visibility import let_in
from incidentbot.users.actor import Actor
from incidentbot.users.models import User


def list_incident_people(session: Session, incident_id: int) -> list[IncidentPerson]:
    """Return who belongs to an incident, in the order in which they came."""
    people = session.scalars(
        select(IncidentPerson)
        .where(IncidentPerson.incident_id == incident_id)
        .order_by(IncidentPerson.added_at, IncidentPerson.user_id)
    )
    return list(people)


def join(session: Session, reference: str, actor: Actor) -> Result:
    """Become one of the incident's people, and be invited to its channel."""
    with changing(session, reference, actor, Action.JOIN) as change:
        user = _person(session, actor.user_id)
        if let_in(session, change.incident, user):
            _keep(change, user, None, IncidentRole.RESPONDER)
            change.tell(
                EventKind.PEOPLE, "", {"change": "joined", "person": user.name}, invite=[user]
            )
        else:
            change.nothing(f"You belong to {change.incident.reference} already.")
    return change.result(f"You belong to {change.incident.reference} now.")


def add_person(session: Session, reference: str, actor: Actor, user_id: int, role: str) -> Result:
    """Add somebody in a role, or give them another. Raises InvalidInput for field person or role."""
    try:
        wanted = IncidentRole(role)
    except ValueError:
        raise InvalidInput("role", "Choose a role in the list.") from None
    with changing(session, reference, actor, Action.ADD_PERSON) as change:
        user = _person(session, user_id)
        known = session.get(IncidentPerson, (change.incident.id, user.id))
        old = known.role if known else None
        if let_in(session, change.incident, user, wanted):
            _keep(change, user, old, wanted)
            data = {"change": "added", "person": user.name, "role": wanted.value}
            change.tell(EventKind.PEOPLE, "", data, invite=[user])
        else:
            change.nothing(f"{user.name} is {wanted.value} already.")
    return change.result(f"{user.name} is {wanted.value} of {change.incident.reference}.")


def remove_person(session: Session, reference: str, actor: Actor, user_id: int) -> Result:
    """Remove somebody, or leave oneself; a private incident's channel as well.

    Raises InvalidMove for the commander.
    """
    is_leaving = user_id == actor.user_id
    action = Action.LEAVE if is_leaving else Action.REMOVE_PERSON
    with changing(session, reference, actor, action) as change:
        # Who left the company is no person to choose any more, but may still have to be removed.
        incident, user = change.incident, session.get(User, user_id)
        if user is None:
            raise InvalidInput("person", "Choose a person in the list.")
        known = session.get(IncidentPerson, (incident.id, user.id))
        if user.id == incident.commander_id:
            raise InvalidMove(f"{user.name} commands {incident.reference}. Hand it over first.")
        if known is None:
            change.nothing(f"{user.name} does not belong to {incident.reference}.")
        else:
            _keep(change, user, known.role, None)
            session.delete(known)
            change.tell(
                EventKind.PEOPLE,
                "",
                {"change": "left" if is_leaving else "removed", "person": user.name},
                remove=user if incident.is_private else None,
            )
    return change.result(f"{user.name} does not belong to {incident.reference} any more.")


def enter_by_channel(session: Session, reference: str, actor: Actor) -> None:
    """Let in who acts in a private incident's channel: its members brought them in there."""
    with write_transaction(session):
        incident = lock_incident(session, Incident.number == parse_reference(reference))
        if incident is None:
            raise NotFound(f"There is no incident {reference}.")
        change = Change(session, incident, actor)
        if let_in(session, incident, _person(session, actor.user_id)):
            # The command that they came for has its request's name to itself: once it is taken,
            # the command counts as done.
            audit.append(
                session,
                replace(actor, request_id=None),
                "enter_by_channel",
                incident.reference,
                before=change.before,
                after=change.before,
            )


def _keep(change: Change, user: User, old: IncidentRole | None, new: IncidentRole | None) -> None:
    """Have the audit log keep whose role changed, and from what to what."""
    change.before["role"] = old.value if old else None
    change.details |= {
        "role": new.value if new else None,
        "person": user.name,
        "person_id": user.id,
    }


def _person(session: Session, user_id: int | None) -> User:
    user = session.get(User, user_id) if user_id is not None else None
    if user is None or not user.is_active:
        raise InvalidInput("person", "Choose a person in the list.")
    return user
