"""The menu beside every page of the settings, and where the settings begin."""

from flask import Blueprint, Flask, current_app, redirect, url_for
from werkzeug.wrappers import Response

from incidentbot.web.settings import (
    audit,
    routing,
    services,
    severities,
    slack_check,
    status_page,
    statuspage,
    templates,
)

blueprint = Blueprint("settings", __name__, url_prefix="/settings")

# title, endpoint; the endpoint's blueprint is the area
MENU = (
    ("Services", "services.index"),
    ("Severities", "severities.index"),
    ("Routing", "routing.index"),
    ("Templates", "templates.index"),
    ("Members", "members.index"),
    ("Slack", "slack_check.index"),
    ("Status page", "status_page_settings.index"),
    ("Statuspage.io", "statuspage_settings.index"),
    ("Deliveries", "deliveries.index"),
    ("Audit log", "audit.index"),
)
_PAGES = (services, severities, routing, templates, slack_check, status_page, statuspage, audit)
# The blueprints that the main navigation shows as settings.
AREAS = ("settings", *(endpoint.split(".")[0] for _title, endpoint in MENU))


def install(app: Flask) -> None:
    """Give the templates the menu."""
    app.jinja_env.globals.update(settings_menu=_menu)
    for part in (blueprint, *(page.blueprint for page in _PAGES)):
        app.register_blueprint(part)


@blueprint.get("")
def index() -> Response:
    """Go to the first page of the settings. For admins."""
    return redirect(url_for(MENU[0][1]))


def _menu() -> list[tuple[str, str]]:
    """Return title and endpoint of the pages that there are."""
    return [(title, endpoint) for title, endpoint in MENU if endpoint in current_app.view_functions]
