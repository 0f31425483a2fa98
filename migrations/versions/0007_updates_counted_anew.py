"""Count anew which updates were due and late: a change of severity ends a wait, a long one counts often."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from incidentbot.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

AT_ONCE = 1_000
CLOSED = ("resolved", "cancelled")
UPDATES = ("update", "status", "severity", "resolved", "reopened", "cancelled")
# What a severity asked for before an admin said otherwise.
MINUTES_AT_FIRST = {"P1": 30, "P2": 60, "P3": 240, "P4": None}

# What the tables hold that is read here.
events = sa.table(
    "timeline_events",
    *map(sa.column, ("incident_id", "seq", "kind")),
    sa.column("at", UtcDateTime),
    sa.column("data", sa.JSON),
)
audit_entries = sa.table(
    "audit_entries",
    *map(sa.column, ("seq", "action", "outcome", "subject")),
    sa.column("at", UtcDateTime),
    sa.column("after", sa.JSON),
)
incidents = sa.table(
    "incidents",
    *map(sa.column, ("id", "severity", "status", "updates_due", "updates_late")),
    *(
        sa.column(name, UtcDateTime)
        for name in ("declared_at", "first_update_at", "last_update_at")
    ),
)


def upgrade() -> None:
    if op.get_context().as_sql:  # it needs to be read first
        return
    connection = op.get_bind()
    settings = _settings(connection)
    counted = (
        sa.update(incidents)
        .where(incidents.c.id == sa.bindparam("incident"))
        .values(
            {
                name: sa.bindparam(f"new_{name}", type_=incidents.c[name].type)
                for name in ("updates_due", "updates_late", "first_update_at", "last_update_at")
            }
        )
    )
    for batch in _batches(connection):
        stories = _stories(connection, [incident.id for incident in batch])
        rows = [_figures(incident, stories[incident.id], settings) for incident in batch]
        if changed := list(filter(None, rows)):
            connection.execute(counted, changed)


def downgrade() -> None:
    """Nothing is taken back: what is counted stays in the columns that were there."""


def _batches(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield all incidents, locked. The open ones come last, so that who works on them waits least."""
    status = incidents.c.status
    for wanted in (status.in_(CLOSED), status.not_in(CLOSED)):
        last = 0
        query = sa.select(incidents).where(wanted).order_by(incidents.c.id).limit(AT_ONCE)
        while batch := connection.execute(
            query.where(incidents.c.id > last).with_for_update()
        ).all():
            yield batch
            last = batch[-1].id


def _stories(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[sa.Row[Any]]]:
    """Return of each of these incidents the events that are updates, in order."""
    found: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for event in connection.execute(
        sa.select(events)
        .where(events.c.incident_id.in_(ids), events.c.kind.in_(UPDATES))
        .order_by(events.c.incident_id, events.c.seq)
    ):
        found[event.incident_id].append(event)
    return found


def _settings(connection: sa.Connection) -> dict[str, list[tuple[datetime, int | None]]]:
    """Return of each severity how many minutes were set, and from when on: the audit log has kept it."""
    found: dict[str, list[tuple[datetime, int | None]]] = defaultdict(list)
    for entry in connection.execute(
        sa.select(audit_entries)
        .where(
            audit_entries.c.action.in_(("edit_severity", "reset_severity")),
            audit_entries.c.outcome == "done",
        )
        .order_by(audit_entries.c.seq)
    ):
        severity = entry.subject.removeprefix("severity ")
        found[severity].append((entry.at, entry.after["update_minutes"]))
    return found


def _every(
    settings: dict[str, list[tuple[datetime, int | None]]], severity: str, at: datetime
) -> timedelta | None:
    """Return how often a severity asked for an update at that time."""
    changes = settings.get(severity, [])
    place = bisect(changes, at, key=lambda change: change[0])
    minutes = changes[place - 1][1] if place else MINUTES_AT_FIRST[severity]
    return None if minutes is None else timedelta(minutes=minutes)


def _figures(
    incident: sa.Row[Any],
    story: Sequence[sa.Row[Any]],
    settings: dict[str, list[tuple[datetime, int | None]]],
) -> dict[str, object] | None:
    """Return the new columns of an incident; None where they are what they were."""
    changes = (event.data["from"] for event in story if event.kind == "severity")
    severity = next(changes, incident.severity)
    since, due, late = incident.declared_at, 0, 0
    for event in story:
        every = _every(settings, severity, event.at)
        if every is not None and event.kind != "reopened":  # nobody waits while it is closed
            missed = max(0, -((since - event.at) // every) - 1)
            due, late = due + max(1, missed), late + missed
        if event.kind == "severity":
            severity = event.data["to"]
        since = event.at
    first, last = (story[0].at, story[-1].at) if story else (None, None)
    new = {
        "updates_due": due,
        "updates_late": late,
        "first_update_at": first,
        "last_update_at": last,
    }
    if all(getattr(incident, name) == value for name, value in new.items()):
        return None
    return {"incident": incident.id, **{f"new_{name}": value for name, value in new.items()}}
