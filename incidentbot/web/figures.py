"""What `/metrics` reads from the database: the same on every machine of an installation."""

import logging
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.database import DATABASE_AWAY
from incidentbot.extensions import db
from incidentbot.incidents.counts import count_incidents
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.outbox import operate

log = logging.getLogger(__name__)


class Figures(Collector):
    """Reads the database when it is asked; says so when there is none to read."""

    def collect(self) -> Iterable[Metric]:
        """Return what stands in the database now."""
        up = GaugeMetricFamily(
            "incidentbot_database_up", "1 when the database answers; 0 when it does not."
        )
        session = db.session()
        found: list[Metric] = []
        try:
            found = [
                _deliveries(session),
                _attempts(session),
                _oldest(session),
                _incidents(session),
            ]
        except DATABASE_AWAY as error:
            log.warning("the database is away: %s", type(error).__name__)
        up.add_metric([], 1 if found else 0)
        return [up, *found]


def _deliveries(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "incidentbot_deliveries",
        "Deliveries that are to be made or were given up, by kind and state.",
        labels=["kind", "state"],
    )
    for kind, state, count in operate.count_open(session):
        family.add_metric([kind, state], count)
    return family


def _attempts(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "incidentbot_delivery_attempts",
        "How often deliveries that are not finished were tried, by kind.",
        labels=["kind"],
    )
    for kind, tried in operate.attempts_by_kind(session):
        family.add_metric([kind], tried)
    return family


def _oldest(session: Session) -> Metric:
    since = operate.waiting_since(session)
    age = (database.now(session) - since).total_seconds() if since else 0.0
    return GaugeMetricFamily(
        "incidentbot_oldest_pending_delivery_seconds",
        "Age of the oldest delivery that is still to be made; 0 when none is.",
        value=max(0.0, age),
    )


def _incidents(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "incidentbot_incidents", "Incidents, by severity and status.", labels=["severity", "status"]
    )
    counted = count_incidents(session)
    for severity in Severity:
        for status in Status:
            family.add_metric([severity.value, status.value], counted[severity, status])
    return family
