"""Incidents and maintenances: opened, moved on, taken away, and moving by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incidentbot.sandbox.statuspage.arguments import Fields
from incidentbot.sandbox.statuspage.errors import not_found
from incidentbot.sandbox.statuspage.model import Incident, Json, Page, Update, new_id
from incidentbot.sandbox.statuspage.rules import (
    COMPONENT_STATUSES,
    IMPACTS,
    OVER,
    REALTIME,
    SCHEDULED,
    impact_of,
)

_LONGEST_BODY = 25_000
_FLAGS = (
    "scheduled_remind_prior",
    "scheduled_auto_in_progress",
    "scheduled_auto_completed",
    "auto_transition_to_maintenance_state",
    "auto_transition_to_operational_state",
    "auto_transition_deliver_notifications_at_start",
    "auto_transition_deliver_notifications_at_end",
)


def find(page: Page, incident_id: str) -> Incident:
    """An incident of that page. Raises ApiError 404 when there is none."""
    found = page.incidents.get(incident_id)
    if found is None:
        raise not_found()
    return found


def create(page: Page, body: Mapping[str, Any], now: float, *, by_hand: bool = False) -> Incident:
    """Open an incident with its first update. The same request twice opens two, as it does there.

    Raises ApiError 400 or 422; nothing has changed then.
    """
    incident = Incident(new_id(), "", "", now, now, now)
    _write(page, incident, Fields.of(body, "incident"), now, by_hand=by_hand)
    page.incidents[incident.id] = incident
    return incident


def change(
    page: Page, incident: Incident, body: Mapping[str, Any], now: float, *, by_hand: bool = False
) -> Incident:
    """Change an incident; a text or another status posts an update.

    Raises ApiError 400 or 422; nothing has changed then.
    """
    _write(page, incident, Fields.of(body, "incident"), now, by_hand=by_hand)
    return incident


def remove(page: Page, incident_id: str, now: float) -> Incident:
    """Take an incident away with all its updates; the components stay as they are."""
    incident = find(page, incident_id)
    del page.incidents[incident_id]
    page.updated_at = now
    return incident


def change_update(
    incident: Incident, update_id: str, body: Mapping[str, Any], now: float
) -> Update:
    """Correct an update that has been posted. Raises ApiError 400, 404 or 422."""
    update = next((u for u in incident.updates if u.id == update_id), None)
    if update is None:
        raise not_found()
    fields = Fields.of(body, "incident_update")
    text, shown_at = fields.text("body", _LONGEST_BODY), fields.time("display_at")
    deliver = fields.flag("deliver_notifications", update.deliver_notifications)
    fields.end()
    update.body = text if "body" in fields else update.body
    update.display_at = shown_at if shown_at is not None else update.display_at
    update.deliver_notifications = deliver
    update.updated_at = incident.updated_at = now
    return update


def search(page: Page, words: str) -> list[Incident]:
    """The incidents with `words` in their name, status or updates, newest first."""
    wanted = words.casefold()
    return [
        i
        for i in page.newest_first()
        if any(wanted in t.casefold() for t in (i.name, i.status, *(u.body for u in i.updates)))
    ]


def advance(page: Page, now: float) -> bool:
    """Let maintenances begin and end that were to do so by themselves; whether any did."""
    moved = False
    for incident in page.incidents.values():
        flags, begins, ends = incident.flags, incident.scheduled_for, incident.scheduled_until
        if begins is None or ends is None:
            continue
        if incident.status == "scheduled" and flags["scheduled_auto_in_progress"] and now >= begins:
            _move(page, incident, "in_progress", begins)
            moved = True
        started = incident.status in ("in_progress", "verifying")
        if started and flags["scheduled_auto_completed"] and now >= ends:
            _move(page, incident, "completed", ends)
            moved = True
    return moved


def _move(page: Page, incident: Incident, status: str, when: float) -> None:
    begins = status == "in_progress"
    side = "start" if begins else "end"
    state = "under_maintenance" if begins else "operational"
    asked = incident.flags[f"auto_transition_to_{'maintenance' if begins else 'operational'}_state"]
    states = dict.fromkeys(incident.component_ids, state) if asked else {}
    words = "in progress. We will provide updates as necessary" if begins else "been completed"
    body = f"Scheduled maintenance is currently {words}."
    body = body if begins else f"The scheduled maintenance has {words}."
    deliver = incident.flags[f"auto_transition_deliver_notifications_at_{side}"]
    _post(page, incident, status, body, states, when, deliver=deliver, by_hand=False)


def _write(page: Page, incident: Incident, fields: Fields, now: float, *, by_hand: bool) -> None:
    """Read everything, complain of everything, and only then change anything."""
    is_new = not incident.status
    begins, ends = fields.time("scheduled_for"), fields.time("scheduled_until")
    planned = incident.is_maintenance or begins is not None
    if fields.values.get("status") in SCHEDULED and not planned:
        fields.complain("Scheduled for can't be blank")
    backfilled = fields.flag("backfilled", False) and is_new
    name = fields.text("name", needed=is_new or "name" in fields.values)
    status = fields.choice("status", SCHEDULED if planned else (*REALTIME, *SCHEDULED))
    override = fields.choice("impact_override", IMPACTS)
    body = fields.text("body", _LONGEST_BODY)
    metadata = fields.objects("metadata")
    ids, states = _components(page, fields)
    backfill_date = fields.time("backfill_date")
    deliver = fields.flag("deliver_notifications", True)
    first, last = _either(begins, incident.scheduled_for), _either(ends, incident.scheduled_until)
    if planned and last is None:
        fields.complain("Scheduled until can't be blank")
    if first is not None and last is not None and last <= first:
        fields.complain("Scheduled until must be after scheduled for")
    if backfilled and (ids or states):
        fields.complain("Components can't be specified for backfilled incidents")
    fields.end()

    incident.name = name.strip() or incident.name
    incident.scheduled_for, incident.scheduled_until = first, last
    incident.flags = {f: fields.flag(f, incident.flags.get(f, False)) for f in _FLAGS}
    if "scheduled_auto_transition" in fields:
        auto = fields.flag("scheduled_auto_transition", False)
        incident.flags["scheduled_auto_in_progress"] = auto
    incident.metadata = incident.metadata if metadata is None else metadata
    if "impact_override" in fields.values:
        incident.impact_override = override or None
    listed = incident.component_ids if ids is None else ids
    incident.component_ids = list(dict.fromkeys([*listed, *states]))
    if backfilled:
        incident.backfilled, status = True, "resolved"
        incident.started_at = _either(backfill_date, now) or now
    began = "scheduled" if planned else "investigating"
    after = status or incident.status or began
    if is_new or body or after != incident.status:
        _post(page, incident, after, body, states, now, deliver=deliver, by_hand=by_hand)
    else:
        _set(page, states, now)
        incident.impact = impact_of(incident, states.values())
        incident.updated_at = page.updated_at = now


def _either(given: float | None, kept: float | None) -> float | None:
    return kept if given is None else given


def _components(page: Page, fields: Fields) -> tuple[list[str] | None, dict[str, str]]:
    """The components the incident is about (None: as before), and the new states of some.

    `components` is a map of states; a plain list of ids is taken for `component_ids`.
    """
    ids = fields.words("component_ids")
    states: Json = {}
    given = fields.values.get("components")
    if isinstance(given, list):
        ids = [*(ids or []), *(fields.words("components") or [])]
    elif isinstance(given, dict):
        states = {key: state for key, state in given.items() if state not in ("", None)}
    elif given is not None:
        fields.complain("Components is invalid")
    for key in dict.fromkeys([*(ids or []), *states]):
        component = page.components.get(key)
        if component is None or component.group:
            fields.complain(f"Components contains no component of this page: {key}")
    for state in states.values():
        if state not in COMPONENT_STATUSES:
            fields.complain(f"Component status must be one of {'|'.join(COMPONENT_STATUSES)}")
    return ids, states


def _set(page: Page, states: Mapping[str, str], now: float) -> None:
    for key, state in states.items():
        component = page.components.get(key)
        if component is not None and component.status != state:
            component.status, component.updated_at = state, now


def _post(
    page: Page,
    incident: Incident,
    status: str,
    body: str,
    states: Mapping[str, str],
    now: float,
    *,
    deliver: bool,
    by_hand: bool,
) -> None:
    """Post an update: the incident's status moves, and its components take their new states."""
    about = [page.components[key] for key in incident.component_ids if key in page.components]
    affected = [
        {
            "code": c.id,
            "name": c.name,
            "old_status": c.status,
            "new_status": states.get(c.id, c.status),
        }
        for c in about
    ]
    _set(page, states, now)
    incident.status = status
    incident.monitoring_at = now if status == "monitoring" else incident.monitoring_at
    incident.resolved_at = (incident.resolved_at or now) if status in OVER else None
    incident.impact = impact_of(incident, [c.status for c in about])
    incident.updated_at = page.updated_at = now
    incident.updates.append(
        Update(
            id=new_id(),
            status=status,
            body=body,
            created_at=now,
            updated_at=now,
            display_at=incident.started_at if incident.backfilled else now,
            affected=affected or None,
            deliver_notifications=deliver,
            by_hand=by_hand,
        )
    )
