"""Services and their owners."""

from collections.abc import Sequence
from contextlib import suppress

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents import services as core
from incidentbot.incidents.errors import Conflict, IncidentError, InvalidInput
from incidentbot.incidents.models import Service
from incidentbot.users.candidates import Among, Candidate, find_person, offer
from incidentbot.users.directory import pick
from incidentbot.users.models import User
from incidentbot.web.access import actor
from incidentbot.web.people import picked, written
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, press, seen_in

blueprint = Blueprint("services", __name__, url_prefix="/settings/services")


@blueprint.get("")
def index() -> str:
    """List the services and who owns them. For admins."""
    services = core.list_all_services(db.session())
    return render_template(
        "settings/services.html",
        in_use=[service for service in services if service.archived_at is None],
        archived=[service for service in services if service.archived_at is not None],
    )


@blueprint.get("/new")
def new() -> Page:
    """Show the form that adds a service. For admins."""
    return _form(None, MultiDict())


@blueprint.post("/new")
def add() -> Page | Response:
    """Add a service. For admins."""
    values = request.form
    if "add" in values:
        return _with_another_owner(None, values)
    error = attempt(
        lambda: core.add_service(
            db.session(),
            actor(values.get("request_key")),
            values.get("name", ""),
            _owner_ids(None, values),
        )
    )
    if error is not None:
        return _form(None, values, error)
    flash("The service is added: incidents can be declared of it.")
    return redirect(url_for("services.index"))


@blueprint.get("/<int:service_id>")
def edit(service_id: int) -> Page:
    """Show the form that changes a service. For admins."""
    service = core.get_service(db.session(), service_id)
    values = MultiDict([("name", service.name), *(("owners", str(o.id)) for o in service.owners)])
    return _form(service, values)


@blueprint.post("/<int:service_id>")
def save(service_id: int) -> Page | Response:
    """Rename a service, set its owners. For admins."""
    values, service = request.form, core.get_service(db.session(), service_id)
    if "add" in values:
        return _with_another_owner(service, values)
    error = attempt(
        lambda: core.edit_service(
            db.session(),
            service_id,
            actor(values.get("request_key")),
            values.get("name", ""),
            _owner_ids(service, values),
            values.get("seen", ""),
        )
    )
    if error is not None:
        return _form(core.get_service(db.session(), service_id), values, error)
    flash("The service is saved.")
    return redirect(url_for("services.index"))


@blueprint.post("/<int:service_id>/archive")
def archive(service_id: int) -> Response:
    """Offer a service no longer. For admins."""
    return _archive(service_id, True, "is archived: it is not offered any more.")


@blueprint.post("/<int:service_id>/unarchive")
def unarchive(service_id: int) -> Response:
    """Offer a service again. For admins."""
    return _archive(service_id, False, "is offered again.")


def _archive(service_id: int, archived: bool, outcome: str) -> Response:
    key = request.form.get("request_key")
    press(
        lambda: core.archive_service(db.session(), service_id, actor(key), archived=archived),
        lambda service: f"{service.name} {outcome}",
    )
    return redirect(url_for("services.index"))


def _owner_ids(service: Service | None, values: Typed) -> list[int]:
    """Return who is ticked, and who is written into the field. Raises InvalidInput."""
    session, owners = db.session(), _owners_of(service)
    found = [
        find_person(session, value, Among.PEOPLE, "owners", owners)
        for value in values.getlist("owners")
    ]
    ticked = [pick(session, actor(), person, "owners") for person in found]
    return [*ticked, picked(values, "owner", Among.PEOPLE)] if written(values, "owner") else ticked


def _with_another_owner(service: Service | None, values: Typed) -> Page:
    """Return the form with whom was written into the field among those ticked. Nothing is saved yet."""
    more, error = MultiDict(values), None
    try:
        found = find_person(db.session(), written(values, "owner"), Among.PEOPLE, "owner")
    except InvalidInput as refusal:
        error = refusal
    else:
        more.poplist("owner")
        more.poplist("owner_choice")
        more.add("owners", str(found.user_id or found.label))
    page, status = _form(service, more, error)
    # HTMX puts only what succeeded into the page.
    return page, 200 if "HX-Request" in request.headers else status


def _form(service: Service | None, values: Typed, error: IncidentError | None = None) -> Page:
    return form_page(
        "settings/service.html",
        values,
        error,
        service=service,
        seen=seen_in(values, core.state_of_service(service), error) if service else "",
        chosen=set(values.getlist("owners")),
        owners=_shown_owners(service, values),
        offered=offer(db.session(), Among.PEOPLE),
        is_conflict=isinstance(error, Conflict),
    )


def _shown_owners(service: Service | None, values: Typed) -> dict[str, Candidate]:
    """Return the owners there are and those added in the form, by what the form says for each."""
    owners = _owners_of(service)
    shown = {}
    for value in (*(str(owner.id) for owner in owners), *values.getlist("owners")):
        with suppress(InvalidInput):  # whoever that is: saving says so
            shown[value] = find_person(db.session(), value, Among.PEOPLE, "owners", owners)
    return shown


def _owners_of(service: Service | None) -> Sequence[User]:
    return service.owners if service is not None else ()
