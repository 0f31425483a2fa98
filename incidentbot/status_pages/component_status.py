"""How a service does for customers, from its open incidents. Pure."""

from collections.abc import Iterable

from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.status_pages.models import ComponentStatus

# What people read, customers and responders alike.
WORDS = {
    ComponentStatus.OPERATIONAL: "Operational",
    ComponentStatus.UNDER_MAINTENANCE: "Under maintenance",
    ComponentStatus.DEGRADED: "Degraded performance",
    ComponentStatus.PARTIAL_OUTAGE: "Partial outage",
    ComponentStatus.MAJOR_OUTAGE: "Major outage",
}
_BEFORE_THE_CAUSE = {
    Severity.P1: ComponentStatus.MAJOR_OUTAGE,
    Severity.P2: ComponentStatus.PARTIAL_OUTAGE,
    Severity.P3: ComponentStatus.DEGRADED,
    Severity.P4: ComponentStatus.DEGRADED,
}
_AFTER_THE_CAUSE = {
    Severity.P1: ComponentStatus.PARTIAL_OUTAGE,
    Severity.P2: ComponentStatus.DEGRADED,
    Severity.P3: ComponentStatus.DEGRADED,
    Severity.P4: ComponentStatus.DEGRADED,
}
_BEST_FIRST = tuple(ComponentStatus)


def status_of(severity: Severity, status: Status) -> ComponentStatus:
    """Return what one incident makes of its service. Closed ones make it operational."""
    if not status.is_open:
        return ComponentStatus.OPERATIONAL
    if status in (Status.DECLARED, Status.INVESTIGATING):
        return _BEFORE_THE_CAUSE[severity]
    return _AFTER_THE_CAUSE[severity]


def worst(statuses: Iterable[ComponentStatus]) -> ComponentStatus:
    """Return the worst of some statuses; operational when there is none."""
    return max(statuses, key=_BEST_FIRST.index, default=ComponentStatus.OPERATIONAL)
