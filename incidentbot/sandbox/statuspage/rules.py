"""What follows from what: the impact of an incident, the state of a group, of a whole page."""

from __future__ import annotations

from collections.abc import Iterable

from incidentbot.sandbox.statuspage.model import Component, Incident, Page

# From well to worst; maintenance is no outage, and any outage outweighs it.
COMPONENT_STATUSES = (
    "operational",
    "under_maintenance",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)
REALTIME = ("investigating", "identified", "monitoring", "resolved")
SCHEDULED = ("scheduled", "in_progress", "verifying", "completed")
IMPACTS = ("none", "maintenance", "minor", "major", "critical")
OVER = ("resolved", "completed")

_IMPACT_OF = dict(zip(COMPONENT_STATUSES, IMPACTS, strict=True))
_WORDS = {
    "none": "All Systems Operational",
    "maintenance": "Service Under Maintenance",
    "minor": "Partially Degraded Service",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
}


def worst(statuses: Iterable[str]) -> str:
    """The worst of some components' statuses; operational when there are none."""
    return max(statuses, key=COMPONENT_STATUSES.index, default="operational")


def status_of(page: Page, component: Component) -> str:
    """A component's own status; a group's is the worst in it."""
    if component.group:
        return worst(child.status for child in page.in_order(component.id))
    return component.status


def impact_of(incident: Incident, statuses: Iterable[str]) -> str:
    """The override; else maintenance; else the worst the incident has done to a component."""
    if incident.impact_override:
        return incident.impact_override
    if incident.is_maintenance:
        return "maintenance"
    so_far = incident.impact if incident.impact in ("minor", "major", "critical") else "none"
    now = _IMPACT_OF[worst(statuses)]
    return max(so_far, "none" if now == "maintenance" else now, key=IMPACTS.index)


def unresolved(page: Page) -> list[Incident]:
    """Incidents that are not over, newest first; no maintenance."""
    return [i for i in page.newest_first() if not i.is_maintenance and i.status not in OVER]


def maintenances(page: Page, *statuses: str) -> list[Incident]:
    """Maintenances in one of these statuses, newest first."""
    return [i for i in page.newest_first() if i.is_maintenance and i.status in statuses]


def overall(page: Page) -> tuple[str, str]:
    """The page's indicator, and the words for it: the worst of components and incidents."""
    own = [c.status for c in page.components.values() if not c.group]
    impacts = [_IMPACT_OF[worst(own)], *(i.impact for i in unresolved(page))]
    indicator = max(impacts, key=IMPACTS.index)
    return indicator, _WORDS[indicator]
