"""Who may open what: one row for every route there is. A route without a row opens for nobody.

What a person may do to an incident is not decided here but in `incidents/permissions.py`, and which
incidents they may know of in `incidents/visibility.py`.
"""

from enum import IntEnum

from flask import Flask, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from incidentbot.extensions import db, login
from incidentbot.incidents.errors import NotAllowed
from incidentbot.ops import context
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.models import Role, User
from incidentbot.users.people import get_user, list_admins
from incidentbot.web.errors import Page, error_page, has_written, signed_out
from incidentbot.web.requests import number


class Closed(NotAllowed):
    """The person's role does not open this door."""


class Access(IntEnum):
    """How far the door stands open, from anyone to admins."""

    PUBLIC = 0
    SIGNED_IN = 1
    RESPONDER = 2
    ADMIN = 3


# What is open to anyone proves by itself who asks, where that matters: Slack's requests by their
# signature, the metrics by their token, a one-time link by its secret.
PERMISSIONS = {
    "static": Access.PUBLIC,
    "health.health": Access.PUBLIC,
    "health.ready": Access.PUBLIC,
    "metrics.metrics": Access.PUBLIC,
    "slack.events": Access.PUBLIC,
    "slack.commands": Access.PUBLIC,
    "slack.interactions": Access.PUBLIC,
    "auth.welcome": Access.PUBLIC,
    "auth.by_password": Access.PUBLIC,
    "auth.forgot": Access.PUBLIC,
    "auth.send_reset": Access.PUBLIC,
    "auth.begin": Access.PUBLIC,
    "auth.callback": Access.PUBLIC,
    "auth.sign_in": Access.PUBLIC,
    "auth.redeem": Access.PUBLIC,
    "auth.choose": Access.SIGNED_IN,
    "auth.set_new": Access.SIGNED_IN,
    "auth.sign_out": Access.SIGNED_IN,
    "me.index": Access.SIGNED_IN,
    "me.save": Access.SIGNED_IN,
    "me.change_password": Access.SIGNED_IN,
    "me.finish": Access.SIGNED_IN,  # the core decides for each incident
    "me.unlink": Access.SIGNED_IN,
    "me.unlink_from_slack": Access.SIGNED_IN,
    "me.end_sessions": Access.SIGNED_IN,
    "members.index": Access.ADMIN,
    "members.new": Access.ADMIN,
    "members.invite": Access.ADMIN,
    "members.show": Access.ADMIN,
    "members.rename": Access.ADMIN,
    "members.change_role": Access.ADMIN,
    "members.deactivate": Access.ADMIN,
    "members.reactivate": Access.ADMIN,
    "members.send_link": Access.ADMIN,
    "members.show_link": Access.ADMIN,
    "incidents.index": Access.SIGNED_IN,
    "incidents.cards": Access.SIGNED_IN,
    "incidents.export": Access.SIGNED_IN,
    "incidents.show": Access.SIGNED_IN,
    "incidents.live": Access.SIGNED_IN,
    "incidents.actions": Access.SIGNED_IN,
    "incidents.find_form": Access.SIGNED_IN,
    "incidents.act": Access.SIGNED_IN,  # the core decides for each incident
    "incidents.timeline": Access.SIGNED_IN,
    "incident_tabs.deliveries": Access.SIGNED_IN,
    "incident_tabs.audit": Access.ADMIN,  # it holds people's addresses
    "incidents.new": Access.SIGNED_IN,  # a viewer reads there who may
    "incidents.preview": Access.RESPONDER,
    "incidents.declare": Access.SIGNED_IN,
    "postmortems.show": Access.SIGNED_IN,
    "postmortems.download": Access.SIGNED_IN,
    "postmortems.edit": Access.SIGNED_IN,
    "postmortems.save": Access.SIGNED_IN,
    "people.suggestions": Access.SIGNED_IN,
    "insights.index": Access.SIGNED_IN,
    "insights.download": Access.SIGNED_IN,
    "settings.index": Access.ADMIN,
    "services.index": Access.ADMIN,
    "services.new": Access.ADMIN,
    "services.add": Access.ADMIN,
    "services.edit": Access.ADMIN,
    "services.save": Access.ADMIN,
    "services.archive": Access.ADMIN,
    "services.unarchive": Access.ADMIN,
    "severities.index": Access.ADMIN,
    "severities.save": Access.ADMIN,
    "severities.reset": Access.ADMIN,
    "routing.index": Access.ADMIN,
    "routing.preview": Access.ADMIN,
    "routing.new": Access.ADMIN,
    "routing.add": Access.ADMIN,
    "routing.edit": Access.ADMIN,
    "routing.save": Access.ADMIN,
    "routing.delete": Access.ADMIN,
    "templates.index": Access.ADMIN,
    "templates.new": Access.ADMIN,
    "templates.add": Access.ADMIN,
    "templates.edit": Access.ADMIN,
    "templates.save": Access.ADMIN,
    "templates.delete": Access.ADMIN,
    "slack_check.index": Access.ADMIN,
    "slack_check.run": Access.ADMIN,
    "audit.index": Access.ADMIN,
    "audit.verify": Access.ADMIN,
    "audit.verification": Access.ADMIN,
    "audit.export_csv": Access.ADMIN,
    "audit.export_json": Access.ADMIN,
    "deliveries.index": Access.ADMIN,
    "deliveries.retry": Access.ADMIN,
    "deliveries.retry_everything": Access.ADMIN,
    "deliveries.skip": Access.ADMIN,
    "customers.show": Access.SIGNED_IN,
    "customers.publish": Access.SIGNED_IN,  # the core decides for each incident
    "statuspage_settings.index": Access.ADMIN,
    "statuspage_settings.connect_page": Access.ADMIN,
    "statuspage_settings.disconnect": Access.ADMIN,
    "statuspage_settings.look": Access.ADMIN,
    "statuspage_settings.components": Access.ADMIN,
    "statuspage_settings.map_components": Access.ADMIN,
    "statuspage_settings.settle": Access.ADMIN,
    "statuspage_settings.take_over_incident": Access.ADMIN,
    "statuspage_settings.publication": Access.ADMIN,
    "statuspage_settings.save_rule": Access.ADMIN,
    "statuspage_settings.reset": Access.ADMIN,
    "status_page.index": Access.PUBLIC,
    "status_page.incident": Access.PUBLIC,
    "status_page.history": Access.PUBLIC,
    "status_page.feed": Access.PUBLIC,
    "status_page.api": Access.PUBLIC,
    "status_page.badge": Access.PUBLIC,
    "status_page.service_badge": Access.PUBLIC,
    "status_page.subscribe_form": Access.PUBLIC,
    "status_page.subscribe": Access.PUBLIC,
    "status_page.confirm_form": Access.PUBLIC,
    "status_page.confirm": Access.PUBLIC,
    "status_page.unsubscribe_form": Access.PUBLIC,
    "status_page.unsubscribe": Access.PUBLIC,
    "status_page_settings.index": Access.ADMIN,
    "status_page_settings.save_page": Access.ADMIN,
    "status_page_settings.save_services": Access.ADMIN,
    "status_page_settings.remove_subscriber": Access.ADMIN,
    "status_page_settings.new_maintenance": Access.ADMIN,
    "status_page_settings.schedule": Access.ADMIN,
    "status_page_settings.edit_maintenance": Access.ADMIN,
    "status_page_settings.save_maintenance": Access.ADMIN,
    "status_page_settings.end_maintenance": Access.ADMIN,
}

