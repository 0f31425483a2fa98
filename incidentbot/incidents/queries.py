"""Reading incidents. Nothing here changes anything."""

import re
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from incidentbot.incidents.errors import NotFound
from incidentbot.incidents.figures import UPDATES
from incidentbot.incidents.models import (
    EventKind,
    Incident,
    Postmortem,
    Service,
    Template,
    TimelineEvent,
)
from incidentbot.incidents.visibility import visible_to
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.users.actor import Actor
from incidentbot.users.models import User

_REFERENCE = re.compile(r"\s*(?:inc-)?([0-9]{1,9})\s*", re.IGNORECASE)


def parse_reference(reference: str) -> int:
    """Return the number in `INC-42`, `inc-42` or `42`. Raises NotFound for anything else."""
    number = read_reference(reference)
    if number is None:
        raise NotFound("An incident is named like INC-42.")
    return number


def read_reference(text: str) -> int | None:
    """Return the number of the incident that a text names and nothing else; None if it names none."""
    match = _REFERENCE.fullmatch(text)
    return int(match[1]) if match else None


def get_incident(session: Session, reference: str, viewer: Actor) -> Incident:
    """Return an incident by its reference. Raises NotFound, also where `viewer` may not know of it."""
    number = parse_reference(reference)
    incident = session.scalars(
        select(Incident).where(Incident.number == number, visible_to(viewer))
    ).one_or_none()
    if incident is None:
        raise NotFound(f"There is no incident INC-{number}.")
    return incident


def references_by_id(session: Session, incident_ids: Iterable[int | None]) -> dict[int, str]:
    """Return the references of these incidents, by their id."""
    wanted = {incident_id for incident_id in incident_ids if incident_id is not None}
    rows = session.execute(select(Incident.id, Incident.number).where(Incident.id.in_(wanted)))
    return {incident_id: f"INC-{number}" for incident_id, number in rows}


def incident_in_channel(session: Session, slack_channel_id: str) -> Incident | None:
    """Return the incident whose channel this is, if any. For who is in the channel: they may know."""
    return session.scalars(
        select(Incident).where(Incident.slack_channel_id == slack_channel_id)
    ).one_or_none()


def list_timeline(session: Session, incident_id: int) -> Sequence[TimelineEvent]:
    """Return everything that happened to an incident, in order."""
    return session.scalars(
        select(TimelineEvent)
        .where(TimelineEvent.incident_id == incident_id)
        .order_by(TimelineEvent.seq)
    ).all()


def list_events(
    session: Session,
    incident_id: int,
    limit: int,
    *,
    kinds: Collection[EventKind] = (),
    before: int | None = None,
    after: int | None = None,
) -> list[TimelineEvent]:
    """Return the newest `limit` events in order: of these kinds, between these numbers, where given."""
    query = select(TimelineEvent).where(TimelineEvent.incident_id == incident_id)
    if kinds:
        query = query.where(TimelineEvent.kind.in_(kinds))
    if before is not None:
        query = query.where(TimelineEvent.seq < before)
    if after is not None:
        query = query.where(TimelineEvent.seq > after)
    newest = session.scalars(query.order_by(TimelineEvent.seq.desc()).limit(limit))
    return list(newest)[::-1]


def extent(session: Session, incident_id: int) -> tuple[int, bool]:
    """Return the number of an incident's newest event, and whether it has a post-mortem."""
    newest = select(func.max(TimelineEvent.seq)).where(TimelineEvent.incident_id == incident_id)
    postmortem = exists().where(Postmortem.incident_id == incident_id)
    seq, has_postmortem = session.execute(select(newest.scalar_subquery(), postmortem)).one()
    return seq or 0, has_postmortem


def list_events_numbered(
    session: Session, incident_id: int, seqs: Collection[int]
) -> dict[int, TimelineEvent]:
    """Return these events of an incident's timeline, by their number."""
    events = session.scalars(
        select(TimelineEvent).where(
            TimelineEvent.incident_id == incident_id, TimelineEvent.seq.in_(seqs)
        )
    )
    return {event.seq: event for event in events}


def get_event(session: Session, incident_id: int, seq: int) -> TimelineEvent:
    """Return one event of an incident's timeline."""
    return session.scalars(
        select(TimelineEvent).where(
            TimelineEvent.incident_id == incident_id, TimelineEvent.seq == seq
        )
    ).one()


