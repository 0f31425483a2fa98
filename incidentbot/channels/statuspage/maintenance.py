"""Bring a scheduled maintenance on Statuspage to what it is here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.api import StatuspageApi
from incidentbot.channels.statuspage.endpoints import SeenIncident
from incidentbot.channels.statuspage.sending import Sending
from incidentbot.database import write_transaction
from incidentbot.incidents.text import shorten
from incidentbot.outbox.dispatch import Permanent, Receipt, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages.maintenance import is_called_off
from incidentbot.status_pages.models import Maintenance, MaintenanceStatus, StatuspageComponent

_SKEW = timedelta(minutes=5)
_CALLED_OFF = "The maintenance is called off."
# What customers read when it moves on.
_MOVED_ON = {
    MaintenanceStatus.IN_PROGRESS: "The maintenance has begun.",
    MaintenanceStatus.COMPLETED: "The maintenance is done.",
}


@dataclass(frozen=True)
class _Plan:
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
            "component_ids": self.component_ids,
        }


def send_maintenance(sending: Sending, delivery: Delivery) -> Receipt:
    """Schedule a maintenance on Statuspage, change it, or move it on."""
    plan = _read(sending, delivery)
    if plan.statuspage_id is None:
        return {"incident": _schedule(sending, delivery, plan)}
    plan.api.reserve(3)
    seen = endpoints.incident(plan.api, plan.statuspage_id)
    if seen is None:
        raise Permanent("The maintenance was deleted on Statuspage. It is not made again.")
    fields = _changes(plan, seen)
    if fields:
        endpoints.change_incident(plan.api, seen.id, fields)
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
        )


def _schedule(sending: Sending, delivery: Delivery, plan: _Plan) -> str:
    if plan.status is MaintenanceStatus.COMPLETED:
        raise Skip("the maintenance was over before it stood on Statuspage")
    plan.api.reserve(3 if delivery.in_doubt else 1)
    found = None
    if delivery.in_doubt:
        found = endpoints.find_incident(plan.api, plan.marks, plan.created_at - _SKEW)
    opened = found or endpoints.open_incident(
        plan.api,
        {**plan.fields, "status": plan.status.value, "body": plan.body},
        plan.marks,
    )
    with sending.sessions() as session, write_transaction(session):
        session.get_one(Maintenance, plan.id).statuspage_id = opened
    return opened


def _changes(plan: _Plan, seen: SeenIncident) -> dict[str, Any]:
    """Return what is to be changed there: the plan where it differs, the status where it has moved on."""
    changes: dict[str, Any] = {}
    as_planned = (seen.name, seen.scheduled_for, seen.scheduled_until)
    plan_here = (
        plan.fields["name"],
        plan.starts_at.replace(microsecond=0),
        plan.ends_at.replace(microsecond=0),
    )
    if as_planned != plan_here and plan.status is not MaintenanceStatus.COMPLETED:
        changes |= plan.fields
    if seen.status != plan.status.value:
        body = _CALLED_OFF if plan.is_called_off else _MOVED_ON.get(plan.status, plan.body)
        changes |= {"status": plan.status.value, "body": body}
    elif (
        plan.status is MaintenanceStatus.SCHEDULED and seen.posts and seen.posts[-1][1] != plan.body
    ):
        changes |= {"body": plan.body}
    return changes
