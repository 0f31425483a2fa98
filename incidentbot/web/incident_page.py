"""One incident's page: how it is now, its timeline, and the forms that fit it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from incidentbot import clock
from incidentbot.extensions import db
from incidentbot.incidents import queries
from incidentbot.incidents.action_items import list_action_items
from incidentbot.incidents.errors import AlreadyDone, Conflict, IncidentError
from incidentbot.incidents.figures import update_due
from incidentbot.incidents.lifecycle import Severity, next_statuses
from incidentbot.incidents.models import Incident, IncidentRole, TimelineEvent
from incidentbot.incidents.people import list_incident_people, nearest
from incidentbot.incidents.permissions import refusal
from incidentbot.incidents.severities import Words, words_by_severity
from incidentbot.incidents.story import GROUPS
from incidentbot.incidents.visibility import may_see
from incidentbot.outbox.models import DeliveryState
from incidentbot.status_pages.preview import Told, told
from incidentbot.users.candidates import Among, offer
from incidentbot.web.access import actor
from incidentbot.web.actions import FORMS, acting, not_now, verdicts
from incidentbot.web.errors import by_field, status_of
from incidentbot.web.incidents import Page
from incidentbot.web.incidents import blueprint as of_all_incidents
from incidentbot.web.requests import number
from incidentbot.web.zones import today_of

blueprint = of_all_incidents

EVENTS_PER_PAGE = 200
NEWS_AT_ONCE = 500
UNDELIVERED_SHOWN = 50
# Around an older event that a link points at, this many later ones are shown.
LATER_EVENTS = 150
# Which forms there are only while the incident is open, or only once it is closed.
_WHILE_OPEN = ("update", "resolve", "severity", "cancel")
_WHILE_CLOSED = ("reopen",)
# The fields whose text may be kept as a note when its form came too late.
_NOTED = ("message", "reason", "text")
# The forms in a panel of their own whose text is to be found again when they are refused.
_PANELS = ("update", "resolve", "severity", "note", "take-over", "cancel", "reopen")
# What `back` says in a form that was sent from the post-mortem's page.
POSTMORTEM = "postmortem"


@dataclass(frozen=True)
class Timeline:
    """A stretch of an incident's timeline. `show` names the group it is filtered by, if any.

    `earlier` is the number before which more events are, `is_newest` says that none are after it.
    `told` is the number of the newest event there is, shown or not: what comes after it is news.
    """

    events: list[TimelineEvent]
    show: str
    earlier: int | None
    is_newest: bool
    told: int


@dataclass(frozen=True)
class Standing:
    """How an incident stands beside its own row; `etag` names all that the live part of its page shows."""

    severity_words: Mapping[Severity, Words]
    customers: Told | None
    update_due: datetime | None
    etag: str


@blueprint.get("/incidents/<reference>")
def show(reference: str) -> Page:
    """Show one incident. For everyone signed in who may know of it."""
    incident = queries.get_incident(db.session(), reference, actor())
    if reference != incident.reference:
        event, before, show = (request.args.get(name) for name in ("event", "before", "show"))
        own = incident.reference
        return redirect(
            url_for("incidents.show", reference=own, event=event, before=before, show=show)
        )
    return _page(incident)


@blueprint.get("/incidents/<reference>/timeline")
def timeline(reference: str) -> str:
    """Return a stretch of earlier events. For everyone signed in who may know of the incident."""
    incident = queries.get_incident(db.session(), reference, actor())
    return render_template(
        "incidents/_earlier.html", incident=incident, timeline=_timeline(incident, newest=0)
    )


@blueprint.get("/incidents/<reference>/live")
def live(reference: str) -> Response:
    """Return what is new on the incident's page; 304 when nothing is. For who may see that page."""
    incident = queries.get_incident(db.session(), reference, actor())
    standing = _standing(incident)
    response = Response(status=304)
    if not request.if_none_match.contains_weak(standing.etag):
        session, show, told_before = db.session(), _show(), number(request.args.get("after")) or 0
        news = queries.list_events(
            session,
            incident.id,
            NEWS_AT_ONCE,
            kinds=GROUPS[show].kinds if show else (),
            after=told_before,
        )
        newest = news[-1].seq if news else told_before
        page = render_template(
            "incidents/_live.html",
            timeline=Timeline(news, show, None, True, newest),
            **_now(incident, standing),
        )
        response = Response(page, mimetype="text/html")
    response.set_etag(standing.etag, weak=True)
    return response


