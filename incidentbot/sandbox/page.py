"""The page: a small Slack in the browser, told by a stream when to look again."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from incidentbot.sandbox.control.guard import only_from_here, refuse
from incidentbot.sandbox.runtime import Sandbox, the_sandbox
from incidentbot.sandbox.seen import seen_by

blueprint = Blueprint("page", __name__)
blueprint.before_request(only_from_here)

_SHOWN, _MOST_SHOWN = 150, 5_000
_LOOK_EVERY, _BEAT_EVERY, _PAUSE = 1.0, 10.0, 0.03

# Images in messages come from wherever the app says, over https; nothing else does.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@blueprint.after_request
def add_headers(response: Response) -> Response:
    """Send the headers that tell the browser what the page may do."""
    response.headers.update(_HEADERS)
    return response


@blueprint.get("/")
def page() -> str:
    """The page itself; what is on it is fetched by its scripts."""
    return render_template("page.html")


@blueprint.get("/app_redirect")
def app_redirect() -> BaseResponse:
    """Lead to a channel, as this address does on slack.com (docs.slack.dev: deep linking)."""
    return redirect(url_for("page.page", channel=request.args.get("channel", "")))


@blueprint.get("/sandbox/seen")
def seen() -> Response:
    """What the person `as` sees, with the `last` messages of `channel`."""
    last = min(max(request.args.get("last", _SHOWN, int), 1), _MOST_SHOWN)
    box = the_sandbox()
    with box.store.read():
        shown = seen_by(box, request.args.get("as", ""), request.args.get("channel", ""), last)
        body = json.dumps(shown)
    return Response(body, mimetype="application/json")


@blueprint.get("/sandbox/stream")
def stream() -> Response:
    """Server-sent events: the store's version, now and whenever something has changed."""
    return Response(_versions(the_sandbox()), mimetype="text/event-stream")


@blueprint.get("/files/<file_id>")
def file(file_id: str) -> Response:
    """An uploaded file, to be saved: never shown as a page of the sandbox's own."""
    with the_sandbox().store.read() as ws:
        found = ws.files.get(file_id)
    if found is None or not found.complete:
        refuse(404, f"no such file: {file_id!r}")
    content = io.BytesIO(base64.b64decode(found.content))
    return send_file(
        content, "application/octet-stream", as_attachment=True, download_name=found.name
    )


def _versions(box: Sandbox) -> Iterator[str]:
    seen, spoke = 0, time.monotonic()
    while not box.stopping.is_set():
        version = box.store.wait(seen, _LOOK_EVERY)
        now = time.monotonic()
        if version != seen:
            yield f"data: {version}\n\n"
            seen, spoke = version, now
            box.stopping.wait(_PAUSE)  # so that a burst of changes is told as one
        elif now - spoke >= _BEAT_EVERY:
            yield ": still here\n\n"
            spoke = now
