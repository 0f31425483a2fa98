"""What else there is of one incident: who was told what, and what the audit log keeps of it."""

from flask import Blueprint, render_template, request

from incidentbot.audit.queries import Filter, list_entries
from incidentbot.extensions import db
from incidentbot.incidents import queries
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.web.access import actor
from incidentbot.web.audit_words import in_words
from incidentbot.web.requests import number

blueprint = Blueprint("incident_tabs", __name__, url_prefix="/incidents/<reference>")

PER_PAGE = 50
UNDELIVERED = (*UNFINISHED, DeliveryState.PARKED)


@blueprint.get("/deliveries")
def deliveries(reference: str) -> str:
    """Show who was told what of an incident. For everyone signed in who may know of it."""
    session = db.session()
    incident = queries.get_incident(session, reference, actor())
    only_open = request.args.get("show") == "open"
    found = queries.list_newest_deliveries(
        session,
        incident.id,
        PER_PAGE + 1,
        number(request.args.get("before")),
        UNDELIVERED if only_open else (),
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
        before=number(request.args.get("before")),
        older=shown[-1].id if len(found) > PER_PAGE else None,
    )


@blueprint.get("/audit")
def audit(reference: str) -> str:
    """Show what the audit log keeps of an incident. For admins: it holds people's addresses."""
    session = db.session()
    incident = queries.get_incident(session, reference, actor())
    before = number(request.args.get("before"))
    page = list_entries(session, Filter(subject=incident.reference), before)
    return render_template(
        "incidents/audit.html",
        incident=incident,
        entries=in_words(session, page.entries),
        older=page.next_before,
    )


def _told(delivery: Delivery) -> list[str]:
    """Return the Slack people whom a delivery reaches or is about; [] when it goes to a channel."""
    if "users" in delivery.payload:
        return list(delivery.payload["users"])
    if "user" in delivery.payload:
        return [delivery.payload["user"]]
    return [delivery.target] if delivery.kind in ("slack.dm", "slack.profile") else []
