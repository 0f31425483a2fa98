"""What is counted of an incident while it runs, so that insights need not read its timeline again."""

from datetime import datetime, timedelta

from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind, Incident

# The events by which people hear how it goes: each ends the wait for an update, and begins the next.
UPDATES = frozenset(
    {
        EventKind.UPDATE,
        EventKind.STATUS,
        EventKind.SEVERITY,
        EventKind.RESOLVED,
        EventKind.REOPENED,
        EventKind.CANCELLED,
    }
)
MOVES = frozenset({EventKind.STATUS, EventKind.RESOLVED, EventKind.REOPENED, EventKind.CANCELLED})


def count(
    incident: Incident, kind: EventKind, at: datetime, before: Status, every: timedelta | None
) -> None:
    """Count one event of an incident, which was `before` until then.

    `every` is how often incidents of the severity that it had until then need an update; None when
    nobody minds.
    """
    if kind in UPDATES:
        if every is not None and before.is_open:  # nobody waits while it is closed
            late = missed(waiting_since(incident), at, every)
            incident.updates_due += max(1, late)
            incident.updates_late += late
        incident.first_update_at = incident.first_update_at or at
        incident.last_update_at = at
    if kind in MOVES:
        if before.is_open:
            name = f"seconds_{before.value}"
            since = incident.status_since or incident.declared_at
            setattr(incident, name, getattr(incident, name) + int((at - since).total_seconds()))
        incident.status_since = at


def update_due(incident: Incident, every: timedelta | None) -> datetime | None:
    """Return when the next update is due; None when the incident is over, or nobody minds."""
    if not incident.status.is_open or every is None:
        return None
    return waiting_since(incident) + every


def waiting_since(incident: Incident) -> datetime:
    """Return since when the next update is awaited: the last one, else the declaration."""
    return incident.last_update_at or incident.declared_at


def missed(since: datetime, at: datetime, every: timedelta) -> int:
    """Return how often the time for an update ran out between two moments in which there was none.

    One that comes at the very moment it is due is in time.
    """
    return max(0, -((since - at) // every) - 1)
