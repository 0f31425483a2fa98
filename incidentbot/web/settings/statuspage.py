"""Settings, Statuspage: the page on Statuspage.io, its components, and what customers are told."""

from flask import Blueprint, abort, current_app, flash, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.link import NOT_CONNECTED, Statuspage, connect, link_for
from incidentbot.channels.statuspage.reconcile import reconcile
from incidentbot.extensions import db
from incidentbot.incidents.errors import Conflict, IncidentError, InvalidInput, InvalidMove
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.queries import list_services
from incidentbot.outbox.dispatch import DeliveryError
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import SeenComponent
from incidentbot.status_pages.models import Impact, Publication
from incidentbot.status_pages.rules import (
    TITLE_TEMPLATE_LIMIT,
    default_rule,
    edit_rule,
    reset_rule,
    rules_by_severity,
    texts_of,
)
from incidentbot.status_pages.standing import NOBODYS_NAME
from incidentbot.users.actor import Actor
from incidentbot.web.access import actor
from incidentbot.web.requests import number
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, press, seen_in

blueprint = Blueprint("statuspage_settings", __name__, url_prefix="/settings/statuspage")


@blueprint.get("")
def index() -> Page:
    """Show the connection, and what somebody changed on Statuspage by hand. For admins."""
    return _index(MultiDict())


@blueprint.post("/connect")
def connect_page() -> Page | Response:
    """Try a page and its key, and keep them when they work. For admins."""
    values = request.form
    link = _link()
    if link.by_environment is not None:
        raise InvalidMove("The page is set by STATUSPAGE_PAGE_ID. Change it there.")
    error = attempt(
        lambda: connect(
            link,
            db.session(),
            _admin(),
            values.get("page_id", ""),
            values.get("api_key", ""),
        )
    )
    if error is not None:
        return _index(values, error)
    flash("The page is connected. Now choose which service each component follows.")
    return redirect(url_for("statuspage_settings.components"))


@blueprint.post("/disconnect")
def disconnect() -> Response:
    """Forget the page and its key. For admins."""
    press(
        lambda: connection.disconnect(db.session(), _admin()),
        "The page is not connected any more. What stands on it stays.",
    )
    return _back()


@blueprint.post("/look")
def look() -> Response:
    """Look at Statuspage now for what somebody changed there. For admins."""
    try:
        found = reconcile(_link(), db.session()).drifted
    except DeliveryError as error:
        flash(f"That did not work. {_sentence(error)}", "warning")
    else:
        if found:
            flash("Somebody changed something on Statuspage; see below.", "warning")
        else:
            flash("Statuspage says what we set it to.")
    return _back()


@blueprint.get("/components")
def components() -> Page:
    """Show a page of the components, read from Statuspage now, and the service of each. For admins."""
    return _components(MultiDict())


@blueprint.post("/components")
def map_components() -> Page | Response:
    """Have components follow services. For admins."""
    values = request.form
    found, _more, problem = _read_components(number(values.get("page")) or 1)
    if problem:
        return _components(values)
    choices = {
        name.removeprefix("service-"): slug
        for name, slug in values.items()
        if name.startswith("service-")
    }
    changed = 0

    def change() -> None:
        nonlocal changed
        changed = connection.map_components(
            db.session(), _admin(), found, choices, values.get("seen", "")
        )

    error = attempt(change)
    if error is not None:
        return _components(values, error)
    flash("Saved." if changed else "Nothing was changed.")
    return redirect(url_for("statuspage_settings.components", page=values.get("page") or None))


@blueprint.post("/components/<int:row_id>/<choice>")
def settle(row_id: int, choice: str) -> Response:
    """Take a component over again that somebody changed by hand, or leave it as it is. For admins."""
    act = {"take-over": connection.take_over, "leave": connection.leave_as_it_is}.get(choice)
    if act is None:
        abort(404)
    outcome = (
        "is set to what your incidents say."
        if choice == "take-over"
        else "stays as it is until the next change of an incident of its service."
    )
    press(lambda: act(db.session(), _admin(), row_id), lambda row: f"{row.name} {outcome}")
    return _back()


@blueprint.post("/incidents/<int:incident_id>/take-over")
def take_over_incident(incident_id: int) -> Response:
    """Bring an incident that somebody changed on Statuspage up to ours again. For admins."""
    press(
        lambda: connection.take_over_incident(db.session(), _admin(), incident_id),
        lambda known: f"{known.incident.reference} is brought up to date on Statuspage.",
    )
    return _back()


