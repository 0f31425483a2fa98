"""Services and their owners."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents import services as core
from incidentbot.incidents.errors import Conflict, IncidentError
from incidentbot.incidents.models import Service
from incidentbot.users.models import User
from incidentbot.users.people import list_people
from incidentbot.web.access import actor
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, numbers, press, seen_in

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
    error = attempt(
        lambda: core.add_service(
            db.session(),
            actor(values.get("request_key")),
            values.get("name", ""),
            numbers(values.getlist("owners")),
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
    values = request.form
    error = attempt(
        lambda: core.edit_service(
            db.session(),
            service_id,
            actor(values.get("request_key")),
            values.get("name", ""),
            numbers(values.getlist("owners")),
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


def _form(service: Service | None, values: Typed, error: IncidentError | None = None) -> Page:
    session = db.session()
    return form_page(
        "settings/service.html",
        values,
        error,
        service=service,
        seen=seen_in(values, core.state_of_service(service), error) if service else "",
        chosen=set(values.getlist("owners")),
        people=_candidates(session, service),
        is_conflict=isinstance(error, Conflict),
    )


def _candidates(session: Session, service: Service | None) -> list[User]:
    """Return who may be an owner: who is active, and who is one already."""
    owners = [] if service is None else service.owners
    return [user for user in list_people(session) if user.is_active or user in owners]
