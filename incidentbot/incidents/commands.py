"""Everything that changes an incident. One function a command, one transaction a call.

Each locks its incident, checks that the person may and the state allows it, and writes the new
state, the timeline, the audit log and the deliveries together. A door calls one of these and
presents the result; a refusal is an IncidentError with the words to show.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.action_items import list_action_items
from incidentbot.incidents.change import Change, Result, changing, lock_incident, record_refusal
from incidentbot.incidents.channel_names import channel_name, private_channel_name, with_suffix
from incidentbot.incidents.errors import (
    Conflict,
    Inputs,
    InvalidInput,
    InvalidMove,
    NotAllowed,
    NotFound,
)
from incidentbot.incidents.lifecycle import (
    REOPENED,
    UPDATE_STATUSES,
    Severity,
    Status,
    can_move,
)
from incidentbot.incidents.models import Counter, EventKind, Incident, Postmortem, Service
from incidentbot.incidents.permissions import Action, judge
from incidentbot.incidents.postmortem import draft
from incidentbot.incidents.queries import (
    find_postmortem,
    get_incident,
    last_event,
    list_timeline,
)
from incidentbot.incidents.search import add_words
from incidentbot.incidents.severities import words_by_severity
from incidentbot.incidents.text import (
    POSTMORTEM_LIMIT,
    REASON_LIMIT,
    clean_line,
    clean_optional,
    clean_text,
)
from incidentbot.incidents.visibility import let_in
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import wake
from incidentbot.routing.plan import is_relied_on
from incidentbot.users.actor import SYSTEM, Actor
from incidentbot.users.models import Role, User


@dataclass(frozen=True)
class Declaration:
    """What a person fills in to declare an incident. `service` is a slug; no commander: who declares.

    A private incident is seen by its people and admins only, has a private channel, and is told to
    nobody else.
    """

    title: str
    severity: str
    service: str
    commander_id: int | None = None
    summary: str = ""
    is_private: bool = False


def declare(session: Session, declaration: Declaration, actor: Actor) -> Result:
    """Declare an incident. Raises InvalidInputs, of all the fields that are wrong, and NotAllowed.

    A repeat of the same request returns the incident that the first one declared.
    """
    verdict = judge(Action.DECLARE, actor, None)
    if not verdict.allowed:
        refusal = NotAllowed(verdict.reason)
        record_refusal(session, actor, Action.DECLARE, "incident", refusal)
        raise refusal
    inputs = Inputs()
    with inputs.reading():
        title = clean_line("title", declaration.title)
    with inputs.reading():
        severity = parse_severity(declaration.severity)
    with write_transaction(session):
        # The counter's lock makes declarations take turns: no gap in the references, no name twice.
        counter = session.scalars(
            select(Counter)
            .where(Counter.name == "incident")
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()
        repeated = audit.find_request(session, actor.request_id)
        if repeated is not None:
            incident = get_incident(session, repeated.subject, SYSTEM)
            return Result(incident, f"{incident.reference} is declared.", changed=False)
        with inputs.reading():
            service = _service(session, declaration.service)
        with inputs.reading():
            commander = _commander(session, declaration.commander_id or actor.user_id)
        with inputs.reading():
            summary = clean_optional("summary", declaration.summary)
        inputs.check()
        counter.value += 1
        now = database.now(session)
        incident = Incident(
            number=counter.value,
            title=title,
            summary=summary,
            severity=severity,
            status=Status.DECLARED,
            service=service,
            commander=commander,
            declared_by_id=actor.user_id,
            declared_at=now,
            updated_at=now,
            status_since=now,
            version=0,
            is_private=declaration.is_private,
            # Columns count from here on; the defaults come only with the row.
            seconds_declared=0,
            seconds_investigating=0,
            seconds_identified=0,
            seconds_monitoring=0,
            updates_due=0,
            updates_late=0,
        )
        incident.slack_channel_name = (
            free_private_name(session, now)
            if incident.is_private
            else free_channel_name(session, now, service.slug, counter.value)
        )
        session.add(incident)
        session.flush()
        change = Change(session, incident, actor)
        change.before, change.now = {}, now
        for person in filter(None, (commander, incident.declared_by)):
            let_in(session, incident, person)
        add_words(session, incident, incident.reference, title, service.name)
        people = first_people(commander, incident.declared_by, service, incident.is_private)
        change.tell(EventKind.DECLARED, summary, invite=people)
        change.audit(Action.DECLARE.value)
    wake(session)
    return Result(incident, f"{incident.reference} is declared.")


def post_update(
    session: Session, reference: str, actor: Actor, message: str, public: str = ""
) -> Result:
    """Post a status update: to the timeline and the incident's channel. `public` is told to customers."""
    text = clean_text("message", message)
    with changing(session, reference, actor, Action.POST_UPDATE) as change:
        change.require_now(Action.POST_UPDATE)
        change.tell(EventKind.UPDATE, text, public=public)
    return change.result("The update is posted.")