_GIVEN = {
    Role.VIEWER: Access.SIGNED_IN,
    Role.RESPONDER: Access.RESPONDER,
    Role.ADMIN: Access.ADMIN,
}
_REFUSALS = {
    Access.RESPONDER: "Viewers cannot do that.",
    Access.ADMIN: "Only an admin can do that.",
}


def install(app: Flask) -> None:
    """Open each route to those whom its row names."""
    app.before_request(_check)
    app.register_error_handler(Closed, _closed)
    login.user_loader(_load_user)


def actor(request_key: str | None = None) -> Actor:
    """Return the signed-in person as the actor of this request."""
    user: User = current_user._get_current_object()
    request_id = f"form/{user.id}/{request_key[:64]}" if request_key else None
    return actor_for(user, Door.WEB, request.remote_addr or "", request_id)


def _closed(refusal: Closed) -> Page:
    """Say who can open the door: its admins."""
    return error_page(403, str(refusal), "Ask an admin.", admins=list_admins(db.session()))


def _check() -> Response | Page | None:
    # A path that does not exist is not closed but unknown: it gets its 404.
    if request.endpoint is None:
        return None
    needed = PERMISSIONS.get(request.endpoint)
    if needed is Access.PUBLIC:
        return None
    if not current_user.is_authenticated:
        if "HX-Request" in request.headers:
            # A part of a page that is open already: its script says so, and nothing is swapped in.
            return Response(status=401)
        if request.method == "POST" and has_written():
            return signed_out()
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("auth.welcome", next=wanted))
    context.note(actor=current_user.id, door=Door.WEB.value)
    if needed is None or _GIVEN[current_user.role] < needed:
        raise Closed(_REFUSALS.get(needed or Access.ADMIN, "This is open to nobody."))
    return None


def _load_user(user_id: str) -> User | None:
    key = number(user_id.partition(".")[0])
    user = get_user(db.session(), key) if key is not None else None
    return user if user is not None and user.is_active and user.get_id() == user_id else None
