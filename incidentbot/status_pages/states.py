"""The state of each service for customers, now and since when. Private incidents do not count."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import false, null, select, true
from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import OPEN
from incidentbot.incidents.models import Incident, Service
from incidentbot.status_pages.component_status import status_of, worst
from incidentbot.status_pages.models import (
    ComponentState,
    ComponentStatus,
    Maintenance,
    MaintenanceStatus,
    maintenance_services,
)


def current_statuses(
    session: Session, service_ids: Iterable[int], *, coming: Incident | None = None
) -> Mapping[int, ComponentStatus]:
    """Return how each of these services does now, by its id: the worst of what is open wins.

    With `coming`, an incident that is not there yet: how they would do if it was.
    """
    wanted = set(service_ids)
    found: dict[int, list[ComponentStatus]] = {service_id: [] for service_id in wanted}
    opened = select(Incident.service_id, Incident.severity, Incident.status, false()).where(
        Incident.service_id.in_(wanted),
        Incident.status.in_(OPEN),
        Incident.is_private.is_(False),
    )
    under_way = (
        select(maintenance_services.c.service_id, null(), null(), true())
        .join(Maintenance, Maintenance.id == maintenance_services.c.maintenance_id)
        .where(
            maintenance_services.c.service_id.in_(wanted),
            Maintenance.status == MaintenanceStatus.IN_PROGRESS,
        )
    )
    if coming is not None and coming.service_id in wanted:
        found[coming.service_id].append(status_of(coming.severity, coming.status))
    rows = session.execute(opened.union_all(under_way))
    for service_id, severity, status, is_maintenance in rows:
        found[service_id].append(
            ComponentStatus.UNDER_MAINTENANCE if is_maintenance else status_of(severity, status)
        )
    return {service_id: worst(statuses) for service_id, statuses in found.items()}


def record_states(session: Session, service_ids: Iterable[int], at: datetime) -> None:
    """Append to the history of these services what changed at `at`, inside the caller's transaction.

    The services are locked, in order: of two incidents that end at once, the second sees the first's end.
    Whoever waited for the lock may bring an `at` from before what was appended meanwhile: the history
    never goes back.
    """
    wanted = sorted(set(service_ids))
    # Not FOR UPDATE: who has changed an incident twice holds its service's key, and so may another.
    session.scalars(
        select(Service.id)
        .where(Service.id.in_(wanted))
        .order_by(Service.id)
        .with_for_update(key_share=True)
    ).all()
    for service_id, status in current_statuses(session, wanted).items():
        last = session.scalars(
            select(ComponentState)
            .where(ComponentState.service_id == service_id)
            .order_by(ComponentState.at.desc(), ComponentState.id.desc())
            .limit(1)
        ).one_or_none()
        if status is not (last.status if last else ComponentStatus.OPERATIONAL):
            since = max(at, last.at) if last else at
            session.add(ComponentState(service_id=service_id, status=status, at=since))
    session.flush()
