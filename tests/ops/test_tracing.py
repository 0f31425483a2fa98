"""Traces and errors leave for a collector where settings say so, and only then."""

import importlib.util
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from incidentbot import create_app
from incidentbot.config import SettingsError
from incidentbot.ops import tracing
from tests.drills.fleet import WORKER, children
from tests.installation import small_company
from tests.scenarios.world import ADA, eventually, world
from tests.servers.collector import Collector, a_collector
from tests.servers.processes import ROOT, launch

ALL_PATHS = os.pathsep.join([str(ROOT), *filter(None, sys.path)])


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as found:
        yield found


def spans(collector: Collector) -> dict[str, dict[str, Any]]:
    """Return the spans that came in: name to attributes, trace id, parent."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = {}
    for path, body in list(collector.taken):
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    values = {a.key: a.value for a in span.attributes}
                    found[span.name] = {
                        "trace": span.trace_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        **{key: v.string_value or v.int_value for key, v in values.items()},
                    }
    return found


@pytest.mark.server
def test_a_collector_gets_spans_of_requests_and_deliveries(
    postgres_url: str, redis_url: str, tmp_path: Path, collector: Collector
) -> None:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}",
        "REDIS_URL": redis_url,
        "PYTHONPATH": ALL_PATHS,
    }
    with world(postgres_url, tmp_path, **settings) as company:
        trace = "0af7651916cd43dd8448eb211c80319c"
        caller = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        requests.get(f"{company.app_url}/sign-in?token=hunter2", headers=caller, timeout=10)
        with launch(WORKER, company.env, tmp_path / "worker.log") as worker:
            worker.wait_until(lambda: len(children(worker.pid)) > 0, 30)
            company.declare(ADA)
            eventually(lambda: "kind=slack.pin" in worker.log.read_text(), 30)
            assert worker.stop() == 0  # what waits is sent before it ends
        company.app.stop()
    found = spans(collector)
    page = found["GET /sign-in"]
    assert (page["trace"], page["parent"]) == (trace, "b7ad6b7169203331"), (
        "the caller's trace goes on"
    )
    assert page["incidentbot.status"] == 200
    assert found["POST /slack/events"]["incidentbot.door"] == "slack"
    assert found["deliver slack.war_room"]["incidentbot.incident"] == "INC-1"
    assert b"hunter2" not in b"".join(body for _, body in collector.taken)


@pytest.mark.server
def test_sentry_gets_errors_without_what_people_wrote(
    sqlite_url: str, tmp_path: Path, collector: Collector
) -> None:
    settings = {
        "SENTRY_DSN": f"http://planted-key@{collector.address}/7",
        "PYTHONPATH": ALL_PATHS,
        "SLACK_BOT_TOKEN": "xoxb-planted-token",
    }
    with world(sqlite_url, tmp_path, **settings) as company:
        company.declare(ADA, title="Words of a customer")
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
            connection.execute("ALTER TABLE incidents RENAME COLUMN summary TO gone")
        company.type(ADA, "status INC-1 Words of a customer")
        eventually(lambda: any(path == "/api/7/envelope/" for path, _ in collector.taken), 30)
        company.app.stop()
    sent = b"\n".join(body for _, body in collector.taken).decode()
    events = [json.loads(line) for line in sent.splitlines() if '"exception"' in line]
    assert any(
        event["exception"]["values"][-1]["type"] == "OperationalError" for event in events
    ), events
    assert "Words of a customer" not in sent
    assert "xoxb-planted-token" not in sent
    assert "user" not in events[0]
    assert "request" not in events[0]
    assert "vars" not in json.dumps(events[0])


def test_nothing_is_imported_unless_it_is_wanted(sqlite_url: str) -> None:
    create_app(small_company(sqlite_url))
    assert tracing.begin("delivery") is tracing._NO_SPAN


@pytest.mark.parametrize(
    "field,value",
    [
        ("otel_exporter_otlp_endpoint", "http://collector:4318"),
        ("sentry_dsn", "https://key@sentry.example/1"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError) as refused:
        create_app(small_company(sqlite_url, **{field: value}))
    assert field.upper() in str(refused.value)
    assert "requirements-observability.txt" in str(refused.value)
    assert "key@" not in str(refused.value)
