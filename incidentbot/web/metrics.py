"""`/metrics`: how the deliveries stand, for Prometheus. Counts only: no names, no texts."""

import hmac
from collections.abc import Iterable

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from incidentbot import database
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.outbox import operate

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the metrics. Open to anyone, unless METRICS_TOKEN is set: then to who sends it."""
    settings: Settings = current_app.extensions["settings"]
    if settings.metrics_token is not None:
        expected = f"Bearer {settings.metrics_token.get_secret_value()}"
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), expected.encode()
        ):
            abort(401)
    registry = CollectorRegistry()
    registry.register(_Deliveries())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Deliveries(Collector):
    """Reads the outbox when it is asked."""

    def collect(self) -> Iterable[Metric]:
        session = db.session()
        counts = GaugeMetricFamily(
            "incidentbot_deliveries", "Deliveries, by kind and state.", labels=["kind", "state"]
        )
        for kind, state, count in operate.count_by_kind_and_state(session):
            counts.add_metric([kind, state], count)
        attempts = GaugeMetricFamily(
            "incidentbot_delivery_attempts",
            "How often deliveries that are not finished were tried, by kind.",
            labels=["kind"],
        )
        for kind, tried in operate.attempts_by_kind(session):
            attempts.add_metric([kind], tried)
        since = operate.waiting_since(session)
        age = (database.now(session) - since).total_seconds() if since else 0.0
        oldest = GaugeMetricFamily(
            "incidentbot_oldest_pending_delivery_seconds",
            "Age of the oldest delivery that is still to be made; 0 when none is.",
            value=max(0.0, age),
        )
        return [counts, attempts, oldest]
