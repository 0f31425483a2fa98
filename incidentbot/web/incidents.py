"""List and declare incidents. One incident's own pages: incident_page.py and incident_tabs.py."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_login import current_user
from werkzeug.wrappers import Response

from incidentbot import clock
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents import commands, listing, queries
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import IncidentError, InvalidInput, InvalidInputs, NotFound
from incidentbot.incidents.figures import update_due
from incidentbot.incidents.first_steps import first_steps
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import Service
from incidentbot.incidents.permissions import Action, judge
from incidentbot.incidents.preview import foresee
from incidentbot.incidents.severities import words_by_severity
from incidentbot.incidents.templates import fill_in, find_template
from incidentbot.incidents.text import TITLE_LIMIT
from incidentbot.users.candidates import Among, Candidate, candidate, find_person, namesakes, offer
from incidentbot.users.models import Role
from incidentbot.users.people import list_admins
from incidentbot.web.access import actor
from incidentbot.web.errors import by_field, status_of
from incidentbot.web.incident_list import PER_PAGE, Asked, csv_of, read_address
from incidentbot.web.people import picked, written
from incidentbot.web.zones import own_zone, zone_of

blueprint = Blueprint("incidents", __name__)

CARDS = 60
NOBODY = -1

Page = str | tuple[str, int] | Response


@blueprint.get("/")
def index() -> Page:
    """List the open incidents as cards, then the closed; or what a filter finds. For everyone signed in."""
    named = _named(request.args.get("q", ""))
    if named is not None:
        return named
    session = db.session()
    services = queries.list_every_service(session)
    asked = _asked(services)
    page = listing.list_incidents(
        session,
        actor(),
        asked.filters if asked.is_filtered else listing.closed(),
        before=asked.before,
        after=asked.after,
        limit=PER_PAGE,
    )
    with_cards = not asked.is_filtered and page.newer is None
    return render_template(
        "incidents/index.html",
        asked=asked,
        page=page,
        statuses=tuple(Status),
        service_options=[(service.slug, service.name) for service in services],
        offered=offer(session, Among.ACCOUNTS),
        has_page=current_app.view_functions,
        steps=_first_steps() if with_cards else {},
        **(_open_incidents() if with_cards else {}),
        with_cards=with_cards,
    )


@blueprint.get("/incidents/cards")
def cards() -> Response:
    """Return the cards of the open incidents; 304 while they have not changed. For everyone signed in."""
    found = _open_incidents()
    response = Response(status=304)
    if not request.if_none_match.contains_weak(found["etag"]):
        response = Response(render_template("incidents/_cards.html", **found), mimetype="text/html")
    response.set_etag(found["etag"], weak=True)
    return response


@blueprint.get("/incidents.csv")
def export() -> Response:
    """Return what a filter finds as a file for spreadsheets. For everyone signed in."""
    asked = _asked(queries.list_every_service(db.session()))
    if asked.ignored:  # else the file would hold more than was asked for
        raise InvalidInput("filter", f"Not understood: {', '.join(asked.ignored)}.")
    found = listing.each_incident(db.session(), actor(), asked.filters)
    return Response(
        stream_with_context(csv_of(found)),
        mimetype="text/csv",
        headers={
            "Content-Disposition": f'attachment; filename="incidents-{clock.now():%Y-%m-%d}.csv"'
        },
    )


@blueprint.get("/incidents/new")
def new() -> str:
    """Show the form to declare an incident. For responders and admins (others are told so)."""
    me = candidate(current_user)
    return _declare_form({"commander": me.label})


@blueprint.post("/incidents/new")
def declare() -> Page:
    """Declare an incident; or fill in a template, or say what would happen. For responders and admins."""
    values = request.form.to_dict()
    if "use_template" in values:
        return _declare_form(_filled_in(values))
    if "preview" in values:
        return _declare_form(values)
    try:
        result = _declared(values)
    except IncidentError as error:
        return _declare_form(values, error), status_of(error)
    flash(result.sentence)
    return redirect(url_for("incidents.show", reference=result.incident.reference))


@blueprint.get("/incidents/new/preview")
def preview() -> str:
    """Return what declaring would do, as the form stands. For responders and admins."""
    return render_template("incidents/_preview.html", **_preview(request.args))


def _asked(services: Iterable[Service]) -> Asked:
    """Return what the address asks for."""
    return read_address(
        request.args, services, _commander_named, own_zone(current_user), zone_of(current_user)
    )


def _commander_named(text: str) -> Candidate:
    return find_person(db.session(), text, Among.ACCOUNTS, "commander")


def _named(text: str) -> Response | None:
    """Return the way to the incident that a search names by its reference, if there is one."""
    if queries.read_reference(text) is None:
        return None
    try:
        incident = queries.get_incident(db.session(), text.strip(), actor())
    except NotFound:
        return None
    return redirect(url_for("incidents.show", reference=incident.reference))


def _open_incidents() -> dict[str, Any]:
    """Return what the cards show, and the ETag that changes whenever that does."""
    session, viewer, now = db.session(), actor(), clock.now()
    shown = listing.list_open(session, viewer, CARDS)
    count = len(shown) if len(shown) < CARDS else listing.count_open(session, viewer)
    words = words_by_severity(session)
    due = {
        incident.id: update_due(incident, words[incident.severity].update_every)
        for incident in shown
    }
    overdue = {number for number, moment in due.items() if moment is not None and moment < now}
    content = [count, *((i.number, i.version, i.id in overdue, due[i.id]) for i in shown)]
    return {
        "open_incidents": shown,
        "open_count": count,
        "latest": queries.latest_updates(session, [incident.id for incident in shown]),
        "due": due,
        "now": now,
        "etag": hashlib.sha256(repr((viewer.user_id, content)).encode()).hexdigest()[:20],
    }


def _first_steps() -> Mapping[str, bool]:
    """Return the steps of a new installation for an admin, while one is left to take."""
    if current_user.role is not Role.ADMIN:
        return {}
    settings: Settings = current_app.extensions["settings"]
    steps = first_steps(db.session(), has_slack=settings.slack is not None)
    return {} if all(steps.values()) else {step.value: done for step, done in steps.items()}


def _declare_form(values: Mapping[str, str], error: IncidentError | None = None) -> str:
    session = db.session()
    verdict = judge(Action.DECLARE, actor(), None)
    if not verdict.allowed:
        return render_template(
            "incidents/may_not_declare.html",
            reason=verdict.reason,
            admins=list_admins(session),
        )
    return render_template(
        "incidents/new.html",
        values=values,
        errors=by_field(error),
        error=error,
        services=queries.list_services(session),
        templates=queries.list_templates(session),
        offered=offer(session, Among.COMMANDERS),
        title_limit=TITLE_LIMIT,
        **_preview(values),
    )


def _declared(values: Mapping[str, str]) -> Result:
    """Declare what the form says. Raises InvalidInputs, of all the fields that are wrong, NotAllowed."""
    unknown = None
    try:
        commander_id = picked(values, "commander", Among.COMMANDERS)
    except InvalidInput as error:  # the core refuses it together with all else that is wrong
        commander_id, unknown = NOBODY, error
    declaration = commands.Declaration(
        title=values.get("title", ""),
        severity=values.get("severity", ""),
        service=values.get("service", ""),
        commander_id=commander_id,
        summary=values.get("summary", ""),
        is_private="is_private" in values,
    )
    try:
        return commands.declare(db.session(), declaration, actor(values.get("request_key")))
    except InvalidInputs as error:
        if unknown is None:
            raise
        raise InvalidInputs({**error.reasons, unknown.field: unknown.reason}) from None


def _preview(values: Mapping[str, str]) -> dict[str, Any]:
    settings: Settings = current_app.extensions["settings"]
    typed = written(values, "commander")
    meant = namesakes(db.session(), typed, Among.COMMANDERS) if typed else ()
    prospect = foresee(
        db.session(),
        actor(),
        values.get("severity", ""),
        values.get("service", ""),
        meant[0] if len(meant) == 1 else None,
        "is_private" in values,
    )
    return {
        "prospect": prospect,
        "has_slack": settings.slack is not None,
        "has_mail": settings.mail is not None,
    }


def _filled_in(values: dict[str, str]) -> dict[str, str]:
    """Return the values with the chosen template's in the fields that the person has not filled in."""
    session = db.session()
    chosen = find_template(session, values.get("template", ""))
    before = find_template(session, values.get("filled_from", ""))
    filled_from = str(chosen.id) if chosen else ""
    return {**fill_in(values, chosen, before), "filled_from": filled_from}
