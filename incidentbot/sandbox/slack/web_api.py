"""The Web API's door: `/api/{method}`. Token, faults, scopes, the call, the log."""

from __future__ import annotations

import json
import time
from typing import Any

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.calllog import CallEntry, shortened
from incidentbot.sandbox.faults import Fault
from incidentbot.sandbox.hits import Dropped, answer_nobody, with_faults
from incidentbot.sandbox.runtime import Sandbox, the_sandbox
from incidentbot.sandbox.slack import events
from incidentbot.sandbox.slack.arguments import Arguments
from incidentbot.sandbox.slack.calls import Call, Method
from incidentbot.sandbox.slack.errors import SlackError
from incidentbot.sandbox.slack.methods import (
    chat,
    conversations,
    files,
    marks,
    membership,
    people,
    views,
)
from incidentbot.sandbox.slack.model import Json

blueprint = Blueprint("web_api", __name__)

METHODS: dict[str, Method] = {
    **people.METHODS,
    **conversations.METHODS,
    **membership.METHODS,
    **chat.METHODS,
    **marks.METHODS,
    **views.METHODS,
    **files.METHODS,
}
_POST_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
)
_TOKEN_STATES = {"revoked": "token_revoked", "inactive": "account_inactive"}


blueprint.register_error_handler(Dropped, answer_nobody)


@blueprint.route("/api/<method>", methods=["GET", "POST"])
def call_method(method: str) -> Response:
    """Answer one Web API call, with the faults that are in force for it."""
    box = the_sandbox()
    values, token = _arguments(method)
    entry = CallEntry(method, shortened(values), token[:12], time.time())
    box.calls.add(entry)
    faults = box.faults.pick(method)
    entry.fault = ", ".join(fault.kind for fault in faults)
    try:
        response = with_faults(
            box.faults, faults, _spoilt, lambda: answer(box, method, values, token)
        )
        entry.status = response.status_code
        body = response.get_json(silent=True)
        entry.error = body.get("error") if isinstance(body, dict) else None
        return response
    except Dropped:
        entry.error = "dropped"
        raise
    finally:
        entry.ended = time.time()
        box.store.touch()


@blueprint.post("/upload/<file_id>")
def upload(file_id: str) -> tuple[str, int]:
    """The URL that files.getUploadURLExternal gave out."""
    box = the_sandbox()
    content = request.get_data()  # before `files`, which would take raw bytes for a form
    sent = next(iter(request.files.values()), None)
    content = sent.read() if sent else content
    if len(content) > files.MOST_BYTES:
        return "too large", 413
    with box.store.change() as ws:
        known = files.receive(ws, file_id, content)
    return (f"OK - {len(content)}", 200) if known else ("no such upload", 404)


def _arguments(method: str) -> tuple[Json, str]:
    """The call's arguments and its token. A JSON body counts only where Slack reads one."""
    values: dict[str, Any] = {**request.args.to_dict(), **request.form.to_dict()}
    token = request.form.get("token", "")  # Slack takes none from an address or a JSON body
    known = METHODS.get(method)
    if request.is_json and not (known and known.form_only):
        body = request.get_json(silent=True)
        values |= body if isinstance(body, dict) else {}
    header = request.headers.get("Authorization", "")
    bearer = header.split(None, 1)[1].strip() if header.lower().startswith("bearer ") else ""
    return values, bearer or token


def _spoilt(fault: Fault) -> Response | None:
    """What Slack says when a fault spoils the call before it has any effect."""
    if fault.kind == "rate_limited":
        response = jsonify(ok=False, error="ratelimited")
        response.status_code = 429
        response.headers["Retry-After"] = str(fault.retry_after)
        return response
    if fault.kind in ("token_revoked", "error"):
        code = "token_revoked" if fault.kind == "token_revoked" else fault.error
        return jsonify(ok=False, error=code)
    return None


def answer(box: Sandbox, method: str, values: Json, token: str) -> Response:
    """The call itself: what Slack would answer if nothing went wrong on the way."""
    try:
        with box.store.change() as ws:
            call = Call(
                ws=ws,
                args=Arguments(values),
                scopes=frozenset(box.knobs.scopes),
                now=time.time(),
                tickets=box.tickets,
                base_url=box.base_url,
                trigger_seconds=box.knobs.trigger_seconds,
            )
            _check_token(box, token)
            body = {"ok": True, **_run(call, method)}
            # Made into text here, because the workspace may change once the lock is released.
            text = json.dumps(body)
        events.send_all(box, call.events)
        return _json(text, box)
    except SlackError as error:
        return _json(json.dumps({"ok": False, "error": error.code, **error.extra}), box)


def _run(call: Call, method: str) -> Json:
    known = METHODS.get(method)
    if known is None:
        raise SlackError("unknown_method", req_method=method)
    if request.method == "POST" and request.content_length and request.mimetype not in _POST_TYPES:
        raise SlackError("invalid_post_type" if request.mimetype else "missing_post_type")
    if request.is_json and request.content_length and not known.form_only:
        body = request.get_json(silent=True)
        if body is None:
            raise SlackError("invalid_json")
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
    if known.scopes:
        call.need(*known.scopes)
    return known.call(call)


def _check_token(box: Sandbox, token: str) -> None:
    if not token:
        raise SlackError("not_authed")
    if token != box.settings.bot_token:
        raise SlackError("invalid_auth")
    if box.knobs.token_state in _TOKEN_STATES:
        raise SlackError(_TOKEN_STATES[box.knobs.token_state])


def _json(text: str, box: Sandbox) -> Response:
    response = Response(text, mimetype="application/json")
    response.headers["X-OAuth-Scopes"] = ",".join(box.knobs.scopes)
    return response
