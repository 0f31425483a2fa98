"""Declare, follow and run incidents."""

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents import commands, queries
from incidentbot.incidents.errors import AlreadyDone, IncidentError, InvalidInput
from incidentbot.incidents.lifecycle import next_statuses
from incidentbot.incidents.models import Incident
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.users.people import list_people
from incidentbot.web.access import actor
from incidentbot.web.actions import FORMS, person_id, verdicts
from incidentbot.web.errors import status_of

blueprint = Blueprint("incidents", __name__)

CLOSED_PER_PAGE = 30
_TEMPLATE_FIELDS = ("title", "severity", "service", "summary")

Page = str | tuple[str, int] | Response


@blueprint.get("/")
def index() -> str:
    """List the open incidents, then the closed ones. For everyone signed in."""
    session = db.session()
    before = request.args.get("before", "")
    closed = queries.list_closed(
        session,
        actor(),
        CLOSED_PER_PAGE + 1,
        int(before) if before.isdecimal() and len(before) < 10 else None,
    )
    open_incidents = [] if before else queries.list_open(session, actor())
    return render_template(
        "incidents/index.html",
        open_incidents=open_incidents,
        latest=queries.latest_updates(session, [incident.id for incident in open_incidents]),
        closed=closed[:CLOSED_PER_PAGE],
        next_before=closed[CLOSED_PER_PAGE - 1].number if len(closed) > CLOSED_PER_PAGE else None,
        paging=bool(before),
    )


@blueprint.get("/incidents/new")
def new() -> str:
    """Show the form to declare an incident. For responders and admins (others are told so)."""
    return _declare_form({"commander": str(current_user.id)})


@blueprint.post("/incidents/new")
def declare() -> Page:
    """Declare an incident, or fill in the template chosen. For responders and admins."""
    values = request.form.to_dict()
    if "use_template" in values:
        return _declare_form(_filled_in(values))
    try:
        declaration = commands.Declaration(
            title=values.get("title", ""),
            severity=values.get("severity", ""),
            service=values.get("service", ""),
            commander_id=person_id(values.get("commander", "")),
            summary=values.get("summary", ""),
        )
        result = commands.declare(db.session(), declaration, actor(values.get("request_key")))
    except IncidentError as error:
        return _declare_form(values, error), status_of(error)
    flash(result.sentence)
    return redirect(url_for("incidents.show", reference=result.incident.reference))


@blueprint.get("/incidents/<reference>")
def show(reference: str) -> Page:
    """Show one incident. For everyone signed in."""
    incident = queries.get_incident(db.session(), reference, actor())
    if reference != incident.reference:
        return redirect(url_for("incidents.show", reference=incident.reference))
    return _incident_page(incident)


@blueprint.get("/incidents/<reference>/live")
def live(reference: str) -> Response:
    """Return what changes by itself on the incident's page; 304 while it has not. For everyone signed in."""
    incident = queries.get_incident(db.session(), reference, actor())
    etag = _etag(incident)
    response = Response(status=304)
    if not request.if_none_match.contains_weak(etag):
        page = render_template("incidents/_live.html", **_live(incident))
        response = Response(page, mimetype="text/html")
    response.set_etag(etag, weak=True)
    return response


@blueprint.get("/incidents/<reference>/actions")
def actions(reference: str) -> str:
    """Return the forms that fit the incident as it is now. For everyone signed in."""
    incident = queries.get_incident(db.session(), reference, actor())
    return render_template("incidents/_actions.html", **_forms(incident))


@blueprint.post("/incidents/<reference>/<name>")
def act(reference: str, name: str) -> Page:
    """Do what one of the forms says. Who may is decided by the core."""
    form = FORMS.get(name) or abort(404)
    session = db.session()
    incident = queries.get_incident(session, reference, actor())
    values = request.form.to_dict()
    try:
        result = form.submit(session, incident.reference, actor(values.get("request_key")), values)
    except AlreadyDone:
        return redirect(url_for("incidents.show", reference=incident.reference))
    except IncidentError as error:
        session.rollback()
        incident = queries.get_incident(session, reference, actor())
        return _incident_page(incident, name, values, error), status_of(error)
    flash(result.sentence)
    page = "postmortems.show" if name == "postmortem" else "incidents.show"
    return redirect(url_for(page, reference=incident.reference))


def _declare_form(values: Mapping[str, str], error: IncidentError | None = None) -> str:
    session = db.session()
    return render_template(
        "incidents/new.html",
        values=values,
        errors=_by_field(error),
        error=error,
        services=queries.list_services(session),
        templates=queries.list_templates(session),
        people=list_people(session),
    )


def _filled_in(values: dict[str, str]) -> dict[str, str]:
    """Return the values with the template's in the fields that the person has not filled in."""
    chosen = values.get("template", "")
    if not chosen.isdecimal() or len(chosen) > 9:
        return values
    template = queries.get_template(db.session(), int(chosen))
    if template is None:
        return values
    offered = {
        "title": template.title,
        "severity": template.severity.value,
        "service": template.service.slug if template.service else "",
        "summary": template.summary,
    }
    filled = {field: values.get(field) or offered[field] for field in _TEMPLATE_FIELDS}
    return {**values, **filled}


def _incident_page(
    incident: Incident,
    sent: str = "",
    values: Mapping[str, str] | None = None,
    error: IncidentError | None = None,
) -> str:
    context = {
        **_live(incident),
        **_forms(incident),
        "etag": f'W/"{_etag(incident)}"',
        "sent": sent,
        "values": values or {},
        "errors": _by_field(error),
        "error": error,
    }
    return render_template("incidents/show.html", **context)


def _live(incident: Incident) -> dict[str, Any]:
    session = db.session()
    deliveries = queries.list_deliveries(session, incident.id)
    return {
        "incident": incident,
        "events": queries.list_timeline(session, incident.id),
        "latest": queries.latest_update(session, incident.id),
        "parked": [d for d in deliveries if d.state is DeliveryState.PARKED],
        "waiting": [d for d in deliveries if _is_late(d)],
    }


def _is_late(delivery: Delivery) -> bool:
    """Whether a delivery is still to be made, and something has kept it so far."""
    return delivery.state in UNFINISHED and bool(delivery.last_error)


def _forms(incident: Incident) -> dict[str, Any]:
    session = db.session()
    return {
        "incident": incident,
        "may": verdicts(incident, actor()),
        "moves": next_statuses(incident.status),
        "people": list_people(session),
        "has_postmortem": queries.find_postmortem(session, incident.id) is not None,
        "sent": "",
        "values": {},
        "errors": {},
        "error": None,
    }


def _etag(incident: Incident) -> str:
    """Return what changes whenever the live part of the page would."""
    states = queries.delivery_states(db.session(), incident.id)
    content = f"{incident.id}/{incident.version}/{states}/{current_user.id}"
    return hashlib.sha256(content.encode()).hexdigest()[:20]


def _by_field(error: IncidentError | None) -> dict[str, str]:
    return {error.field: error.reason} if isinstance(error, InvalidInput) else {}
