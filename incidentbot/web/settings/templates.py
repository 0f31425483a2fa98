"""The templates that fill in the declare form."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents import templates as core
from incidentbot.incidents.errors import Conflict, IncidentError
from incidentbot.incidents.models import Template
from incidentbot.incidents.queries import list_templates
from incidentbot.incidents.services import list_all_services
from incidentbot.web.access import actor
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, seen_in

blueprint = Blueprint("templates", __name__, url_prefix="/settings/templates")


@blueprint.get("")
def index() -> str:
    """List the templates. For admins."""
    return render_template("settings/templates.html", templates=list_templates(db.session()))


@blueprint.get("/new")
def new() -> Page:
    """Show the form that adds a template. For admins."""
    return _form(None, MultiDict())


@blueprint.post("/new")
def add() -> Page | Response:
    """Add a template. For admins."""
    values = request.form
    error = attempt(
        lambda: core.add_template(db.session(), actor(values.get("request_key")), _fields(values))
    )
    if error is not None:
        return _form(None, values, error)
    flash("The template is added.")
    return redirect(url_for("templates.index"))


@blueprint.get("/<int:template_id>")
def edit(template_id: int) -> Page:
    """Show the form that changes a template. For admins."""
    template = core.get_template(db.session(), template_id)
    return _form(template, _values_of(template))


@blueprint.post("/<int:template_id>")
def save(template_id: int) -> Page | Response:
    """Change a template. For admins."""
    values = request.form
    error = attempt(
        lambda: core.edit_template(
            db.session(),
            template_id,
            actor(values.get("request_key")),
            _fields(values),
            values.get("seen", ""),
        )
    )
    if error is not None:
        return _form(core.get_template(db.session(), template_id), values, error)
    flash("The template is saved.")
    return redirect(url_for("templates.index"))


@blueprint.post("/<int:template_id>/delete")
def delete(template_id: int) -> Page | Response:
    """Delete a template. For admins."""
    values = request.form
    error = attempt(
        lambda: core.delete_template(
            db.session(),
            template_id,
            actor(values.get("request_key")),
            values.get("seen", ""),
        )
    )
    if error is not None:
        template = core.get_template(db.session(), template_id)
        return _form(template, _values_of(template), error)
    flash("The template is deleted.")
    return redirect(url_for("templates.index"))


def _fields(values: Typed) -> core.TemplateFields:
    return core.TemplateFields(
        name=values.get("name", ""),
        title=values.get("title", ""),
        severity=values.get("severity", ""),
        service=values.get("service", ""),
        summary=values.get("summary", ""),
    )


def _values_of(template: Template) -> Typed:
    """Return a template as its form shows it."""
    state = core.state_of_template(template)
    return MultiDict({name: value or "" for name, value in state.items()})


def _form(template: Template | None, values: Typed, error: IncidentError | None = None) -> Page:
    services = [
        service
        for service in list_all_services(db.session())
        if service.archived_at is None or service.slug == values.get("service")
    ]
    return form_page(
        "settings/template.html",
        values,
        error,
        template=template,
        seen=seen_in(values, core.state_of_template(template), error) if template else "",
        services=services,
        is_conflict=isinstance(error, Conflict),
    )
