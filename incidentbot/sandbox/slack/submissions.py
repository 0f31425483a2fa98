"""A person submits a modal or closes it."""

from __future__ import annotations

import json
from typing import Any

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.errors import SlackError
from incidentbot.sandbox.slack.inputs import chosen, problems, stateful
from incidentbot.sandbox.slack.interactions import base_payload
from incidentbot.sandbox.slack.modals import (
    check_view,
    close_all,
    close_view,
    push_view,
    replace_view,
)
from incidentbot.sandbox.slack.model import Json, User, View, Workspace
from incidentbot.sandbox.slack.outcome import Outcome, outcome_of
from incidentbot.sandbox.slack.present import view_json
from incidentbot.sandbox.slack.sender import Reply, send_payload


def type_values(view: View, values: Json) -> None:
    """Put values into a view: `{block: {action: value}}` or flat `{action: value}`.

    Raises LookupError for an element that is not there, NoSuchChoice for a value not offered.
    """
    known = list(stateful(view.blocks))
    actions = {element["action_id"] for _, element in known}
    blocks = {block["block_id"] for block, _ in known}
    for name, value in values.items():
        if name in blocks and isinstance(value, dict):
            for action, inner in value.items():
                _type(view, known, action, inner, name)
        elif name in actions:
            _type(view, known, name, value)
        else:
            raise LookupError(f"no element {name!r} in this view")


def _type(
    view: View, known: list[tuple[Json, Json]], action: str, value: Any, block_id: str = ""
) -> None:
    for block, element in known:
        if element["action_id"] == action and block_id in ("", block["block_id"]):
            view.state.setdefault(block["block_id"], {})[action] = chosen(element, value)
            return
    raise LookupError(f"no element {action!r} in {block_id!r}")


def submit(box: Sandbox, user: User, view: View, *, force: bool = False) -> Outcome:
    """Send the form as it is typed, and do with the view what the app answers.

    Missing and too long values are refused here, as the client does, unless `force`.
    """
    with box.store.change() as ws:
        found = {} if force else problems(view.blocks, view.state)
        payload = base_payload(box, ws, "view_submission", user)
        payload |= {"view": view_json(ws, view), "response_urls": []}
        payload = json.loads(json.dumps(payload))
    if found:
        outcome = outcome_of(box, user.id, Reply(None, "", 0), "")
        outcome.errors = found
        return outcome
    reply = send_payload(box, payload)
    errors: dict[str, str] = {}
    if reply.ok:
        try:
            with box.store.change() as ws:
                errors = _obey(ws, view, reply.body)
        except SlackError as problem:
            details = problem.extra.get("response_metadata", {}).get("messages", "")
            reply.error = f"{problem.code} {details}".strip()
    elif not reply.error:
        reply.error = "dispatch_failed"
    outcome = outcome_of(box, user.id, reply, payload["trigger_id"])
    outcome.errors = errors
    return outcome


def _obey(ws: Workspace, view: View, body: Any) -> dict[str, str]:
    """Do what the answer to a submission says; returns the field errors it names."""
    answer = body if isinstance(body, dict) else {}
    action = answer.get("response_action")
    gone = view.id not in ws.views  # a second click: the first one has closed it already
    if action == "errors":
        errors = answer.get("errors")
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or set(errors) - inputs:
            raise SlackError("invalid_errors: each must name an input block")
        return {block: str(text) for block, text in errors.items()}
    if action == "clear":
        close_all(ws, view.user)
    elif action == "update" and not gone:
        replace_view(ws, view, check_view(answer.get("view"), "modal"))
    elif action == "push" and not gone:
        push_view(ws, view.user, check_view(answer.get("view"), "modal"))
    elif action is None and not gone:
        close_view(ws, view)
    elif action not in (None, "update", "push"):
        raise SlackError(f"invalid_response_action: {action}")
    return {}


def dismiss(box: Sandbox, user: User, view: View, *, everything: bool = False) -> Outcome:
    """Close a modal (or the whole stack); the app hears of it if it wants to."""
    with box.store.change() as ws:
        if everything or view.clear_on_close:
            closed = close_all(ws, user.id)
        else:
            close_view(ws, view)
            closed = [view]
        payloads = [
            {**base_payload(box, ws, "view_closed", user), "view": view_json(ws, one)}
            | {"is_cleared": everything or view.clear_on_close}
            for one in closed
            if one.notify_on_close
        ]
        payloads = json.loads(json.dumps(payloads))
    reply = Reply(None, "", 0)
    for payload in payloads:
        payload.pop("trigger_id")
        reply = send_payload(box, payload)
    return outcome_of(box, user.id, reply, "")
