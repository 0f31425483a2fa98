"""`/sandbox/statuspage/…`: what a person does on Statuspage itself, and all there is to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.control.guard import only_from_here, refuse
from incidentbot.sandbox.runtime import the_sandbox
from incidentbot.sandbox.statuspage import components, incidents
from incidentbot.sandbox.statuspage.errors import ApiError
from incidentbot.sandbox.statuspage.manage import page_at
from incidentbot.sandbox.statuspage.model import Json, Page
from incidentbot.sandbox.statuspage.present import (
    component_json,
    group_json,
    incident_json,
    page_json,
)

blueprint = Blueprint("statuspage_control", __name__, url_prefix="/sandbox/statuspage")
blueprint.before_request(only_from_here)


@blueprint.get("")
def state() -> Response:
    """The key, and every page with all that is on it, the deleted ones too."""
    box = the_sandbox()
    with box.store.read():
        pages = list(box.store.statuspage.pages.values())
        for page in pages:
            if incidents.advance(page, time.time()):
                box.store.touch()
        return jsonify(
            key=box.statuspage_key,
            api_url=f"{box.base_url}/statuspage/v1",
            pages=[_whole(page, box.base_url) for page in pages],
        )


def _whole(page: Page, base_url: str) -> Json:
    shown = page_json(page) | {"deleted": page.deleted}
    shown["components"] = [component_json(page, c) for c in components.listed(page)]
    shown["groups"] = [group_json(page, c) for c in page.in_order() if c.group]
    shown["incidents"] = []
    for incident in page.newest_first():
        found = incident_json(page, incident, base_url)
        by_hand = [update.by_hand for update in reversed(incident.updates)]
        for update, mark in zip(found["incident_updates"], by_hand, strict=True):
            update["by_hand"] = mark
        shown["incidents"].append(found)
    return shown


@blueprint.get("/calls")
def calls() -> Response:
    """The manage API's calls, whole, oldest first; `after` an id, `last` so many."""
    after, last = request.args.get("after", 0, int), request.args.get("last", 0, int)
    return jsonify(calls=the_sandbox().statuspage_calls.listed(after, last))


@blueprint.delete("/calls")
def clear_calls() -> Response:
    """Empty the log of those calls."""
    the_sandbox().statuspage_calls.clear()
    return jsonify(ok=True)


@blueprint.post("/reset")
def reset() -> Response:
    """The page, its key and the log of calls as in the beginning; Slack stays as it is."""
    box = the_sandbox()
    box.statuspage_calls.clear()
    box.statuspage_limits.clear()
    box.store.reset_statuspage()
    return jsonify(ok=True)


@blueprint.post("/key")
def new_key() -> Response:
    """Make a new key, or take the one in `key`; the old one is refused from now on."""
    wished = _body().get("key")
    if wished is not None and (not isinstance(wished, str) or not wished.isascii() or not wished):
        refuse(422, "key must be a text of plain letters")
    return jsonify(key=the_sandbox().new_statuspage_key(wished or ""))


@blueprint.delete("/pages/<page_id>")
def delete_page(page_id: str) -> Response:
    """Delete a page: to the API it is not there any more."""
    _set_deleted(page_id, deleted=True)
    return jsonify(ok=True)


@blueprint.post("/pages/<page_id>/restore")
def restore_page(page_id: str) -> Response:
    """Bring a deleted page back with all that was on it."""
    _set_deleted(page_id, deleted=False)
    return jsonify(ok=True)


@blueprint.patch("/pages/<page_id>/components/<component_id>")
def change_component(page_id: str, component_id: str) -> Response:
    """Change a component by hand; the body is that of the API."""

    def change(page: Page, now: float) -> Json:
        found = components.find(page, component_id)
        return component_json(page, components.change(page, found, _body(), now))

    return _by_hand(page_id, change)


@blueprint.delete("/pages/<page_id>/components/<component_id>")
def delete_component(page_id: str, component_id: str) -> Response:
    """Take a component away by hand."""

    def remove(page: Page, now: float) -> Json:
        components.remove(page, components.find(page, component_id), now)
        return {"ok": True}

    return _by_hand(page_id, remove)


@blueprint.post("/pages/<page_id>/incidents")
def open_incident(page_id: str) -> Response:
    """Open an incident or plan a maintenance by hand; the body is that of the API."""
    base = the_sandbox().base_url
    return _by_hand(
        page_id,
        lambda page, now: incident_json(
            page, incidents.create(page, _body(), now, by_hand=True), base
        ),
    )


@blueprint.patch("/pages/<page_id>/incidents/<incident_id>")
def change_incident(page_id: str, incident_id: str) -> Response:
    """Post an update by hand, or change the incident; the body is that of the API."""
    base = the_sandbox().base_url

    def change(page: Page, now: float) -> Json:
        found = incidents.find(page, incident_id)
        return incident_json(page, incidents.change(page, found, _body(), now, by_hand=True), base)

    return _by_hand(page_id, change)


@blueprint.delete("/pages/<page_id>/incidents/<incident_id>")
def delete_incident(page_id: str, incident_id: str) -> Response:
    """Take an incident away by hand."""
    base = the_sandbox().base_url
    return _by_hand(
        page_id,
        lambda page, now: incident_json(page, incidents.remove(page, incident_id, now), base),
    )


def _set_deleted(page_id: str, *, deleted: bool) -> None:
    box = the_sandbox()
    with box.store.change():
        page = box.store.statuspage.pages.get(page_id)
        if page is not None:
            page.deleted = deleted
    if page is None:
        refuse(404, f"no such page: {page_id!r}")


def _by_hand(page_id: str, do: Callable[[Page, float], Json]) -> Response:
    """Do something on a page that is there; what the API would refuse is refused here too."""
    box = the_sandbox()
    try:
        with box.store.change():
            return jsonify(do(page_at(box.store.statuspage, page_id), time.time()))
    except ApiError as refused:
        refuse(refused.status, refused.words)


def _body() -> Mapping[str, Any]:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}
