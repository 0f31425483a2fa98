"""Bring a scheduled maintenance on Statuspage to what it is here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.api import StatuspageApi
from incidentbot.channels.statuspage.endpoints import SeenIncident
from incidentbot.channels.statuspage.sending import (
    FOUND_THERE,
    Sending,
    may_be_there,
    naming_components,
    plain,
)
from incidentbot.database import write_transaction
from incidentbot.incidents.text import shorten
from incidentbot.outbox.dispatch import Permanent, Receipt, Skip, Wait
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages.maintenance import is_called_off
from incidentbot.status_pages.models import Maintenance, MaintenanceStatus, StatuspageComponent

_SKEW = timedelta(minutes=5)
# What customers read when it moves on.
_BEGUN = "The maintenance has begun."
_DONE = "The maintenance is done."
_CALLED_OFF = "The maintenance is called off."


@dataclass(frozen=True)
class _Plan:
    """The maintenance as it is in the database now, and the API to tell it by."""

    api: StatuspageApi
    id: int
    title: str
    body: str
    status: MaintenanceStatus
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    statuspage_id: str | None
    component_ids: list[str]
    is_called_off: bool
    may_be_there: bool

    @property
    def marks(self) -> dict[str, Any]:
        return {"maintenance": self.id}

    @property
    def fields(self) -> dict[str, Any]:
        # It moves on with ours, not by Statuspage's own clock, so that both say the same.
        return {
            "name": shorten(self.title, endpoints.NAME_LIMIT),
            "scheduled_for": endpoints.moment(self.starts_at),
            "scheduled_until": endpoints.moment(self.ends_at),
            "scheduled_auto_in_progress": False,
            "scheduled_auto_completed": False,
        }


def send_maintenance(sending: Sending, delivery: Delivery) -> Receipt:
    """Schedule a maintenance on Statuspage, change it, or move it on."""
    plan = _read(sending, delivery)
    if plan.statuspage_id is None:
        return {"incident": _schedule(sending, plan)}
    plan.api.reserve(3)
    seen = endpoints.incident(plan.api, plan.statuspage_id)
    if seen is None:
        raise Permanent("The maintenance was deleted on Statuspage. It is not made again.")
    _change(plan, seen)
    return {"incident": seen.id}


def _read(sending: Sending, delivery: Delivery) -> _Plan:
    with sending.sessions() as session:
        api = sending.statuspage.api(session)
        row = session.get(Maintenance, int(delivery.target))
        if row is None:
            raise Skip("the maintenance is not planned any more")
        components = session.scalars(
            select(StatuspageComponent.component_id)
            .where(StatuspageComponent.service_id.in_([service.id for service in row.services]))
            .distinct()
        ).all()
        return _Plan(
            api=api,
            id=row.id,
            title=row.title,
            body=row.body,
            status=row.status,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            created_at=row.created_at,
            statuspage_id=row.statuspage_id,
            component_ids=sorted(components),
            is_called_off=is_called_off(row),
            may_be_there=may_be_there(session, delivery),
        )


def _schedule(sending: Sending, plan: _Plan) -> str:
    """Announce it; when in doubt, look whether it is there already."""
    is_over = plan.status is MaintenanceStatus.COMPLETED
    plan.api.reserve(4 if plan.may_be_there else 2)
    if plan.may_be_there:
        found = endpoints.find_incident(plan.api, plan.marks, plan.created_at - _SKEW)
        if found is not None:
            _note_scheduled(sending, plan, found)
            raise Wait(FOUND_THERE, 0)
    if is_over:
        raise Skip("the maintenance was over before it stood on Statuspage")
    fields = {**plan.fields, "status": plan.status.value, "body": plan.body}
    opened = naming_components(
        plan.component_ids,
        lambda named: endpoints.open_incident(plan.api, {**fields, **named}, plan.marks),
    )
    _note_scheduled(sending, plan, opened)
    return opened


def _note_scheduled(sending: Sending, plan: _Plan, opened: str) -> None:
    with sending.sessions() as session, write_transaction(session):
        session.get_one(Maintenance, plan.id).statuspage_id = opened


def _change(plan: _Plan, seen: SeenIncident) -> None:
    """Change what differs there: the plan until it is over, the words, the status when it moved on."""
    is_over = plan.status is MaintenanceStatus.COMPLETED
    changes: dict[str, Any] = {} if is_over or _is_as_planned(plan, seen) else plan.fields
    has_moved = seen.status != plan.status.value
    body = _news(plan, seen, has_moved=has_moved)
    if has_moved:
        changes = {**changes, "status": plan.status.value}
    if body:
        changes = {**changes, "body": body}
    is_about_others = not is_over and seen.component_ids != set(plan.component_ids)
    if is_about_others:
        naming_components(
            plan.component_ids,
            lambda named: (
                endpoints.change_incident(plan.api, seen.id, {**changes, **named})
                if changes or named
                else None
            ),
        )
    elif changes:
        endpoints.change_incident(plan.api, seen.id, changes)


def _is_as_planned(plan: _Plan, seen: SeenIncident) -> bool:
    there = (seen.name, seen.scheduled_for, seen.scheduled_until)
    starts_at, ends_at = (at.replace(microsecond=0) for at in (plan.starts_at, plan.ends_at))
    return there == (plan.fields["name"], starts_at, ends_at)


def _news(plan: _Plan, seen: SeenIncident, *, has_moved: bool) -> str:
    """Return what is to be posted: that it moved on, and the words for customers if they are new."""
    if plan.status is MaintenanceStatus.COMPLETED:
        return (_CALLED_OFF if plan.is_called_off else _DONE) if has_moved else ""
    texts = [plain(body).removeprefix(_BEGUN).strip() for _status, body in seen.posts]
    newest = next((text for text in reversed(texts) if text), "")
    words = plan.body if newest != plain(plan.body) else ""
    has_begun = has_moved and plan.status is MaintenanceStatus.IN_PROGRESS
    news = [_BEGUN if has_begun else "", words]
    return "\n\n".join(filter(None, news)) or (plan.body if has_moved else "")
