"""The public JSON: of Statuspage's shape to the letter, and read by tools made for Statuspage."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import time_machine
import whadup
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl
from werkzeug.serving import make_server

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Status
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages.maintenance import MaintenanceFields
from incidentbot.status_pages.models import Maintenance, MaintenanceStatus
from incidentbot.users.actor import OPERATOR
from tests.servers.ports import free_port
from tests.web.status_site import commander, declare, forget, status_app
from tests.web.test_status_page import DOCUMENTS

# ---- the shape, as Statuspage documents it under /api on each of its pages -----------------------

Id = Annotated[str, Field(min_length=1)]
ComponentStatus = Literal[
    "operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"
]


class Shape(BaseModel):
    """Every key is there, no other one is, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Shape):
    id: Id
    name: str
    url: HttpUrl
    time_zone: str
    updated_at: AwareDatetime


class Rollup(Shape):
    indicator: Literal["none", "minor", "major", "critical", "maintenance"]
    description: str


class Component(Shape):
    id: Id
    name: str
    status: ComponentStatus
    created_at: AwareDatetime
    updated_at: AwareDatetime
    position: int
    description: str | None
    showcase: bool
    start_date: str | None
    group_id: str | None
    page_id: Id
    group: bool
    only_show_if_degraded: bool
    components: list[Id] = []  # of groups only


class Affected(Shape):
    code: Id
    name: str
    old_status: ComponentStatus
    new_status: ComponentStatus


class Update(Shape):
    id: Id
    status: str
    body: str
    incident_id: Id
    created_at: AwareDatetime
    updated_at: AwareDatetime
    display_at: AwareDatetime
    affected_components: list[Affected] | None
    deliver_notifications: bool
    custom_tweet: str | None
    tweet_id: str | None


class Told(Shape):
    id: Id
    name: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    monitoring_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    shortlink: HttpUrl
    started_at: AwareDatetime
    page_id: Id
    incident_updates: list[Update]
    components: list[Component]


class Incident(Told):
    status: Literal["investigating", "identified", "monitoring", "resolved", "postmortem"]
    impact: Literal["none", "minor", "major", "critical"]


class Work(Told):
    status: Literal["scheduled", "in_progress", "verifying", "completed"]
    impact: Literal["none", "minor", "major", "critical", "maintenance"]
    scheduled_for: AwareDatetime
    scheduled_until: AwareDatetime


class StatusDocument(Shape):
    page: Page
    status: Rollup


class ComponentsDocument(Shape):
    page: Page
    components: list[Component]


class IncidentsDocument(Shape):
    page: Page
    incidents: list[Incident]


class WorksDocument(Shape):
    page: Page
    scheduled_maintenances: list[Work]


class SummaryDocument(Shape):
    page: Page
    status: Rollup
    components: list[Component]
    incidents: list[Incident]
    scheduled_maintenances: list[Work]


SHAPES: dict[str, type[Shape]] = {
    "summary": SummaryDocument,
    "status": StatusDocument,
    "components": ComponentsDocument,
    "incidents": IncidentsDocument,
    "incidents/unresolved": IncidentsDocument,
    "scheduled-maintenances": WorksDocument,
    "scheduled-maintenances/upcoming": WorksDocument,
    "scheduled-maintenances/active": WorksDocument,
}


@pytest.fixture
def app(sqlite_url: str) -> Flask:
    """A page with an open incident, one that is over, and maintenance of every kind."""
    app = status_app(sqlite_url)
    declare(app)
    over = declare(app, public="Search is slow.", severity="P3", service="search")
    with app.app_context():
        session, ada = db.session(), commander()
        for status in (Status.IDENTIFIED, Status.MONITORING):
            commands.move_to(session, over, ada, status, "x", f"It is {status.value}.")
        commands.resolve(session, over, ada, "x", "It is quick again.")
        now = clock.now()
        for hours in (1, 2, 3):
            works.schedule(
                session,
                OPERATOR,
                MaintenanceFields(
                    f"Upgrade {hours}",
                    "Search is read-only.",
                    now + timedelta(hours=hours),
                    now + timedelta(hours=hours + 1),
                    frozenset({2}),
                ),
            )
        with write_transaction(session):
            session.get_one(Maintenance, 2).status = MaintenanceStatus.IN_PROGRESS
            over = session.get_one(Maintenance, 3)
            over.status, over.ended_at = MaintenanceStatus.COMPLETED, over.ends_at
    forget(app)
    return app


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """The page at a real address."""
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_document_has_the_published_shape(app: Flask, document: str) -> None:
    read = SHAPES[document].model_validate_json(
        app.test_client().get(f"/api/v2/{document}.json").data, strict=True
    )
    assert getattr(read, "page").name == "Acme status"  # noqa: B009 - of every shape here


