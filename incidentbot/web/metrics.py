"""`/metrics`: what this machine's web processes counted, and how the database stands. No names, no texts."""

import hmac

from flask import Blueprint, Response, abort, current_app, request

from incidentbot.config import Settings
from incidentbot.ops.metrics import new_registry

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the metrics. Open to anyone, unless METRICS_TOKEN is set: then to who sends it."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    from incidentbot.web.figures import Figures  # prometheus_client too is imported at first use

    settings: Settings = current_app.extensions["settings"]
    if settings.metrics_token is not None:
        expected = f"Bearer {settings.metrics_token.get_secret_value()}"
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), expected.encode()
        ):
            abort(401)
    registry = new_registry()
    registry.register(Figures())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
