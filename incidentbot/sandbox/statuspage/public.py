"""The public API of a page, v2: `/statuspage/pages/{page}/api/v2/….json`, without a key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from flask import Blueprint, Response

from incidentbot.sandbox.control.guard import only_from_here
from incidentbot.sandbox.runtime import the_sandbox
from incidentbot.sandbox.statuspage.components import listed
from incidentbot.sandbox.statuspage.errors import ApiError, not_found
from incidentbot.sandbox.statuspage.incidents import advance
from incidentbot.sandbox.statuspage.manage import page_at
from incidentbot.sandbox.statuspage.model import Component, Incident, Json, Page
from incidentbot.sandbox.statuspage.present import component_json, shortlink, stamp, update_json
from incidentbot.sandbox.statuspage.rules import SCHEDULED, maintenances, overall, unresolved

blueprint = Blueprint("statuspage_public", __name__, url_prefix="/statuspage/pages")
blueprint.before_request(only_from_here)

_NEWEST = 50
_UNDER_WAY = ("in_progress", "verifying")


@blueprint.get("/<page_id>/api/v2/<path:what>")
def answer(page_id: str, what: str) -> Response:
    """One document about the page; 404 when page or document is not there."""
    box = the_sandbox()
    try:
        document = _DOCUMENTS.get(what)
        with box.store.read():
            page = page_at(box.store.statuspage, page_id)
            if advance(page, time.time()):
                box.store.touch()
            if document is None:
                raise not_found()
            shown = {"page": _page(page, box.base_url), **document(page, box.base_url)}
            text = json.dumps(shown)
        response = Response(text, mimetype="application/json")
    except ApiError as refused:
        body = json.dumps({"error": refused.error})
        response = Response(body, status=refused.status, mimetype="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    return response


def _page(page: Page, base_url: str) -> Json:
    return {
        "id": page.id,
        "name": page.name,
        "url": f"{base_url}/statuspage/pages/{page.id}",
        "time_zone": "Etc/UTC" if page.time_zone == "UTC" else page.time_zone,
        "updated_at": stamp(page.updated_at),
    }


def _component(page: Page, component: Component) -> Json:
    shown = component_json(page, component)
    del shown["automation_email"]
    if component.group:
        shown["components"] = [child.id for child in page.in_order(component.id)]
    return shown


def _incident(page: Page, incident: Incident, base_url: str) -> Json:
    times = ("created_at", "updated_at", "monitoring_at", "resolved_at", "started_at")
    updates = [update_json(incident, u) for u in reversed(incident.updates)]
    for update in updates:
        del update["twitter_updated_at"], update["wants_twitter_update"]
    about = (page.components.get(key) for key in incident.component_ids)
    shown: Json = {
        "id": incident.id,
        "name": incident.name,
        "status": incident.status,
        **{name: stamp(getattr(incident, name)) for name in times},
        "impact": incident.impact,
        "shortlink": shortlink(page, incident, base_url),
        "page_id": page.id,
        "incident_updates": updates,
        "components": [_component(page, component) for component in about if component],
    }
    if incident.is_maintenance:
        shown["scheduled_for"] = stamp(incident.scheduled_for)
        shown["scheduled_until"] = stamp(incident.scheduled_until)
    return shown


def _status(page: Page, _base_url: str) -> Json:
    indicator, words = overall(page)
    return {"status": {"indicator": indicator, "description": words}}


def _components(page: Page, _base_url: str) -> Json:
    return {"components": [_component(page, component) for component in listed(page)]}


def _many(name: str, page: Page, found: Iterable[Incident], base_url: str) -> Json:
    return {name: [_incident(page, incident, base_url) for incident in found]}


def _incidents(page: Page, base_url: str) -> Json:
    found = [i for i in page.newest_first() if not i.is_maintenance]
    return _many("incidents", page, found[:_NEWEST], base_url)


def _unresolved(page: Page, base_url: str) -> Json:
    return _many("incidents", page, unresolved(page), base_url)


def _maintenances(*statuses: str) -> Callable[[Page, str], Json]:
    def documented(page: Page, base_url: str) -> Json:
        found = maintenances(page, *statuses)[:_NEWEST]
        return _many("scheduled_maintenances", page, found, base_url)

    return documented


def _summary(page: Page, base_url: str) -> Json:
    return {
        **_components(page, base_url),
        **_unresolved(page, base_url),
        **_maintenances("scheduled", *_UNDER_WAY)(page, base_url),
        **_status(page, base_url),
    }


_DOCUMENTS: dict[str, Callable[[Page, str], Json]] = {
    "summary.json": _summary,
    "status.json": _status,
    "components.json": _components,
    "incidents.json": _incidents,
    "incidents/unresolved.json": _unresolved,
    "scheduled-maintenances.json": _maintenances(*SCHEDULED),
    "scheduled-maintenances/upcoming.json": _maintenances("scheduled"),
    "scheduled-maintenances/active.json": _maintenances(*_UNDER_WAY),
}