def test_the_documents_say_what_is(app: Flask) -> None:
    def get(document: str) -> Any:
        return app.test_client().get(f"/api/v2/{document}.json").json

    assert get("status")["status"] == {
        "indicator": "critical",
        "description": "Major Service Outage",
    }
    summary = get("summary")
    assert [c["name"] for c in summary["components"]] == ["Shop", "Card payments", "Product search"]
    group, cards, search = summary["components"]
    assert group["components"] == [cards["id"]]
    assert (group["group"], cards["group_id"], search["group_id"]) == (True, group["id"], None)
    assert (group["status"], cards["status"]) == ("major_outage", "major_outage")
    assert search["status"] == "under_maintenance"
    assert [i["id"] for i in summary["incidents"]] == ["INC-1"]
    assert [m["name"] for m in summary["scheduled_maintenances"]] == ["Upgrade 1", "Upgrade 2"]
    assert [i["id"] for i in get("incidents")["incidents"]] == ["INC-2", "INC-1"]
    assert [i["id"] for i in get("incidents/unresolved")["incidents"]] == ["INC-1"]
    works_of = {
        document: [m["name"] for m in get(document)["scheduled_maintenances"]]
        for document in DOCUMENTS
        if document.startswith("scheduled")
    }
    assert works_of == {
        "scheduled-maintenances": ["Upgrade 3", "Upgrade 2", "Upgrade 1"],
        "scheduled-maintenances/upcoming": ["Upgrade 1"],
        "scheduled-maintenances/active": ["Upgrade 2"],
    }


def test_the_updates_of_a_maintenance_keep_their_ids(app: Flask) -> None:
    def get() -> Any:
        forget(app)
        return app.test_client().get("/api/v2/scheduled-maintenances.json").json

    def updates(document: Any) -> dict[str, str]:
        work = next(w for w in document["scheduled_maintenances"] if w["name"] == "Upgrade 1")
        return {u["status"]: u["id"] for u in work["incident_updates"]}

    before = updates(get())
    with app.app_context(), write_transaction(db.session()):
        db.session().get_one(Maintenance, 1).status = MaintenanceStatus.IN_PROGRESS
    after = updates(get())
    assert before.keys() < after.keys()
    assert before.items() < after.items()


def test_what_is_called_off_is_completed_and_its_words_say_why(app: Flask) -> None:
    with app.app_context():
        ended = works.end(db.session(), 1, OPERATOR)
        planned = ended.ends_at
    forget(app)
    document = app.test_client().get("/api/v2/scheduled-maintenances.json").json
    work = next(w for w in document["scheduled_maintenances"] if w["name"] == "Upgrade 1")
    assert work["status"] == "completed"
    assert datetime.fromisoformat(work["scheduled_until"]) == planned.replace(
        microsecond=planned.microsecond // 1000 * 1000
    )
    assert work["resolved_at"] < work["scheduled_for"] < work["scheduled_until"]
    assert [(u["status"], u["body"]) for u in work["incident_updates"]] == [
        ("completed", "The scheduled maintenance has been called off."),
        ("scheduled", "Search is read-only."),
    ]
    feed = app.test_client().get("/status.atom").text
    assert "Maintenance: Upgrade 1 (called off)" in feed
    assert "It was planned from" in feed


def test_an_incident_says_when_and_what_it_did_to_its_component(app: Flask) -> None:
    (over, _open) = app.test_client().get("/api/v2/incidents.json").json["incidents"]
    assert over["monitoring_at"]
    assert datetime.fromisoformat(over["resolved_at"]) >= datetime.fromisoformat(over["started_at"])
    assert [u["status"] for u in over["incident_updates"]] == [
        "resolved",
        "monitoring",
        "identified",
        "investigating",
    ]
    last = over["incident_updates"][0]["affected_components"]
    assert [(c["name"], c["old_status"], c["new_status"]) for c in last] == [
        ("Product search", "degraded_performance", "operational")
    ]


def test_what_was_before_the_days_that_we_know_is_not_guessed(app: Flask) -> None:
    with time_machine.travel(clock.now() + timedelta(days=100), tick=False):
        forget(app)
        document = app.test_client().get("/api/v2/incidents/unresolved.json").json
    (update,) = document["incidents"][0]["incident_updates"]
    assert update["affected_components"] is None


def test_an_existing_client_reads_every_document(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whadup, "API_BASE_URL", f"{url}/api/")  # its own setting
    client = whadup.GithubStatus()
    assert client.summary()["status"]["indicator"] == "critical"
    assert client.status()["status"]["description"] == "Major Service Outage"
    assert len(client.components()["components"]) == 3
    assert len(client.Incidents()["incidents"]) == 2
    assert len(client.Incidents.unresolved()["incidents"]) == 1
    assert len(client.Maintenances()["scheduled_maintenances"]) == 3
    assert len(client.Maintenances.upcoming()["scheduled_maintenances"]) == 1
    assert len(client.Maintenances.active()["scheduled_maintenances"]) == 1


@pytest.mark.server
def test_an_existing_exporter_makes_metrics_of_it(url: str, tmp_path: Path) -> None:
    services = tmp_path / "services.json"
    services.write_text(json.dumps({"acme": {"url": f"{url}/api/v2/summary.json", "name": "Acme"}}))
    metrics = tmp_path / "acme.prom"
    ran = subprocess.run(
        [sys.executable, "-m", "statuspage_prometheus_exporter.status_monitoring"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "RUN_MODE": "once",
            "SERVICES_JSON_PATH": str(services),
            "METRICS_TEXTFILE_PATH": str(metrics),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    samples = [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(metrics.read_text())
        for sample in family.samples
    ]
    said = str(samples)
    for words in (
        "Card payments",
        "Outage of Card payments",
        "INC-1",
        "Upgrade 1",
        "critical",
    ):
        assert words in said, words
    of_components = {
        labels["component_name"]: value
        for name, labels, value in samples
        if name == "statuspage_component_status"
    }
    assert of_components == {"Shop": 0, "Card payments": 0, "Product search": 0}
