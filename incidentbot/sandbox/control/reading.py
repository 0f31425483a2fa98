"""Reading the workspace and the logs as JSON."""

from __future__ import annotations

import json

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.control.guard import only_from_here, refuse
from incidentbot.sandbox.runtime import the_sandbox
from incidentbot.sandbox.slack.lookup import can_see, find_channel, find_user, top_view
from incidentbot.sandbox.slack.model import Channel, Json, Workspace
from incidentbot.sandbox.slack.present import (
    bookmark_json,
    channel_json,
    messages_json,
    user_json,
    view_json,
)

blueprint = Blueprint("reading", __name__, url_prefix="/sandbox")
blueprint.before_request(only_from_here)


@blueprint.get("/state")
def state() -> Response:
    """The workspace at a glance: people, and channels with what is stuck to them."""
    with the_sandbox().store.read() as ws:
        return jsonify(
            team=ws.team_name,
            users=[user_json(ws, user) for user in ws.users.values()],
            channels=[_at_a_glance(ws, channel) for channel in ws.channels.values()],
        )


def _at_a_glance(ws: Workspace, channel: Channel) -> Json:
    return channel_json(ws, channel) | {
        "name": channel.name,
        "members": list(channel.members),
        "topic": channel.topic.value,
        "purpose": channel.purpose.value,
        "pins": [pin.ts for pin in channel.pins],
        "bookmarks": [bookmark_json(channel, bookmark) for bookmark in channel.bookmarks],
    }


@blueprint.get("/channels/<ref>/messages")
def messages(ref: str) -> Response:
    """What the person `as` sees in a channel, oldest first; everything without `as`."""
    with the_sandbox().store.read() as ws:
        channel = find_channel(ws, ref)
        if channel is None:
            refuse(404, f"no such channel: {ref!r}")
        viewer = request.args.get("as", "")
        user = find_user(ws, viewer)
        if viewer and user is None:
            refuse(404, f"no such person: {viewer!r}")
        if user is not None and not can_see(channel, user.id):
            refuse(403, "not a member of that private channel")
        visible = [m for m in channel.messages if user is None or m.ephemeral_to in ("", user.id)]
        shown = messages_json(ws, channel, visible, with_metadata=True)
        for message, found in zip(visible, shown, strict=True):
            if message.ephemeral_to:
                found |= {"is_ephemeral": True, "ephemeral_to": message.ephemeral_to}
        body = json.dumps({"channel": channel.id, "name": channel.name, "messages": shown})
    return Response(body, mimetype="application/json")


@blueprint.get("/views")
def views() -> Response:
    """The modal open for `user` (null when none), those under it, and their app home."""
    with the_sandbox().store.read() as ws:
        user = find_user(ws, request.args.get("user", ""))
        if user is None:
            refuse(404, "no such person")
        top = top_view(ws, user.id)
        home = ws.views.get(ws.homes.get(user.id, ""))
        stack = [view_json(ws, ws.views[v]) for v in ws.stacks.get(user.id, [])]
        body = json.dumps(
            {
                "view": view_json(ws, top) if top else None,
                "stack": stack,
                "home": view_json(ws, home) if home else None,
            }
        )
    return Response(body, mimetype="application/json")


@blueprint.get("/calls")
def calls() -> Response:
    """The Web API calls, oldest first; `after` an id, `last` so many."""
    after, last = request.args.get("after", 0, int), request.args.get("last", 0, int)
    return jsonify(calls=the_sandbox().calls.listed(after, last))


@blueprint.delete("/calls")
def clear_calls() -> Response:
    """Empty the call log."""
    box = the_sandbox()
    box.calls.clear()
    box.store.touch()
    return jsonify(ok=True)


@blueprint.get("/requests")
def requests_sent() -> Response:
    """What was sent to the app, whole; `after` an id, `last` so many."""
    after, last = request.args.get("after", 0, int), request.args.get("last", 0, int)
    return jsonify(requests=the_sandbox().requests.listed(after, last))


@blueprint.delete("/requests")
def clear_requests() -> Response:
    """Empty the log of requests."""
    the_sandbox().requests.clear()
    return jsonify(ok=True)
