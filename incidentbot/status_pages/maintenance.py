"""Scheduled maintenance: told of before, begun and ended by the clock.

The clock is the outbox's: a delivery that is due when the maintenance begins, and one for its end. So
each is done once in the whole fleet and found again after a crash, like every other delivery; what
customers read never writes anything.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from incidentbot import database
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotFound
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.incidents.text import clean_line, clean_text
from incidentbot.outbox.publish import Effect, publish
from incidentbot.status_pages.models import (
    Maintenance,
    MaintenanceStatus,
    StatuspageComponent,
)
from incidentbot.status_pages.publication import (
    component_effect,
    has_own_page,
    is_connected,
    maintenance_effect,
)
from incidentbot.status_pages.states import record_states
from incidentbot.users.actor import Actor

CLOCK = "maintenance.clock"
TITLE_LIMIT = 200
BODY_LIMIT = 5_000
SHOWN = 50
# Nobody plans for later; the year is mistyped.
MOST_AHEAD = timedelta(days=5 * 365)
_TOO_FAR = "That is more than 5 years from now. Check the year."


@dataclass(frozen=True)
class MaintenanceFields:
    """What a person fills in of a maintenance. A time is None when what was typed is none."""

    title: str
    body: str
    starts_at: datetime | None
    ends_at: datetime | None
    service_ids: frozenset[int]


def list_maintenances(session: Session, since: datetime | None = None) -> Sequence[Maintenance]:
    """Return what is to come or under way, and the newest of what is over (from `since` on).

    Those that end last come first.
    """
    over = select(Maintenance.id).where(Maintenance.status == MaintenanceStatus.COMPLETED)
    if since is not None:
        over = over.where(Maintenance.ended_at >= since)
    newest = over.order_by(Maintenance.ended_at.desc(), Maintenance.id.desc()).limit(SHOWN)
    return session.scalars(
        select(Maintenance)
        .where(
            or_(
                Maintenance.status != MaintenanceStatus.COMPLETED,
                Maintenance.id.in_(newest.scalar_subquery()),
            )
        )
        .order_by(Maintenance.ends_at.desc(), Maintenance.id.desc())
        .options(selectinload(Maintenance.services))
        .execution_options(populate_existing=True)
    ).all()


def get_maintenance(session: Session, maintenance_id: int) -> Maintenance:
    """Return one maintenance. Raises NotFound."""
    found = session.get(Maintenance, maintenance_id)
    if found is None:
        raise NotFound("There is no such maintenance.")
    return found


def state_of_maintenance(maintenance: Maintenance) -> dict[str, Any]:
    """Return what the audit log keeps of a maintenance, and what an edit may run into."""
    return {
        "title": maintenance.title,
        "body": maintenance.body,
        "starts_at": maintenance.starts_at.isoformat(),
        "ends_at": maintenance.ends_at.isoformat(),
        "ended_at": maintenance.ended_at.isoformat() if maintenance.ended_at else None,
        "status": maintenance.status.value,
        "services": sorted(service.slug for service in maintenance.services),
    }


def schedule(session: Session, actor: Actor, fields: MaintenanceFields) -> Maintenance:
    """Schedule a maintenance, and tell customers. Raises InvalidInput per field, NotAllowed."""
    with changing_setting(session, actor, "schedule_maintenance") as change:
        now = database.now(session)
        maintenance = Maintenance(
            status=MaintenanceStatus.SCHEDULED, created_at=now, created_by_id=actor.user_id
        )
        _fill(session, maintenance, fields, now)
        session.add(maintenance)
        session.flush()
        _tell(session, maintenance, "scheduled")
        _set_clock(session, maintenance)
        change.record(f"maintenance {maintenance.id}", {}, state_of_maintenance(maintenance))
    return maintenance


def edit(
    session: Session, maintenance_id: int, actor: Actor, fields: MaintenanceFields, seen: str
) -> Maintenance:
    """Change a maintenance that is not over, and tell customers.

    Raises InvalidInput per field, Conflict, InvalidMove.
    """
    with changing_setting(session, actor, "edit_maintenance") as change:
        maintenance = _lock(session, maintenance_id)
        before = state_of_maintenance(maintenance)
        _require_open(maintenance)
        require_unchanged(before, seen)
        now = database.now(session)
        were = [service.id for service in maintenance.services]
        _fill(session, maintenance, fields, now)
        session.flush()
        if before != state_of_maintenance(maintenance):
            if maintenance.status is MaintenanceStatus.IN_PROGRESS:
                _move_services(session, maintenance, now, also=were)
            _tell(session, maintenance, "changed")
            _set_clock(session, maintenance)
        change.record(f"maintenance {maintenance.id}", before, state_of_maintenance(maintenance))
    return maintenance


def end(session: Session, maintenance_id: int, actor: Actor) -> Maintenance:
    """End a maintenance now, or call it off before it has begun. Raises InvalidMove when it is over."""
    with changing_setting(session, actor, "end_maintenance") as change:
        maintenance = _lock(session, maintenance_id)
        before = state_of_maintenance(maintenance)
        _require_open(maintenance)
        now = database.now(session)
        was_under_way = maintenance.status is MaintenanceStatus.IN_PROGRESS
        maintenance.status, maintenance.ended_at = MaintenanceStatus.COMPLETED, now
        maintenance.updated_at = now
        session.flush()
        if was_under_way:
            _move_services(session, maintenance, now)
        _tell(session, maintenance, "called_off" if is_called_off(maintenance) else "completed")
        change.record(f"maintenance {maintenance.id}", before, state_of_maintenance(maintenance))
    return maintenance


def is_called_off(maintenance: Maintenance) -> bool:
    """Whether it was ended before it began."""
    return (
        maintenance.status is MaintenanceStatus.COMPLETED
        and maintenance.ended_at is not None
        and maintenance.ended_at < maintenance.starts_at
    )


def follow_clock(session: Session, maintenance_id: int) -> None:
    """Begin or end a maintenance whose time has come, inside the caller's transaction."""
    maintenance = session.get(
        Maintenance, maintenance_id, with_for_update=True, populate_existing=True
    )
    now = database.now(session)
    if maintenance is None or maintenance.status is MaintenanceStatus.COMPLETED:
        return
    due = _status_at(maintenance, now)
    if due is maintenance.status:
        return
    maintenance.status, maintenance.updated_at = due, now
    if due is MaintenanceStatus.COMPLETED:
        maintenance.ended_at = maintenance.ends_at
    session.flush()
    _move_services(session, maintenance, now)
    has_begun = due is MaintenanceStatus.IN_PROGRESS
    _tell(session, maintenance, "started" if has_begun else "completed")