def update_or_move(
    session: Session, reference: str, actor: Actor, status: str, message: str, public: str = ""
) -> Result:
    """Post an update; with a status of its menu ("" for none), move the incident there as well."""
    if not status:
        return post_update(session, reference, actor, message, public)
    if status not in UPDATE_STATUSES:
        raise InvalidInput("status", "Choose a status in the list.")
    return move_to(session, reference, actor, Status(status), message, public)


def move_to(
    session: Session,
    reference: str,
    actor: Actor,
    status: Status,
    message: str = "",
    public: str = "",
) -> Result:
    """Move the incident forward to `status`, with an optional message, and one for customers.

    An incident that is there already takes the message as a plain update.
    """
    if status is Status.RESOLVED:
        return resolve(session, reference, actor, message, public)
    if status is Status.CANCELLED:
        return cancel(session, reference, actor, message)
    text = clean_optional("message", message)
    with changing(session, reference, actor, Action.MOVE) as change:
        change.require_now(Action.MOVE)
        current = change.incident.status
        if current is status:
            if text or public:
                change.tell(EventKind.UPDATE, text, public=public)
            else:
                change.nothing(f"{change.incident.reference} is {status.value} already.")
        elif not can_move(current, status):
            raise InvalidMove(
                f"{change.incident.reference} is {current.value}; it cannot go back to "
                f"{status.value}. Post an update instead, or resolve and reopen it."
            )
        else:
            change.incident.status = status
            data = {"from": current.value, "to": status.value}
            change.tell(EventKind.STATUS, text, data, public=public)
    return change.result(f"{change.incident.reference} is now {status.value}.")


def change_severity(
    session: Session, reference: str, actor: Actor, severity: str, reason: str = ""
) -> Result:
    """Change the severity. An escalation to P1 or P2 is told to everyone of the new level."""
    new = parse_severity(severity)
    text = clean_optional("reason", reason, REASON_LIMIT)
    with changing(session, reference, actor, Action.CHANGE_SEVERITY) as change:
        change.require_now(Action.CHANGE_SEVERITY)
        old = change.incident.severity
        if old is new:
            change.nothing(f"{change.incident.reference} is {new.value} already.")
        else:
            change.incident.severity = new
            change.tell(
                EventKind.SEVERITY,
                text,
                {"from": old.value, "to": new.value},
                previous_severity=old,
            )
    return change.result(f"{change.incident.reference} is now {new.value}.")


def resolve(
    session: Session, reference: str, actor: Actor, message: str = "", public: str = ""
) -> Result:
    """Resolve the incident and tell everyone who was told of it. Doing it twice changes nothing."""
    text = clean_optional("message", message)
    with changing(session, reference, actor, Action.RESOLVE) as change:
        incident = change.incident
        if incident.status is Status.RESOLVED:
            change.nothing(_how_it_ended(session, incident, EventKind.RESOLVED))
        else:
            change.require_now(Action.RESOLVE)
            old, incident.status = incident.status, Status.RESOLVED
            incident.resolved_at = change.now
            incident.duration_seconds = int((change.now - incident.declared_at).total_seconds())
            data = {"from": old.value, "to": Status.RESOLVED.value}
            change.tell(EventKind.RESOLVED, text, data, public=public)
    return change.result(f"{change.incident.reference} is resolved.")


def reopen(session: Session, reference: str, actor: Actor, reason: str) -> Result:
    """Take a resolved or cancelled incident back to investigating."""
    text = clean_text("reason", reason, REASON_LIMIT)
    with changing(session, reference, actor, Action.REOPEN) as change:
        incident = change.incident
        if incident.status.is_open:
            change.nothing(change.why_not_now(Action.REOPEN))
        else:
            old, incident.status = incident.status, REOPENED
            incident.resolved_at = None
            incident.duration_seconds = None
            change.tell(EventKind.REOPENED, text, {"from": old.value, "to": REOPENED.value})
    return change.result(f"{change.incident.reference} is open again.")


