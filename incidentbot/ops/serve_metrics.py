"""The metrics at a port of their own, which nobody outside need reach."""

import hmac
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pydantic import SecretStr

from incidentbot.ops.metrics import new_registry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ORPHAN_CHECK_SECONDS = 1.0


def metrics_only(show: Callable[[], bytes], token: SecretStr | None) -> "WSGIApplication":
    """Return an app that answers for `/metrics` with what `show` returns, and for nothing else."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        from prometheus_client import CONTENT_TYPE_LATEST

        if not has_token(environ.get("HTTP_AUTHORIZATION", ""), token):
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"Send METRICS_TOKEN as a bearer token.\n"]
        if environ.get("PATH_INFO") != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The metrics are at /metrics.\n"]
        shown = show()
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [shown]

    return app


def has_token(authorization: str, token: SecretStr | None) -> bool:
    """Whether who sends this header may read the metrics. Anybody may while no token is set."""
    if token is None:
        return True
    expected = f"Bearer {token.get_secret_value()}"
    return hmac.compare_digest(authorization.encode(), expected.encode())


def serve_metrics(port: int, token: SecretStr | None) -> None:
    """Serve what this process and its children count, from a child of its own.

    Not from a thread: this process starts others by forking, which a thread at work does not survive.
    Raises OSError when the port is taken.
    """
    # Taken here: who starts this process is to learn that the port is taken.
    server = make_server("0.0.0.0", port, metrics_only(_show, token), handler_class=_QuietHandler)  # noqa: S104 - as gunicorn's
    child = get_context("fork").Process(
        target=_serve, args=(server, os.getpid()), name="metrics", daemon=True
    )
    child.start()
    server.server_close()  # the child has it


def _show() -> bytes:
    from prometheus_client import generate_latest

    return generate_latest(new_registry())


def _serve(server: WSGIServer, parent: int) -> None:
    # The parent says when: it ends us with itself, and has a last word to be read until then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    server.serve_forever()


class _QuietHandler(WSGIRequestHandler):
    timeout = 5  # nobody keeps the others from being served

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a scrape is no news."""


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_SECONDS)
    os._exit(0)
