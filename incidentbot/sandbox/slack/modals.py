"""Views as they open, change and close, and what a person has typed in them."""

from __future__ import annotations

from typing import Any

from incidentbot.sandbox.slack.blocks import view_problems, view_too_large
from incidentbot.sandbox.slack.contents import with_ids
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.inputs import initial_state, kept_state
from incidentbot.sandbox.slack.lookup import new_hash, next_id
from incidentbot.sandbox.slack.model import Json, View, Workspace

_DEEPEST = 3
_FIELDS = (
    "title",
    "submit",
    "close",
    "callback_id",
    "external_id",
    "private_metadata",
    "clear_on_close",
    "notify_on_close",
    "submit_disabled",
)


def check_view(payload: Any, kind: str) -> Json:
    """The payload, if Slack would take it; else `invalid_arguments` or `view_too_large`."""
    problems = view_problems(payload, kind)
    if problems:
        raise bad_arguments(*problems)
    if view_too_large(payload):
        raise SlackError("view_too_large")
    found: Json = payload
    return found


def _fill(ws: Workspace, view: View, payload: Json) -> None:
    external = payload.get("external_id") or ""
    if external and any(v.external_id == external and v is not view for v in ws.views.values()):
        raise SlackError("duplicate_external_id")
    for name in _FIELDS:
        blank = View(id="", user="", type="", hash="", blocks=[])
        value = payload.get(name)
        setattr(view, name, getattr(blank, name) if value is None else value)
    view.blocks = with_ids(payload["blocks"])
    view.hash = new_hash()


def _new(ws: Workspace, user: str, payload: Json) -> View:
    view = View(id=next_id(ws, "V"), user=user, type=payload["type"], hash="", blocks=[])
    _fill(ws, view, payload)
    view.state = initial_state(view.blocks)
    ws.views[view.id] = view
    return view


def open_view(ws: Workspace, user: str, payload: Json) -> View:
    """A new modal in place of whatever that person had open."""
    old = ws.stacks.get(user, [])
    keep = {view_id: ws.views[view_id] for view_id in old if view_id in ws.views}
    close_all(ws, user)
    try:
        view = _new(ws, user, payload)
    except SlackError:
        ws.views.update(keep)
        ws.stacks[user] = old
        raise
    view.root_view_id = view.id
    ws.stacks[user] = [view.id]
    return view


def push_view(ws: Workspace, user: str, payload: Json) -> View:
    """A modal on top of the open ones, three at most."""
    stack = ws.stacks.get(user, [])
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= _DEEPEST:
        raise SlackError("push_limit_reached")
    view = _new(ws, user, payload)
    view.root_view_id, view.previous_view_id = stack[0], stack[-1]
    ws.stacks[user] = [*stack, view.id]
    return view


def replace_view(ws: Workspace, view: View, payload: Json) -> View:
    """Change an open view. What was typed stays where block and action id stay the same."""
    typed = view.state
    _fill(ws, view, payload)
    view.state = kept_state(view.blocks, typed)
    return view


def publish_home(ws: Workspace, user: str, payload: Json) -> View:
    """That person's app home, from now on."""
    view = ws.views.get(ws.homes.get(user, ""))
    if view is not None:
        return replace_view(ws, view, payload)
    view = _new(ws, user, payload)
    view.root_view_id = view.id
    ws.homes[user] = view.id
    return view


def close_view(ws: Workspace, view: View) -> None:
    """Close one modal; the one below it is on top again."""
    stack = ws.stacks.get(view.user, [])
    ws.stacks[view.user] = [view_id for view_id in stack if view_id != view.id]
    ws.views.pop(view.id, None)


def close_all(ws: Workspace, user: str) -> list[View]:
    """Close every modal that person has open; returns them, top one first."""
    return [ws.views.pop(v) for v in reversed(ws.stacks.pop(user, [])) if v in ws.views]