@blueprint.get("/publication")
def publication() -> Page:
    """Show what is done for customers in incidents of each severity, and in which words. For admins."""
    return _publication(None, MultiDict())


@blueprint.post("/publication/<severity>")
def save_rule(severity: str) -> Page | Response:
    """Change what is done for customers in incidents of a severity. For admins."""
    chosen, values = _severity(severity), request.form
    seen = values.get("seen", "")
    error = attempt(lambda: edit_rule(db.session(), _admin(), chosen, values, seen))
    if error is not None:
        return _publication(chosen, values, error)
    flash(f"{chosen.value} is saved.")
    return redirect(url_for("statuspage_settings.publication"))


@blueprint.post("/publication/<severity>/reset")
def reset(severity: str) -> Page | Response:
    """Go back to the words that incidentbot brings. For admins."""
    chosen, values = _severity(severity), request.form
    seen = values.get("seen", "")
    error = attempt(lambda: reset_rule(db.session(), _admin(), chosen, seen))
    if error is not None:
        return _publication(chosen, values, error)
    flash(f"{chosen.value} has its first words again.")
    return redirect(url_for("statuspage_settings.publication"))


def _index(values: Typed, error: IncidentError | None = None) -> Page:
    session, link = db.session(), _link()
    settings = connection.page_settings(session)
    return form_page(
        "settings/statuspage.html",
        values,
        error,
        by_environment=link.by_environment,
        settings=settings,
        is_connected=link.by_environment is not None
        or (settings is not None and settings.statuspage_page_id is not None),
        followed=connection.list_components(session),
        drift=connection.list_drift(session),
        incidents=connection.list_drifted_incidents(session),
    )


def _components(values: Typed, error: IncidentError | None = None) -> Page:
    page = number(values.get("page") or request.args.get("page")) or 1
    components, more, problem = _read_components(page)
    session = db.session()
    ids = [component.id for component in components]
    state = connection.state_of_mapping(session, ids)
    services = list_services(session)
    return form_page(
        "settings/statuspage_components.html",
        values,
        error,
        components=components,
        # What is wrong with a component that is not in the list any more is said above it.
        is_gone=isinstance(error, InvalidInput) and error.field not in ids,
        problem=problem,
        number=page,
        more=more,
        services=services,
        state=state,
        seen=seen_in(values, state, error),
        is_conflict=isinstance(error, Conflict),
        chosen={
            component_id: values.get(f"service-{component_id}", followed[0] if followed else "")
            for component_id, followed in state.items()
        },
        # A component that is called like a service probably is that service.
        suggested={
            component.id: service.slug
            for component in components
            for service in services
            if component.name.casefold() == service.name.casefold()
        }
        if not connection.list_components(session) and not values
        else {},
    )


def _publication(sent: Severity | None, values: Typed, error: IncidentError | None = None) -> Page:
    rules = rules_by_severity(db.session())
    saved = {severity: texts_of(rule) for severity, rule in rules.items()}
    shown = {severity: dict(texts) for severity, texts in saved.items()}
    if sent is not None:
        shown[sent] |= values.to_dict()
    return form_page(
        "settings/publication.html",
        values,
        error,
        sent=sent,
        shown=shown,
        saved=saved,
        seen={
            severity: seen_in(values if severity is sent else None, texts, error)
            for severity, texts in saved.items()
        },
        is_conflict=isinstance(error, Conflict),
        edited={s for s, rule in rules.items() if rule != default_rule(s)},
        publications=tuple(Publication),
        impacts=tuple(Impact),
        title_limit=TITLE_TEMPLATE_LIMIT,
        nobodys_name=NOBODYS_NAME,
    )


def _read_components(page: int) -> tuple[list[SeenComponent], bool, str]:
    """Return a page of the components, whether there is more, and why it could not be read."""
    session = db.session()
    try:
        api = _link().api(session)
        session.rollback()  # nothing is held while Statuspage is asked
        found = endpoints.components(api, page)
    except DeliveryError as error:
        return [], False, _sentence(error)
    return list(found.components), found.more, ""


def _admin() -> Actor:
    return actor(request.form.get("request_key"))


def _link() -> Statuspage:
    return link_for(current_app.extensions)


def _severity(value: str) -> Severity:
    if value not in list(Severity):
        abort(404)
    return Severity(value)


def _sentence(error: DeliveryError) -> str:
    words = "No page on Statuspage is connected" if str(error) == NOT_CONNECTED else str(error)
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "."


def _back() -> Response:
    return redirect(url_for("statuspage_settings.index"))
