"""What else there is of one incident: who was told what, and what the audit log keeps of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, render_template, request

from incidentbot.audit.models import AuditEntry
from incidentbot.audit.queries import Filter, list_entries
from incidentbot.extensions import db
from incidentbot.incidents import queries
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.users.people import names_by_id
from incidentbot.web.access import actor

blueprint = Blueprint("incident_tabs", __name__, url_prefix="/incidents/<reference>")

PER_PAGE = 50
UNDELIVERED = (*UNFINISHED, DeliveryState.PARKED)
_NAMES = {"commander_id": "commander", "postmortem": "post-mortem"}
# Said in words beside it.
_UNSAID = frozenset({"person_id"})


@blueprint.get("/deliveries")
def deliveries(reference: str) -> str:
    """Show who was told what of an incident. For everyone signed in who may know of it."""
    session = db.session()
    incident = queries.get_incident(session, reference, actor())
    only_open = request.args.get("show") == "open"
    found = queries.list_newest_deliveries(
        session, incident.id, PER_PAGE + 1, _before(), UNDELIVERED if only_open else ()
    )
    shown = found[:PER_PAGE]
    seqs = {d.payload["seq"] for d in shown if isinstance(d.payload.get("seq"), int)}
    return render_template(
        "incidents/deliveries.html",
        incident=incident,
        deliveries=shown,
        events=queries.list_events_numbered(session, incident.id, seqs),
        names=queries.names_by_slack_id(session, {who for d in shown for who in _told(d)}),
        told=_told,
        only_open=only_open,
        older=shown[-1].id if len(found) > PER_PAGE else None,
    )


@blueprint.get("/audit")
def audit(reference: str) -> str:
    """Show what the audit log keeps of an incident. For admins: it holds people's addresses."""
    session = db.session()
    incident = queries.get_incident(session, reference, actor())
    page = list_entries(session, Filter(subject=incident.reference), _before())
    commanders = {side.get("commander_id") for e in page.entries for side in (e.before, e.after)}
    names = names_by_id(session, commanders)
    return render_template(
        "incidents/audit.html",
        incident=incident,
        entries=[(entry, list(_changes(entry, names))) for entry in page.entries],
        older=page.next_before,
    )


def _before() -> int | None:
    value = request.args.get("before", "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def _told(delivery: Delivery) -> list[str]:
    """Return the Slack people whom a delivery reaches or is about; [] when it goes to a channel."""
    if "users" in delivery.payload:
        return list(delivery.payload["users"])
    if "user" in delivery.payload:
        return [delivery.payload["user"]]
    return [delivery.target] if delivery.kind in ("slack.dm", "slack.profile") else []


def _changes(entry: AuditEntry, names: Mapping[int, str]) -> Iterable[tuple[str, str, str]]:
    """Return what an entry changed: the name of each thing, what it was ("" if new), what it is."""
    for key in dict.fromkeys((*entry.before, *entry.after)):
        before, after = entry.before.get(key), entry.after.get(key)
        if before != after and key not in _UNSAID:
            was = _in_words(key, before, names) if key in entry.before else ""
            yield _NAMES.get(key, key.replace("_", " ")), was, _in_words(key, after, names)


def _in_words(key: str, value: Any, names: Mapping[int, str]) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if key == "commander_id":
        return names.get(value, f"person {value}")
    if key == "postmortem":
        return f"{len(value):,} characters"
    return str(value)
