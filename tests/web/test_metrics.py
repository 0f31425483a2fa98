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
from tests.installation import install

TOKEN = {"Authorization": "Bearer a-metrics-token"}
AT_ITS_PORT = "http://localhost:9100"


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
    assert ("incidentbot_deliveries", "letter", "done") not in metrics, "they grow without end"
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


def test_with_a_port_of_their_own_they_are_gone_from_where_everybody_is(sqlite_url: str) -> None:
    client = install(sqlite_url, metrics_port=9100).test_client()
    assert client.get("/metrics").status_code == 404
    assert "incidentbot_database_up 1.0" in client.get("/metrics", base_url=AT_ITS_PORT).text
    assert client.get("/sign-in", base_url=AT_ITS_PORT).status_code == 404
    headers = {"X-Forwarded-Port": "9100", "Host": "localhost:9100"}
    assert client.get("/metrics", headers=headers).status_code == 404


def test_with_a_port_and_a_token_both_answer_to_who_sends_it(sqlite_url: str) -> None:
    app = install(sqlite_url, metrics_port=9100, metrics_token="a-metrics-token", proxy_hops=1)
    client = app.test_client()
    for base_url in ("http://localhost", AT_ITS_PORT):
        assert client.get("/metrics", base_url=base_url).status_code == 401
        assert client.get("/metrics", base_url=base_url, headers=TOKEN).status_code == 200