@blueprint.get("/incidents/<reference>/actions")
def actions(reference: str) -> str:
    """Return the forms that fit the incident as it is now. For who may see its page."""
    incident = queries.get_incident(db.session(), reference, actor())
    return render_template(
        "incidents/_actions.html",
        severity_words=words_by_severity(db.session()),
        customers=told(db.session(), incident),
        **_forms(incident, queries.find_postmortem(db.session(), incident.id) is not None),
    )


@blueprint.get("/incidents/<reference>/", defaults={"name": ""})
@blueprint.get("/incidents/<reference>/<name>")
def find_form(reference: str, name: str) -> Page:
    """Go to the incident from a form's address, as reloading a refused form asks for it.

    For everyone signed in who may know of the incident.
    """
    if name and name not in FORMS:
        abort(404)
    incident = queries.get_incident(db.session(), reference, actor())
    return redirect(url_for("incidents.show", reference=incident.reference, show=_show() or None))


@blueprint.post("/incidents/<reference>/<name>")
def act(reference: str, name: str) -> Page:
    """Do what one of the forms says. Who may is decided by the core."""
    form = FORMS.get(name) or abort(404)
    session = db.session()
    incident = queries.get_incident(session, reference, actor())
    values = request.form.to_dict()
    try:
        result = form.submit(session, incident.reference, acting(values), values)
    except AlreadyDone:
        flash("That was done already.")
        return _back(incident, name, values)
    except IncidentError as error:
        session.rollback()
        incident = queries.get_incident(session, reference, actor())
        return _page(incident, name, values, error), status_of(error)
    if result.changed:
        flash(result.sentence)
    elif _is_written(values):  # somebody was quicker; what was written is not dropped for it
        late = Conflict(result.sentence)
        return _page(result.incident, name, values, late, is_late=True), status_of(late)
    else:
        flash(result.sentence, "warning")
    return _back(result.incident, name, values)


def _is_written(values: Mapping[str, str]) -> bool:
    """Whether a form holds a text that would be missed."""
    return any(values.get(name, "").strip() for name in (*_NOTED, "public"))


def _back(incident: Incident, name: str, values: Mapping[str, str]) -> Response:
    """Go where the form came from; to the list when the person has just left a private incident."""
    if not may_see(db.session(), incident, actor()):
        return redirect(url_for("incidents.index"))
    at_postmortem = name == "postmortem" or values.get("back") == POSTMORTEM
    if at_postmortem:
        return redirect(url_for("postmortems.show", reference=incident.reference))
    return redirect(url_for("incidents.show", reference=incident.reference, show=_show() or None))


def _page(
    incident: Incident,
    sent: str = "",
    values: Mapping[str, str] | None = None,
    error: IncidentError | None = None,
    *,
    is_late: bool = False,
) -> str:
    """Return the page; with the form that was refused, or its texts as a note when it came too late."""
    values = values or {}
    fits = sent not in (_WHILE_CLOSED if incident.status.is_open else _WHILE_OPEN)
    is_late = (is_late or not fits) and _is_written(values)
    if is_late:
        text = next((values[name] for name in _NOTED if values.get(name, "").strip()), "")
        sent, values = "note", {"text": text, "public": values.get("public", "")}
    # What is wrong with a field is said, and the cursor placed, where the text is.
    is_kept = sent in _PANELS and _is_written(values) and not by_field(error)
    standing = _standing(incident)
    newest, has_postmortem = queries.extent(db.session(), incident.id)
    context = {
        **_now(incident, standing),
        **_forms(incident, has_postmortem),
        "timeline": _timeline(incident, newest),
        "etag": f'W/"{standing.etag}"',
        "sent": sent,
        "is_late": is_late,
        "kept_in": f"panel-{sent}" if is_kept else "",
        "values": values,
        "errors": by_field(error),
        "error": error,
        "back": values.get("back") if values.get("back") == POSTMORTEM else "",
    }
    return render_template("incidents/show.html", **context)