def last_event(session: Session, incident_id: int, kind: EventKind) -> TimelineEvent | None:
    """Return the newest event of one kind, if there is one."""
    return session.scalars(
        select(TimelineEvent)
        .where(TimelineEvent.incident_id == incident_id, TimelineEvent.kind == kind)
        .order_by(TimelineEvent.seq.desc())
        .limit(1)
    ).one_or_none()


def find_postmortem(session: Session, incident_id: int) -> Postmortem | None:
    """Return the incident's post-mortem, if it has one."""
    return session.scalars(
        select(Postmortem)
        .where(Postmortem.incident_id == incident_id)
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_services(session: Session) -> Sequence[Service]:
    """Return every service that incidents may be declared of, by name."""
    return session.scalars(
        select(Service).where(Service.archived_at.is_(None)).order_by(func.lower(Service.name))
    ).all()


def list_every_service(session: Session) -> Sequence[Service]:
    """Return every service by name: archived ones too, as there are incidents of them."""
    return session.scalars(select(Service).order_by(func.lower(Service.name), Service.id)).all()


def list_templates(session: Session) -> Sequence[Template]:
    """Return every template, by name: the order in which they are offered."""
    return session.scalars(select(Template).order_by(func.lower(Template.name), Template.id)).all()


def list_undelivered(session: Session, incident_id: int, limit: int) -> Sequence[Delivery]:
    """Return what of an incident was given up, or is to be made and something has kept it so far."""
    return session.scalars(
        select(Delivery)
        .where(
            Delivery.incident_id == incident_id,
            Delivery.state.in_((*UNFINISHED, DeliveryState.PARKED)),
            Delivery.last_error.is_not(None),
        )
        .order_by(Delivery.id)
        .limit(limit)
    ).all()


def list_newest_deliveries(
    session: Session,
    incident_id: int,
    limit: int,
    before: int | None = None,
    states: Collection[DeliveryState] = (),
) -> Sequence[Delivery]:
    """Return an incident's deliveries in these states, the newest first: `limit` of those below `before`."""
    query = select(Delivery).where(Delivery.incident_id == incident_id)
    if states:
        query = query.where(Delivery.state.in_(states))
    if before is not None:
        query = query.where(Delivery.id < before)
    return session.scalars(query.order_by(Delivery.id.desc()).limit(limit)).all()


def latest_update(session: Session, incident_id: int) -> TimelineEvent | None:
    """Return the newest event in which somebody wrote how it goes, if there is one."""
    return session.scalars(
        select(TimelineEvent)
        .where(
            TimelineEvent.incident_id == incident_id,
            TimelineEvent.kind.in_(UPDATES),
            TimelineEvent.text != "",
        )
        .order_by(TimelineEvent.seq.desc())
        .limit(1)
    ).one_or_none()


def names_by_slack_id(session: Session, slack_user_ids: Collection[str]) -> dict[str, str]:
    """Return the names of those of these Slack people whom incidentbot knows."""
    rows = session.execute(
        select(User.slack_user_id, User.name).where(User.slack_user_id.in_(slack_user_ids))
    )
    return {slack_user_id: name for slack_user_id, name in rows if slack_user_id is not None}


def latest_updates(session: Session, incident_ids: Sequence[int]) -> dict[int, TimelineEvent]:
    """Return `latest_update` for many incidents with one query, by incident id."""
    newest = (
        select(func.max(TimelineEvent.id))
        .where(
            TimelineEvent.incident_id.in_(incident_ids),
            TimelineEvent.kind.in_(UPDATES),
            TimelineEvent.text != "",
        )
        .group_by(TimelineEvent.incident_id)
    )
    events = session.scalars(select(TimelineEvent).where(TimelineEvent.id.in_(newest)))
    return {event.incident_id: event for event in events}


def delivery_states(session: Session, incident_id: int) -> str:
    """Return what changes when the state of any of an incident's deliveries does."""
    rows = session.execute(
        select(
            Delivery.state,
            func.count(),
            func.sum(Delivery.attempts),
            func.count(Delivery.last_error),
        )
        .where(Delivery.incident_id == incident_id)
        .group_by(Delivery.state)
        .order_by(Delivery.state)
    )
    return ",".join(f"{state.value}:{':'.join(map(str, counts))}" for state, *counts in rows)