def _status_at(maintenance: Maintenance, now: datetime) -> MaintenanceStatus:
    if now >= maintenance.ends_at:
        return MaintenanceStatus.COMPLETED
    if now >= maintenance.starts_at:
        return MaintenanceStatus.IN_PROGRESS
    return MaintenanceStatus.SCHEDULED


def _fill(
    session: Session, maintenance: Maintenance, fields: MaintenanceFields, now: datetime
) -> None:
    has_begun = maintenance.status is MaintenanceStatus.IN_PROGRESS
    maintenance.title = clean_line("title", fields.title, TITLE_LIMIT)
    maintenance.body = clean_text("body", fields.body, BODY_LIMIT)
    if has_begun:
        starts_at = maintenance.starts_at  # it cannot begin at another time any more
    elif fields.starts_at is None:
        raise InvalidInput("starts_at", "Write when it begins, as a date and a time.")
    elif fields.starts_at < now:
        raise InvalidInput("starts_at", "That is past. Choose a time to come.")
    elif fields.starts_at > now + MOST_AHEAD:
        raise InvalidInput("starts_at", _TOO_FAR)
    else:
        starts_at = fields.starts_at
    if fields.ends_at is None:
        raise InvalidInput("ends_at", "Write when it ends, as a date and a time.")
    if fields.ends_at <= max(starts_at, now):
        raise InvalidInput("ends_at", "It must end after it begins, and later than now.")
    if fields.ends_at > now + MOST_AHEAD:
        raise InvalidInput("ends_at", _TOO_FAR)
    services = session.scalars(
        select(Service).where(Service.id.in_(fields.service_ids)).order_by(Service.id)
    ).all()
    if not services or len(services) != len(fields.service_ids):
        raise InvalidInput("services", "Choose at least one service in the list.")
    maintenance.starts_at, maintenance.ends_at = starts_at, fields.ends_at
    maintenance.services = list(services)
    maintenance.updated_at = now


def _set_clock(session: Session, maintenance: Maintenance) -> None:
    """Have the engine look at the maintenance when it begins and when it ends.

    Each time has a stream of its own: an older one that was meant for later holds up none.
    """
    for at in (maintenance.starts_at, maintenance.ends_at):
        name = f"maintenance/{maintenance.id}/{at.isoformat()}/{maintenance.updated_at.isoformat()}"
        target = str(maintenance.id)
        effect = Effect(kind=CLOCK, target=target, stream=name, dedupe_key=name, due_at=at)
        publish(session, [effect])


def _move_services(
    session: Session, maintenance: Maintenance, now: datetime, also: Collection[int] = ()
) -> None:
    """Bring what customers see of the services up to the maintenance."""
    service_ids = {service.id for service in maintenance.services} | set(also)
    record_states(session, service_ids, now)
    if is_connected(session):
        what = f"maintenance/{maintenance.id}/{now.isoformat()}"
        components = session.scalars(
            select(StatuspageComponent.component_id)
            .where(StatuspageComponent.service_id.in_(service_ids))
            .order_by(StatuspageComponent.component_id)
            .distinct()
        )
        publish(session, [component_effect(found, what) for found in components.all()])


def _tell(session: Session, maintenance: Maintenance, moment: str) -> None:
    """Tell customers that it was scheduled, changed, started, completed or called off."""
    publish(session, _told(session, maintenance, moment))


def _told(session: Session, maintenance: Maintenance, moment: str) -> Iterable[Effect]:
    what = f"{moment}/{maintenance.updated_at.isoformat()}"
    if is_connected(session):
        yield maintenance_effect(maintenance, what)
    if has_own_page(session):
        yield Effect(
            kind="email.subscribers",
            target=f"maintenance/{maintenance.id}/{moment}",
            stream=f"subscribers/maintenance/{maintenance.id}",
            dedupe_key=f"maintenance/{maintenance.id}/email.subscribers/{what}",
            payload={"maintenance": maintenance.id, "moment": moment},
        )


def _require_open(maintenance: Maintenance) -> None:
    if maintenance.status is MaintenanceStatus.COMPLETED:
        raise InvalidMove("This maintenance is over.")


def _lock(session: Session, maintenance_id: int) -> Maintenance:
    found = session.get(Maintenance, maintenance_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such maintenance.")
    return found
