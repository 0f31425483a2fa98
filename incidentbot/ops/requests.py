"""Each request from end to end: its id, its one line in the log, its place in the metrics."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from flask import Flask, request

from incidentbot.ops import context, metrics, tracing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_REFERENCE = re.compile(r"INC-[0-9]{1,9}", re.IGNORECASE)
_ROUTE = "incidentbot.route"
# Probes and scrapes come every few seconds and tell nobody anything, as long as all is well.
_SELDOM_TOLD = frozenset({"health.health", "health.ready", "metrics.metrics", "static"})


def install(app: Flask) -> None:
    """Follow every request of the app. Comes after what changes `wsgi_app` and before the doors."""
    app.before_request(_note_route)
    app.wsgi_app = _Follower(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way


def note_route(endpoint: str | None, rule: str | None) -> None:
    """Say what answers the request. Who answers one before its route does, does so for itself."""
    request.environ[_ROUTE] = (endpoint, rule)


def _note_route() -> None:
    note_route(request.endpoint, request.url_rule.rule if request.url_rule else None)
    reference = str((request.view_args or {}).get("reference", ""))
    if _REFERENCE.fullmatch(reference):
        context.note(incident=reference.upper())


class _Follower:
    """WSGI middleware around everything else."""

    def __init__(self, wsgi_app: "WSGIApplication") -> None:
        self._wsgi_app = wsgi_app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        status = 500
        context.begin(request=request_id)
        span = tracing.begin("request", environ)

        def answer(line, headers, exc_info=None):  # type: ignore[no-untyped-def]  # WSGI's own shape
            nonlocal status
            status = int(line.split(" ", 1)[0])
            return start_response(line, [*headers, ("X-Request-Id", request_id)], exc_info)

        def finish() -> None:
            endpoint, route = environ.get(_ROUTE) or (None, None)
            seconds = time.perf_counter() - started
            method = environ.get("REQUEST_METHOD", "")
            metrics.request_answered(endpoint or "none", method, status, seconds)
            is_quiet = endpoint in _SELDOM_TOLD and status < 400
            log.log(
                logging.DEBUG if is_quiet else logging.INFO,
                "request",
                extra={
                    "method": method[:16],
                    "route": route,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 1),
                    "client": environ.get("REMOTE_ADDR"),
                },
            )
            span.end(name=f"{method} {route or 'no route'}", status=status, **context.known())
            context.end()

        try:
            body = self._wsgi_app(environ, answer)
        except BaseException:
            finish()
            raise
        return _Answer(body, finish)


class _Answer:
    """An answer's body; `finish` is called once, when all of it was taken or nobody wants more."""

    def __init__(self, body: Iterable[bytes], finish: Callable[[], None]) -> None:
        self._body, self._parts, self._finish = body, iter(body), finish
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:  # the end, or a failure
            self.close()
            raise

    def close(self) -> None:
        """End the answer."""
        if self._is_over:
            return
        self._is_over = True
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._finish()
