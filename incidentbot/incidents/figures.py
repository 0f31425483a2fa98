"""What is counted of an incident while it runs, so that insights need not read its timeline again."""

from datetime import datetime, timedelta

from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind, Incident

# The events after which people know how it goes.
UPDATES = frozenset({EventKind.UPDATE, EventKind.STATUS, EventKind.RESOLVED})
MOVES = frozenset({EventKind.STATUS, EventKind.RESOLVED, EventKind.REOPENED, EventKind.CANCELLED})


def count(
    incident: Incident, kind: EventKind, at: datetime, before: Status, every: timedelta | None
) -> None:
    """Count one event of an incident, which was `before` until then.

    `every` is how often incidents of its severity need an update; None when nobody minds.
    """
    if kind in UPDATES:
        _count_update(incident, at, before, every)
    if kind in MOVES:
        if before.is_open:
            name = f"seconds_{before.value}"
            since = incident.status_since or incident.declared_at
            setattr(incident, name, getattr(incident, name) + int((at - since).total_seconds()))
        incident.status_since = at
        if kind is EventKind.REOPENED:  # nobody waited for an update meanwhile
            incident.last_update_at = at


def update_due(incident: Incident, every: timedelta | None) -> datetime | None:
    """Return when the next update is due; None when the incident is over, or nobody minds."""
    if not incident.status.is_open or every is None:
        return None
    return (incident.last_update_at or incident.declared_at) + every


def _count_update(
    incident: Incident, at: datetime, before: Status, every: timedelta | None
) -> None:
    if every is not None and before.is_open:
        incident.updates_due += 1
        if at - (incident.last_update_at or incident.declared_at) > every:
            incident.updates_late += 1
    incident.first_update_at = incident.first_update_at or at
    incident.last_update_at = at
