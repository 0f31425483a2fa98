"""`/metrics`: what this machine's web processes counted, and how the database stands. No names, no texts.

With METRICS_PORT it stands at that port, which only Prometheus need reach; for the rest of the world
it is gone then, unless METRICS_TOKEN says who may read it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, abort, current_app, request

from incidentbot.config import Settings
from incidentbot.ops.metrics import new_registry
from incidentbot.ops.serve_metrics import has_token, metrics_only

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

blueprint = Blueprint("metrics", __name__)


def install(app: Flask) -> None:
    """Add the metrics. Comes after everything else that changes `wsgi_app`."""
    app.register_blueprint(blueprint)
    settings: Settings = app.extensions["settings"]
    if settings.metrics_port is None:
        return

    def show() -> bytes:
        with app.app_context():
            return _show()

    private = metrics_only(show, settings.metrics_token)
    app.wsgi_app = _ByPort(settings.metrics_port, private, app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the metrics: to who sends METRICS_TOKEN; where that is not set, to anyone.

    Where they have a port of their own and there is no token, to nobody.
    """
    from prometheus_client import CONTENT_TYPE_LATEST

    settings: Settings = current_app.extensions["settings"]
    if settings.metrics_port is not None and settings.metrics_token is None:
        abort(404)
    if not has_token(request.headers.get("Authorization", ""), settings.metrics_token):
        abort(401)
    return Response(_show(), content_type=CONTENT_TYPE_LATEST)


def _show() -> bytes:
    from prometheus_client import generate_latest

    from incidentbot.web.figures import Figures  # prometheus_client too is imported at first use

    registry = new_registry()
    registry.register(Figures())
    return generate_latest(registry)


class _ByPort:
    """WSGI middleware: what comes in at one port is for another app.

    The port is the one that gunicorn listened at: nothing in a request changes it before ProxyFix,
    which is further in.
    """

    def __init__(self, port: int, private: "WSGIApplication", public: "WSGIApplication") -> None:
        self._port, self._private, self._public = str(port), private, public

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        app = self._private if environ["SERVER_PORT"] == self._port else self._public
        return app(environ, start_response)
