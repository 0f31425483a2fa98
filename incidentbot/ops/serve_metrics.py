"""The metrics of processes that have no door of their own, at a port."""

import hmac
import os
import signal
import threading
import time
from collections.abc import Iterable
from multiprocessing import get_context
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from pydantic import SecretStr

from incidentbot.ops.metrics import new_registry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ORPHAN_CHECK_SECONDS = 1.0


def serve_metrics(port: int, token: SecretStr | None) -> None:
    """Serve what this process and its children count, from a child of its own.

    Not from a thread: this process starts others by forking, which a thread at work does not survive.
    """
    child = get_context("fork").Process(
        target=_serve, args=(port, token, os.getpid()), name="metrics", daemon=True
    )
    child.start()


def _serve(port: int, token: SecretStr | None, parent: int) -> None:
    # The parent says when: it ends us with itself, and has a last word to be read until then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        given = environ.get("HTTP_AUTHORIZATION", "")
        expected = f"Bearer {token.get_secret_value()}" if token else given
        if not hmac.compare_digest(given.encode(), expected.encode()):
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"Send METRICS_TOKEN as a bearer token.\n"]
        if environ.get("PATH_INFO") != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The metrics are at /metrics.\n"]
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [generate_latest(new_registry())]

    with make_server("0.0.0.0", port, app, handler_class=_QuietHandler) as server:  # noqa: S104 - as gunicorn's
        server.serve_forever()


class _QuietHandler(WSGIRequestHandler):
    timeout = 5  # nobody keeps the others from being served

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a scrape is no news."""


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_SECONDS)
    os._exit(0)