def cancel(session: Session, reference: str, actor: Actor, reason: str) -> Result:
    """Close the incident as a false alarm. Doing it twice changes nothing."""
    text = clean_text("reason", reason, REASON_LIMIT)
    with changing(session, reference, actor, Action.CANCEL) as change:
        incident = change.incident
        if incident.status is Status.CANCELLED:
            change.nothing(_how_it_ended(session, incident, EventKind.CANCELLED))
        else:
            change.require_now(Action.CANCEL)
            old, incident.status = incident.status, Status.CANCELLED
            data = {"from": old.value, "to": Status.CANCELLED.value}
            change.tell(EventKind.CANCELLED, text, data)
    return change.result(f"{change.incident.reference} is cancelled.")


def hand_over(session: Session, reference: str, actor: Actor, commander_id: int) -> Result:
    """Give the command to somebody else."""
    with changing(session, reference, actor, Action.HAND_OVER) as change:
        _give_command(change, _commander(session, commander_id), EventKind.COMMANDER, "")
    return change.result(
        f"{change.incident.commander.name} now commands {change.incident.reference}."
    )


def take_over(session: Session, reference: str, actor: Actor, reason: str) -> Result:
    """Take the command because the commander cannot be reached (break glass): announced and audited."""
    text = clean_text("reason", reason, REASON_LIMIT)
    with changing(session, reference, actor, Action.TAKE_OVER) as change:
        _give_command(change, _commander(session, actor.user_id), EventKind.TAKEOVER, text)
    return change.result(f"You now command {change.incident.reference}.")


def add_note(session: Session, reference: str, actor: Actor, text: str) -> Result:
    """Add a note to the timeline, whatever the incident's status."""
    note = clean_text("text", text)
    with changing(session, reference, actor, Action.ADD_NOTE) as change:
        change.tell(EventKind.NOTE, note)
    return change.result("The note is in the timeline.")


def draft_postmortem(session: Session, reference: str, actor: Actor) -> Result:
    """Write the post-mortem's first draft from the incident. What people wrote is never replaced."""
    with changing(session, reference, actor, Action.DRAFT_POSTMORTEM) as change:
        incident = change.incident
        if find_postmortem(session, incident.id) is not None:
            change.nothing(f"{change.incident.reference} has a post-mortem already.")
        else:
            change.require_now(Action.DRAFT_POSTMORTEM)
            session.add(
                Postmortem(
                    incident_id=incident.id,
                    body=draft(
                        incident,
                        list_timeline(session, incident.id),
                        list_action_items(session, incident.id),
                        words_by_severity(session)[incident.severity].meaning,
                    ),
                    updated_at=change.now,
                    updated_by_id=actor.user_id,
                )
            )
            change.tell(EventKind.POSTMORTEM, "")
    return change.result(f"The post-mortem of {change.incident.reference} is drafted.")


def edit_postmortem(
    session: Session, reference: str, actor: Actor, body: str, version: int
) -> Result:
    """Save an edit of the post-mortem made from `version`. Raises Conflict when it is not the newest."""
    text = clean_text("body", body, POSTMORTEM_LIMIT)
    with changing(session, reference, actor, Action.EDIT_POSTMORTEM) as change:
        postmortem = find_postmortem(session, change.incident.id)
        if postmortem is None:
            raise NotFound(f"{change.incident.reference} has no post-mortem yet.")
        if postmortem.version != version:
            raise Conflict(
                "Somebody saved another version while you were writing. "
                "Your text is still below: compare it with theirs and save again."
            )
        change.before["postmortem"], change.details["postmortem"] = postmortem.body, text
        postmortem.body = text
        add_words(session, change.incident, text)
        postmortem.version += 1
        postmortem.updated_at = change.now
        postmortem.updated_by_id = actor.user_id
        change.touch()
    return change.result("The post-mortem is saved.")


