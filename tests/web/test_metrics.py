"""`/metrics`: what Prometheus reads, and who may."""

import re

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.orm import sessionmaker

from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.outbox.dispatch import Dispatcher, Handler, Permanent, Receipt, Retry
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import Effect, publish

TOKEN = {"Authorization": "Bearer a-metrics-token"}


def read(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and the values of its labels."""
    response = client.get("/metrics", headers=TOKEN)
    assert response.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def make(app: Flask, **outcomes: Exception | None) -> None:
    """Write a delivery of each kind named, and try it: None is a success."""

    def send(delivery: Delivery) -> Receipt:
        if error := outcomes[delivery.kind]:
            raise error
        return {}

    with app.app_context():
        session = db.session()
        with write_transaction(session):
            publish(session, [Effect(kind, "t", kind, kind) for kind in outcomes])
        sessions = sessionmaker(db.engine, expire_on_commit=False)
        handlers = {kind: Handler(send) for kind in outcomes}
        engine = Dispatcher(sessions, handlers, lambda _session, _delivery: None)
        for kind in outcomes:
            engine.run_until_idle(kind)


def test_deliveries_are_counted_by_kind_and_state(app: Flask, client: FlaskClient) -> None:
    make(app, letter=None, parcel=Permanent("no such address"), card=Retry("busy"))
    metrics = read(client)
    assert metrics["incidentbot_deliveries", "letter", "done"] == 1
    assert metrics["incidentbot_deliveries", "parcel", "parked"] == 1
    assert metrics["incidentbot_deliveries", "card", "retrying"] == 1
    assert metrics["incidentbot_delivery_attempts", "card"] == 1
    assert ("incidentbot_delivery_attempts", "letter") not in metrics
    assert metrics[("incidentbot_oldest_pending_delivery_seconds",)] >= 0


def test_nothing_pending_is_nought_seconds_old(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), write_transaction(db.session()):
        db.session().query(Delivery).delete()
    assert read(client)["incidentbot_oldest_pending_delivery_seconds",] == 0


def test_who_has_no_token_learns_nothing(client: FlaskClient) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "a-metrics-token"}):
        response = client.get("/metrics", headers=headers)
        assert response.status_code == 401
        assert not re.search("incidentbot_", response.text)
