"""Who belongs to an incident: joining, adding and removing people. The commander is not removed."""

from dataclasses import replace

from sqlalchemy import CompoundSelect, select
from sqlalchemy.orm import Session

from incidentbot.database import write_transaction
from incidentbot.incidents.change import Change, Result, changing, lock_incident, record_refusal
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotAllowed, NotFound
from incidentbot.incidents.models import (
    EventKind,
    Incident,
    IncidentPerson,
    IncidentRole,
    TimelineEvent,
    service_owners,
)
from incidentbot.incidents.permissions import Action
from incidentbot.incidents.queries import parse_reference
from incidentbot.incidents.visibility import let_in
from incidentbot.outbox.publish import wake
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


def nearest(incident: Incident) -> CompoundSelect[int]:
    """Find the ids of who belongs to an incident or owns its service: whom its forms offer first."""
    members = select(IncidentPerson.user_id).where(IncidentPerson.incident_id == incident.id)
    owners = select(service_owners.c.user_id).where(
        service_owners.c.service_id == incident.service_id
    )
    return members.union(owners)


def join(session: Session, reference: str, actor: Actor) -> Result:
    """Become one of the incident's people, and be invited to its channel."""
    with changing(session, reference, actor, Action.JOIN) as change:
        user = _person(session, actor.user_id)
        if let_in(session, change.incident, user):
            _keep(change, user, None, IncidentRole.RESPONDER)
            change.tell(EventKind.PEOPLE, "", _what_became_of(user, "joined"), invite=[user])
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
            data = {**_what_became_of(user, "added"), "role": wanted.value}
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
                _what_became_of(user, "left" if is_leaving else "removed"),
                remove=user if incident.is_private else None,
            )
    return change.result(f"{user.name} does not belong to {incident.reference} any more.")


def enter_by_channel(session: Session, reference: str, actor: Actor) -> None:
    """Let in who acts in a private incident's channel: its members brought them in there.

    Who was removed, or left, may still be in the channel, and is let in by a person only: raises
    NotAllowed, which is audited too.
    """
    try:
        with write_transaction(session):
            incident = lock_incident(session, Incident.number == parse_reference(reference))
            if incident is None:
                raise NotFound(f"There is no incident {reference}.")
            user = _person(session, actor.user_id)
            if _was_put_out(session, incident, user):
                raise NotAllowed(
                    f"You do not belong to {reference} any more. Ask its commander to add you."
                )
            # The command that they came for has its request's name to itself: once it is taken,
            # the command counts as done.
            change = Change(session, incident, replace(actor, request_id=None))
            if let_in(session, incident, user):
                _keep(change, user, None, IncidentRole.RESPONDER)
                change.tell(EventKind.PEOPLE, "", _what_became_of(user, "joined"))
            change.audit("enter_by_channel")
    except NotAllowed as refusal:
        record_refusal(session, actor, Action.JOIN, reference, refusal)
        raise
    wake(session)


def _was_put_out(session: Session, incident: Incident, user: User) -> bool:
    """Whether the newest word of the timeline about a person is that they were removed or left."""
    theirs = {user.id, *session.scalars(select(User.id).where(User.merged_into_id == user.id))}
    told = session.scalars(
        select(TimelineEvent.data)
        .where(TimelineEvent.incident_id == incident.id, TimelineEvent.kind == EventKind.PEOPLE)
        .order_by(TimelineEvent.seq.desc())
    )
    newest = next((data["change"] for data in told if data.get("person_id") in theirs), "")
    return newest in ("removed", "left")


def _what_became_of(user: User, change: str) -> dict[str, str | int]:
    """Return what the timeline keeps of a person who came or went."""
    return {"change": change, "person": user.name, "person_id": user.id}


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