def record_war_room(session: Session, delivery: Delivery) -> None:
    """Note the channel that was created, inside the caller's transaction.

    The receipt is `{"channel": id, "name": name}`.
    """
    change = _system_change(session, delivery)
    receipt = delivery.receipt or {}
    change.incident.slack_channel_id = receipt["channel"]
    # It may be the name that another incident meant to take; that one will then find it taken.
    if _is_free(session, receipt["name"]):
        change.incident.slack_channel_name = receipt["name"]
    change.tell(EventKind.CHANNEL, "", {"channel": receipt["channel"], "name": receipt["name"]})
    change.audit("open_channel")


def record_parked(session: Session, delivery: Delivery) -> None:
    """Tell in the timeline that a delivery was given up, inside the caller's transaction.

    The channel is told as well where people rely on it.
    """
    if delivery.incident_id is None:
        return
    change = _system_change(session, delivery)
    data = {"kind": delivery.kind, "target": delivery.target, "delivery": delivery.id}
    in_channel = is_relied_on(delivery.kind, delivery.target)
    change.tell(EventKind.DELIVERY, delivery.last_error or "", data, in_channel=in_channel)
    change.audit("park_delivery")


def parse_severity(value: str) -> Severity:
    """Return the severity that `value` names, in either case. Raises InvalidInput."""
    try:
        return Severity(value.strip().upper())
    except ValueError:
        raise InvalidInput("severity", "Choose P1, P2, P3 or P4.") from None


def _give_command(change: Change, person: User, kind: EventKind, text: str) -> None:
    incident = change.incident
    if incident.commander_id == person.id:
        change.nothing(f"{person.name} commands {incident.reference} already.")
        return
    data = {"from": incident.commander.name, "to": person.name, "to_id": person.id}
    incident.commander = person
    incident.commander_id = person.id
    let_in(change.session, incident, person)
    change.tell(kind, text, data, invite=[person])


def _how_it_ended(session: Session, incident: Incident, kind: EventKind) -> str:
    """Say who closed the incident and when: what the second person to try is told."""
    event = last_event(session, incident.id, kind)
    by = f" by {event.actor_name} on {event.at:%-d %b %Y at %H:%M} UTC" if event else ""
    return f"{incident.reference} was already {kind.value}{by}. Nothing was changed."


def _service(session: Session, slug: str) -> Service:
    service = session.scalars(select(Service).where(Service.slug == slug)).one_or_none()
    if service is None or service.archived_at is not None:
        raise InvalidInput("service", "Choose one of the services in the list.")
    return service


def _commander(session: Session, user_id: int | None) -> User:
    user = session.get(User, user_id) if user_id is not None else None
    if user is None or not user.is_active:
        raise InvalidInput("commander", "Choose a person in the list.")
    if user.role is Role.VIEWER:
        raise InvalidInput("commander", f"{user.name} is a viewer and cannot command.")
    return user


def first_people(
    commander: User, declarer: User | None, service: Service, is_private: bool
) -> list[User]:
    """Return who is invited to a new incident's channel, of those whose accounts are open.

    A private one is not for the service's owners.
    """
    owners = [] if is_private else service.owners
    wanted = dict.fromkeys((commander, declarer, *owners))
    return [person for person in wanted if person is not None and person.is_active]


def free_channel_name(session: Session, at: datetime, slug: str, number: int) -> str:
    """Return the channel name of public incident `number`: one that no other has or means to create."""
    name = channel_name(at, slug, f"INC-{number}")
    # "payments" with the suffix 5 may be the name of the service "payments-5"; the last is free.
    candidates = (name, with_suffix(name, str(number)), f"inc-{number}")
    return next(candidate for candidate in candidates if _is_free(session, candidate))


def free_private_name(session: Session, at: datetime) -> str:
    """Return a channel name for a private incident that no other has."""
    name = private_channel_name(at)
    return name if _is_free(session, name) else free_private_name(session, at)


def _is_free(session: Session, name: str) -> bool:
    taken = session.scalars(select(Incident.id).where(Incident.slack_channel_name == name)).first()
    return taken is None


def _system_change(session: Session, delivery: Delivery) -> Change:
    """Lock the incident a delivery belongs to, for incidentbot itself to change it."""
    incident = lock_incident(session, Incident.id == delivery.incident_id)
    if incident is None:
        raise NotFound(f"Delivery {delivery.id} belongs to no incident.")
    return Change(session, incident, SYSTEM)
