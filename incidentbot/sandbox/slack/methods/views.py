"""views.*: opening, changing, stacking and publishing views."""

from __future__ import annotations

from incidentbot.sandbox.slack.calls import Call, Method
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.modals import (
    check_view,
    open_view,
    publish_home,
    push_view,
    replace_view,
)
from incidentbot.sandbox.slack.model import Json, View
from incidentbot.sandbox.slack.present import view_json


def _payload(call: Call, kind: str) -> Json:
    payload = call.args.json("view")
    if payload is None:
        raise bad_arguments("missing required field: view")
    return check_view(payload, kind)


def _triggered(call: Call) -> str:
    """The person behind the trigger. The view is checked first, so a bad one costs none."""
    trigger_id = call.args.needed("trigger_id")
    return call.tickets.take_trigger(trigger_id, call.now, call.trigger_seconds).user


def open_modal(call: Call) -> Json:
    """views.open."""
    payload = _payload(call, "modal")
    return {"view": view_json(call.ws, open_view(call.ws, _triggered(call), payload))}


def push(call: Call) -> Json:
    """views.push."""
    payload = _payload(call, "modal")
    return {"view": view_json(call.ws, push_view(call.ws, _triggered(call), payload))}


def _wanted(call: Call) -> View:
    view_id, external = call.args.text("view_id"), call.args.text("external_id")
    if bool(view_id) == bool(external):
        both = "Cannot provide both" if view_id else "Must provide either"
        raise bad_arguments(f"{both} `view_id` {'and' if view_id else 'or'} `external_id`")
    for view in call.ws.views.values():
        if view.id == view_id or (external and view.external_id == external):
            return view
    raise SlackError("not_found")


def _same_hash(call: Call, view: View | None) -> None:
    sent = call.args.text("hash")
    if sent and view is not None and sent != view.hash:
        raise SlackError("hash_conflict")


def update(call: Call) -> Json:
    """views.update, by id or external id; with a `hash`, only the version it names."""
    view = _wanted(call)
    payload = _payload(call, view.type)
    _same_hash(call, view)
    return {"view": view_json(call.ws, replace_view(call.ws, view, payload))}


def publish(call: Call) -> Json:
    """views.publish."""
    user = call.ws.users.get(call.args.needed("user_id"))
    if user is None or user.is_bot:
        raise bad_arguments("user_id is not a known person [json-pointer:/user_id]")
    payload = _payload(call, "home")
    _same_hash(call, call.ws.views.get(call.ws.homes.get(user.id, "")))
    return {"view": view_json(call.ws, publish_home(call.ws, user.id, payload))}


METHODS = {
    "views.open": Method(open_modal),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