def _standing(incident: Incident) -> Standing:
    """Return how an incident stands, and what changes whenever the live part of its page would.

    It comes before all else that is read for the page: what changes meanwhile is then news to it.
    """
    session = db.session()
    states = queries.delivery_states(session, incident.id)
    words, customers = words_by_severity(session), told(session, incident)
    due = update_due(incident, words[incident.severity].update_every)
    names = (incident.commander.name, incident.service.name)
    viewer = (current_user.id, current_user.role.value)
    content = (incident.id, incident.version, states, names, due, customers, viewer)
    etag = hashlib.sha256(repr(content).encode()).hexdigest()[:20]
    return Standing(words, customers, due, etag)


def _now(incident: Incident, standing: Standing) -> dict[str, Any]:
    session = db.session()
    undelivered = queries.list_undelivered(session, incident.id, UNDELIVERED_SHOWN)
    return {
        "incident": incident,
        "severity_words": standing.severity_words,
        "latest": queries.latest_update(session, incident.id),
        "update_due": standing.update_due,
        "now": clock.now(),
        "parked": [d for d in undelivered if d.state is DeliveryState.PARKED],
        "waiting": [d for d in undelivered if d.state is not DeliveryState.PARKED],
        "customers": standing.customers,
    }


def _forms(incident: Incident, has_postmortem: bool) -> dict[str, Any]:
    session = db.session()
    return {
        "incident": incident,
        "may": verdicts(incident, actor()),
        "not_now": not_now(incident, has_postmortem=has_postmortem),
        "refusal": refusal(actor(), incident.commander.name),
        "moves": next_statuses(incident.status),
        "offered": offer(session, Among.PEOPLE, first=nearest(incident)),
        "members": list_incident_people(session, incident.id),
        "roles": tuple(IncidentRole),
        "items": list_action_items(session, incident.id),
        "today": today_of(current_user),
        "has_postmortem": has_postmortem,
        "sent": "",
        "is_late": False,
        "values": {},
        "errors": {},
        "error": None,
    }


def _timeline(incident: Incident, newest: int) -> Timeline:
    """Return the stretch of the timeline that the address asks for; else the newest.

    `newest` is the number of the newest event as it was before this is read.
    """
    wanted = number(request.args.get("event"))
    if wanted is None:
        return _stretch(incident, _show(), number(request.args.get("before")), newest)
    end = wanted + LATER_EVENTS + 1
    around = _stretch(incident, "", end, newest)
    reaches_the_end = not around.events or around.events[-1].seq < end - 1
    return replace(around, is_newest=reaches_the_end)


def _stretch(incident: Incident, show: str, before: int | None, newest: int) -> Timeline:
    events = queries.list_events(
        db.session(),
        incident.id,
        EVENTS_PER_PAGE + 1,
        kinds=GROUPS[show].kinds if show else (),
        before=before,
    )
    shown = events[-EVENTS_PER_PAGE:]
    earlier = shown[0].seq if len(events) > EVENTS_PER_PAGE else None
    # What came since is on the page already, if it is of its kind.
    told_now = max(newest, shown[-1].seq if shown else 0)
    return Timeline(shown, show, earlier, is_newest=before is None, told=told_now)


def _show() -> str:
    """Return the name of the group that the address filters by; "" for everything."""
    wanted = request.args.get("show", "")
    return wanted if wanted in GROUPS else ""
