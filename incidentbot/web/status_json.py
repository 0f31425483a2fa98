"""The public JSON of the status page, in the shape of Statuspage's public API v2."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from incidentbot.status_pages import public_ids
from incidentbot.status_pages.component_status import worst
from incidentbot.status_pages.models import ComponentStatus, MaintenanceStatus
from incidentbot.status_pages.page import Page, ShownIncident, ShownMaintenance, ShownService
from incidentbot.status_pages.uptime import first_day, start_of

Json = dict[str, Any]

# The indicator and the sentence that Statuspage has for the worst state.
_ROLLUP = {
    ComponentStatus.OPERATIONAL: ("none", "All Systems Operational"),
    ComponentStatus.UNDER_MAINTENANCE: ("maintenance", "Service Under Maintenance"),
    ComponentStatus.DEGRADED: ("minor", "Partially Degraded Service"),
    ComponentStatus.PARTIAL_OUTAGE: ("major", "Partial System Outage"),
    ComponentStatus.MAJOR_OUTAGE: ("critical", "Major Service Outage"),
}
_WORK_SENTENCES = {
    MaintenanceStatus.IN_PROGRESS: "The scheduled maintenance is in progress.",
    MaintenanceStatus.COMPLETED: "The scheduled maintenance has been completed.",
}
# Statuspage has no status for it: what is called off there is completed, and its words say why.
_CALLED_OFF = "The scheduled maintenance has been called off."


def summary(page: Page, address: str) -> Json:
    """Return everything that is of interest now."""
    works = page.maintenances_in(MaintenanceStatus.SCHEDULED, MaintenanceStatus.IN_PROGRESS)
    return {
        **components(page, address),
        "incidents": [_incident(page, incident, address) for incident in page.open_incidents],
        "scheduled_maintenances": [_maintenance(page, work, address) for work in works],
        "status": _status(page),
    }


def status(page: Page, address: str) -> Json:
    """Return the state of the whole."""
    return {"page": _page(page, address), "status": _status(page)}


def components(page: Page, address: str) -> Json:
    """Return each service and each group of them."""
    return {"page": _page(page, address), "components": list(_components(page))}


def incidents(page: Page, address: str) -> Json:
    """Return the newest incidents, over or not."""
    return _incidents(page, page.incidents, address)


def unresolved(page: Page, address: str) -> Json:
    """Return the incidents that are not over."""
    return _incidents(page, page.open_incidents, address)


def maintenances(page: Page, address: str) -> Json:
    """Return every maintenance, whatever came of it."""
    return _maintenances(page, page.maintenances, address)


def upcoming(page: Page, address: str) -> Json:
    """Return the maintenance that has not begun."""
    return _maintenances(page, page.maintenances_in(MaintenanceStatus.SCHEDULED), address)


def active(page: Page, address: str) -> Json:
    """Return the maintenance that is under way."""
    return _maintenances(page, page.maintenances_in(MaintenanceStatus.IN_PROGRESS), address)


DOCUMENTS: Mapping[str, Callable[[Page, str], Json]] = {
    "summary": summary,
    "status": status,
    "components": components,
    "incidents": incidents,
    "incidents/unresolved": unresolved,
    "scheduled-maintenances": maintenances,
    "scheduled-maintenances/upcoming": upcoming,
    "scheduled-maintenances/active": active,
}


def _page(page: Page, address: str) -> Json:
    return {
        "id": public_ids.PAGE,
        "name": page.title,
        "url": address if page.host else f"{address}/status",
        "time_zone": "Etc/UTC" if page.zone.key == "UTC" else page.zone.key,
        "updated_at": _time(page.updated_at),
    }


def _status(page: Page) -> Json:
    indicator, description = _ROLLUP[page.overall]
    return {"indicator": indicator, "description": description}


def _incidents(page: Page, listed: Iterable[ShownIncident], address: str) -> Json:
    found = [_incident(page, incident, address) for incident in listed]
    return {"page": _page(page, address), "incidents": found}


def _maintenances(page: Page, listed: Iterable[ShownMaintenance], address: str) -> Json:
    found = [_maintenance(page, work, address) for work in listed]
    return {"page": _page(page, address), "scheduled_maintenances": found}


def _components(page: Page) -> Iterable[Json]:
    for number, (group, services) in enumerate(page.groups, 1):
        if group:
            yield {
                **_component_fields(public_ids.group_id(group), group, number),
                "status": worst(service.status for service in services).value,
                "created_at": _time(min(service.shown_since for service in services)),
                "updated_at": _time(max(service.updated_at for service in services)),
                "group": True,
                "components": [service.id for service in services],
            }
        for place, service in enumerate(services, 1):
            yield _component(service, place)


def _component(service: ShownService, position: int) -> Json:
    return {
        **_component_fields(service.id, service.name, position),
        "status": service.status.value,
        "created_at": _time(service.shown_since),
        "updated_at": _time(service.updated_at),
        "group_id": public_ids.group_id(service.group) if service.group else None,
        "start_date": service.shown_since.date().isoformat(),
    }


def _component_fields(name_id: str, name: str, position: int) -> Json:
    return {
        "id": name_id,
        "name": name,
        "status": "",
        "created_at": "",
        "updated_at": "",
        "position": position,
        "description": None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": public_ids.PAGE,
        "group": False,
        "only_show_if_degraded": False,
    }


def _affected_by_update(page: Page, incident: ShownIncident, at: datetime) -> list[Json] | None:
    """Return how the incident's service did when an update was posted, and just before it.

    None for what is older than the days that we know: nobody shall take a guess for knowledge.
    """
    if at <= start_of(first_day(page.at, page.zone), page.zone):
        return None
    return [
        {
            "code": service.id,
            "name": service.name,
            "old_status": service.status_at(at - timedelta(microseconds=1)).value,
            "new_status": service.status_at(at).value,
        }
        for service in page.services
        if service.number == incident.service_number
    ]


def _affected(page: Page, numbers: Iterable[int]) -> list[Json]:
    wanted = set(numbers)
    return [
        _component(service, place)
        for _group, services in page.groups
        for place, service in enumerate(services, 1)
        if service.number in wanted
    ]


def _incident(page: Page, incident: ShownIncident, address: str) -> Json:
    # The first time it was so: later updates may have moved it back.
    monitored = [u.at for u in reversed(incident.updates) if u.status == "monitoring"]
    return {
        "id": incident.id,
        "name": incident.title,
        "status": incident.status.value,
        "created_at": _time(incident.opened_at),
        "updated_at": _time(incident.updated_at),
        "monitoring_at": _time(monitored[0]) if monitored else None,
        "resolved_at": _time(incident.resolved_at) if incident.resolved_at else None,
        "impact": incident.impact.value,
        "shortlink": f"{address}/status/incidents/{incident.id}",
        "started_at": _time(incident.opened_at),
        "page_id": public_ids.PAGE,
        "incident_updates": [
            {
                **_update(update.id, incident.id, update.status, update.body, update.at),
                "affected_components": _affected_by_update(page, incident, update.at),
            }
            for update in incident.updates
        ],
        "components": _affected(page, [incident.service_number]),
    }


def _maintenance(page: Page, work: ShownMaintenance, address: str) -> Json:
    updates = [("scheduled", work.body, work.created_at)]
    if work.status is not MaintenanceStatus.SCHEDULED and not work.is_called_off:
        updates.insert(
            0, ("in_progress", _WORK_SENTENCES[MaintenanceStatus.IN_PROGRESS], work.starts_at)
        )
    if work.ended_at is not None:
        said = _CALLED_OFF if work.is_called_off else _WORK_SENTENCES[MaintenanceStatus.COMPLETED]
        updates.insert(0, ("completed", said, work.ended_at))
    return {
        "id": work.id,
        "name": work.title,
        "status": work.status.value,
        "created_at": _time(work.created_at),
        "updated_at": _time(work.updated_at),
        "monitoring_at": None,
        "resolved_at": _time(work.ended_at) if work.ended_at else None,
        "impact": "maintenance",
        "shortlink": f"{address}/status#maintenance-{work.id}",
        "started_at": _time(work.created_at),
        "page_id": public_ids.PAGE,
        "incident_updates": [
            _update(public_ids.update_id(work.id, status), work.id, status, body, at)
            for status, body, at in updates
        ],
        "components": _affected(page, work.service_numbers),
        "scheduled_for": _time(work.starts_at),
        "scheduled_until": _time(work.ends_at),
    }


def _update(name_id: str, incident: str, status: str, body: str, at: datetime) -> Json:
    return {
        "id": name_id,
        "status": status,
        "body": body,
        "incident_id": incident,
        "created_at": _time(at),
        "updated_at": _time(at),
        "display_at": _time(at),
        "affected_components": None,
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
