"""The settings of the status page: whether it is on, what it shows, maintenance, subscribers."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, request, url_for
from markupsafe import escape
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents.errors import Conflict, IncidentError
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages import public_ids, subscribers
from incidentbot.status_pages import settings as core
from incidentbot.status_pages.maintenance import MaintenanceFields
from incidentbot.status_pages.models import Maintenance, MaintenanceStatus
from incidentbot.status_pages.settings import PageFields, ServiceFields
from incidentbot.web import status_page
from incidentbot.web.access import actor
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, numbers, press, seen_in

blueprint = Blueprint("status_page_settings", __name__, url_prefix="/settings/status-page")


@blueprint.get("")
def index() -> Page:
    """Show everything that is set of the status page. For admins."""
    return _overview()


@blueprint.post("")
def save_page() -> Page | Response:
    """Switch the page on or off; set its words, host and time zone. For admins."""
    values = request.form
    fields = PageFields(
        is_on="is_on" in values,
        title=values.get("title", ""),
        about=values.get("about", ""),
        host=values.get("host", ""),
        time_zone=values.get("time_zone", ""),
        weight=values.get("weight", ""),
    )
    own = _settings().base_url.split("://", 1)[1].rsplit(":", 1)[0]
    error = attempt(
        lambda: core.save_page(
            db.session(),
            actor(values.get("request_key")),
            fields,
            values.get("seen", ""),
            taken_host=own,
        )
    )
    if error is not None:
        return _overview(error, page_values=values)
    return _done("The status page is saved." if fields.is_on else "The status page is off.")


@blueprint.post("/services")
def save_services() -> Page | Response:
    """Set which services customers see, and as what. For admins."""
    values = request.form
    fields = [
        ServiceFields(
            service_id=number,
            is_shown=f"shown-{number}" in values,
            name=values.get(f"name-{number}", ""),
            group=values.get(f"group-{number}", ""),
            position=values.get(f"position-{number}", ""),
        )
        for number in numbers(values.getlist("service"))
    ]
    error = attempt(
        lambda: core.save_services(
            db.session(), actor(values.get("request_key")), fields, values.get("seen", "")
        )
    )
    if error is not None:
        return _overview(error, service_values=values)
    return _done("The services are saved.")


@blueprint.post("/subscribers/remove")
def remove_subscriber() -> Page | Response:
    """Forget an address for somebody who asked for it. For admins."""
    values = request.form
    error = attempt(
        lambda: subscribers.remove(
            db.session(), actor(values.get("request_key")), values.get("email", "")
        )
    )
    if error is not None:
        return _overview(error, subscriber_values=values)
    return _done("The address is forgotten.")


@blueprint.get("/maintenance/new")
def new_maintenance() -> Page:
    """Show the form that schedules a maintenance. For admins."""
    return _maintenance_form(None, MultiDict())


@blueprint.post("/maintenance/new")
def schedule() -> Page | Response:
    """Schedule a maintenance, and tell customers. For admins."""
    values = request.form
    error = attempt(
        lambda: works.schedule(
            db.session(), actor(values.get("request_key")), _maintenance_fields(values)
        )
    )
    if error is not None:
        return _maintenance_form(None, values, error)
    return _done("The maintenance is scheduled.")


@blueprint.get("/maintenance/<int:maintenance_id>")
def edit_maintenance(maintenance_id: int) -> Page:
    """Show the form that changes a maintenance. For admins."""
    found = works.get_maintenance(db.session(), maintenance_id)
    zone = _zone()
    values = MultiDict(
        [
            ("title", found.title),
            ("body", found.body),
            ("starts_at", _local(found.starts_at, zone)),
            ("ends_at", _local(found.ends_at, zone)),
            *(("services", str(service.id)) for service in found.services),
        ]
    )
    return _maintenance_form(found, values)


@blueprint.post("/maintenance/<int:maintenance_id>")
def save_maintenance(maintenance_id: int) -> Page | Response:
    """Change a maintenance, and tell customers. For admins."""
    values = request.form
    error = attempt(
        lambda: works.edit(
            db.session(),
            maintenance_id,
            actor(values.get("request_key")),
            _maintenance_fields(values),
            values.get("seen", ""),
        )
    )
    if error is not None:
        found = works.get_maintenance(db.session(), maintenance_id)
        return _maintenance_form(found, values, error)
    return _done("The maintenance is saved.")


@blueprint.post("/maintenance/<int:maintenance_id>/end")
def end_maintenance(maintenance_id: int) -> Response:
    """End a maintenance now, or call it off. For admins."""
    key = request.form.get("request_key")
    press(
        lambda: works.end(db.session(), maintenance_id, actor(key)),
        lambda ended: (
            "The maintenance is called off."
            if works.is_called_off(ended)
            else "The maintenance is over."
        ),
    )
    return _back()


def _done(outcome: str) -> Response:
    flash(outcome)
    return _back()


def _back() -> Response:
    status_page.site().forget()
    return redirect(url_for("status_page_settings.index"))


def _overview(
    error: IncidentError | None = None,
    page_values: Typed | None = None,
    service_values: Typed | None = None,
    subscriber_values: Typed | None = None,
) -> Page:
    session = db.session()
    settings = core.get_page_settings(session)
    shown = core.list_shown(session)
    saved = {
        "is_on": "1" if settings.is_on else "",
        "title": settings.title,
        "about": settings.about,
        "host": settings.host or "",
        "time_zone": settings.time_zone,
        "weight": str(settings.partial_outage_weight),
    }
    address = core.address_of(_settings().base_url, settings.host)
    return form_page(
        "settings/status_page.html",
        subscriber_values or MultiDict(),
        error,
        settings=settings,
        page_values=page_values or saved,
        page_seen=seen_in(page_values, core.state_of_page(settings), error),
        page_failed=page_values is not None,
        services=shown,
        service_values=service_values,
        services_seen=seen_in(service_values, core.state_of_services(shown), error),
        is_stale=isinstance(error, Conflict),
        shown_now=[
            (service.name, f"{public.name} · {public.group_name} · {public.position}")
            for service, public in shown
            if public is not None
        ],
        maintenances=works.list_maintenances(session),
        is_called_off=works.is_called_off,
        subscribed=subscribers.count(session),
        has_mail=_settings().mail is not None,
        address=address,
        badge_html=_badge_html(settings.title, address),
        badge_markdown=_badge_markdown(settings.title, address),
        badge_of=lambda number: f"{address}/status/badge/{public_ids.service_id(number)}.svg",
    )


def _badge_html(title: str, address: str) -> str:
    """Return what a person puts into a page of theirs, as text."""
    image = f'<img src="{address}/status/badge.svg" alt="{escape(title)}" height="24">'
    return f'<a href="{address}/status">{image}</a>'


def _badge_markdown(title: str, address: str) -> str:
    """Return what a person puts into a README. A bracket in the title does not end its text."""
    text = re.sub(r"([\\`*_\[\]<>])", r"\\\1", title)
    return f"[![{text}]({address}/status/badge.svg)]({address}/status)"


def _maintenance_form(
    found: Maintenance | None, values: Typed, error: IncidentError | None = None
) -> Page:
    session = db.session()
    settings = core.get_page_settings(session)
    return form_page(
        "settings/status_page_maintenance.html",
        values,
        error,
        maintenance=found,
        has_begun=found is not None and found.status is MaintenanceStatus.IN_PROGRESS,
        is_over=found is not None and found.status is MaintenanceStatus.COMPLETED,
        is_stale=isinstance(error, Conflict),
        saved_start=_local(found.starts_at, ZoneInfo(settings.time_zone)) if found else "",
        saved_end=_local(found.ends_at, ZoneInfo(settings.time_zone)) if found else "",
        seen=seen_in(values, works.state_of_maintenance(found), error) if found else "",
        chosen=set(values.getlist("services")),
        services=core.list_shown(session),
        zone=settings.time_zone,
    )


def _maintenance_fields(values: Typed) -> MaintenanceFields:
    zone = _zone()
    return MaintenanceFields(
        title=values.get("title", ""),
        body=values.get("body", ""),
        starts_at=_moment(values.get("starts_at", ""), zone),
        ends_at=_moment(values.get("ends_at", ""), zone),
        service_ids=frozenset(numbers(values.getlist("services"))),
    )


def _moment(typed: str, zone: ZoneInfo) -> datetime | None:
    """Return the time that was typed, by the page's clock; None when it is none."""
    try:
        return datetime.fromisoformat(typed.strip()).replace(tzinfo=zone)
    except ValueError:
        return None


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def _zone() -> ZoneInfo:
    return ZoneInfo(core.get_page_settings(db.session()).time_zone)


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found
