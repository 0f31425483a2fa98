"""The manage API's door: `/statuspage/v1/…`. Faults, key, rate limit, the call, the log."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.calllog import StatuspageCall
from incidentbot.sandbox.faults import Fault
from incidentbot.sandbox.hits import Dropped, answer_nobody, with_faults
from incidentbot.sandbox.runtime import Sandbox, the_sandbox
from incidentbot.sandbox.statuspage.arguments import from_form
from incidentbot.sandbox.statuspage.errors import (
    ApiError,
    bad_request,
    not_authenticated,
    not_authorized,
    not_found,
)
from incidentbot.sandbox.statuspage.manage import Call, match, run

blueprint = Blueprint("statuspage_api", __name__, url_prefix="/statuspage/v1")
blueprint.register_error_handler(Dropped, answer_nobody)

_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_TOO_MANY = "Too many requests. Please slow down."
_SHOWN_OF_KEY = 6


@blueprint.route("/<path:path>", methods=_VERBS)
def call(path: str) -> Response:
    """Answer one call, with the faults that are in force for it."""
    box = the_sandbox()
    method = f"{request.method} /{path.removesuffix('.json')}"
    key, query = _key(), request.query_string.decode(errors="replace")
    entry = StatuspageCall(
        method=method,
        query="&".join(part for part in query.split("&") if not part.startswith("api_key=")),
        body=request.get_data(as_text=True),
        caller=key[:_SHOWN_OF_KEY],
        started=time.time(),
    )
    box.statuspage_calls.add(entry)
    hits = box.faults.pick(method, "statuspage")
    entry.fault = ", ".join(fault.kind for fault in hits)
    try:
        response = with_faults(box.faults, hits, _spoilt, lambda: _answer(box, path, key))
        entry.status, entry.answer = response.status_code, response.get_data(as_text=True)
        return response
    except Dropped:
        entry.error = "dropped"
        raise
    finally:
        entry.ended = time.time()
        box.store.touch()


def _key() -> str:
    """The key that came with the request: in the header, or as the real API also takes it."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if kind.lower() == "oauth" else request.args.get("api_key", "")


def _spoilt(fault: Fault) -> Response | None:
    """What Statuspage says when a fault spoils the call before it has any effect."""
    if fault.kind == "rate_limited":
        return _too_many(fault.status or 429, fault.retry_after)
    if fault.kind == "token_revoked":
        return _refusal(not_authenticated())
    if fault.kind == "error":
        status = fault.status or 422
        return _refusal(ApiError(status, [fault.error] if status == 422 else fault.error))
    return None


def _answer(box: Sandbox, path: str, key: str) -> Response:
    """What Statuspage would answer if nothing went wrong on the way."""
    try:
        _check_key(box, key)
        limited = _limited(box, path, key)
        if limited is not None:
            return limited
        found = match(request.method, path)
        if found is None:
            raise not_found()
        endpoint, ids = found
        body = _body()
        with box.store.change():
            given = Call(
                account=box.store.statuspage,
                ids=ids,
                query=request.args.to_dict(),
                body=body,
                now=time.time(),
                base_url=box.base_url,
            )
            status, answer = run(endpoint, given)
            # Made into text here, because the page may change once the lock is released.
            text = "" if answer is None else json.dumps(answer)
        return Response(text, status=status, mimetype="application/json")
    except ApiError as refused:
        return _refusal(refused)


def _check_key(box: Sandbox, key: str) -> None:
    if not key or not hmac.compare_digest(key.encode(), box.statuspage_key.encode()):
        raise not_authenticated()
    rights = box.knobs.statuspage_rights
    if rights == "none" or (rights == "read" and request.method != "GET"):
        raise not_authorized()


def _limited(box: Sandbox, path: str, key: str) -> Response | None:
    """The refusal of a key that has asked too often, once the limits are switched on."""
    knobs, now = box.knobs, time.time()
    if not knobs.statuspage_limited:
        return None
    whole = request.method == "GET" and path.removesuffix(".json").endswith("/components")
    wait = 0
    if whole and not ("page" in request.args or "per_page" in request.args):
        wait = box.statuspage_limits.wait(f"{key} unpaged", now, 1, knobs.statuspage_window)
    wait = wait or box.statuspage_limits.wait(
        key, now, knobs.statuspage_requests, knobs.statuspage_window
    )
    return _too_many(knobs.statuspage_limit_status, wait) if wait else None


def _body() -> Mapping[str, Any]:
    """The body's object: JSON or a form, as its Content-Type says. Raises ApiError 400."""
    if request.method in ("GET", "DELETE") or not request.content_length:
        return {}
    if request.is_json:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise bad_request("The request body is not a JSON object")
        return body
    return from_form(list(request.form.items(multi=True)))


def _too_many(status: int, seconds: int) -> Response:
    response = _refusal(ApiError(status, _TOO_MANY))
    response.headers["Retry-After"] = str(seconds)
    return response


def _refusal(refused: ApiError) -> Response:
    response = jsonify(error=refused.error)
    response.status_code = refused.status
    return response
