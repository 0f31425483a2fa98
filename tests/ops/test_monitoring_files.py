"""Alerts, dashboard and docs speak of the metrics that there are, with the labels they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from incidentbot.ops import metrics
from tests.installation import install
from tests.ops.prom import families, promtool, samples
from tests.servers.processes import ROOT
from tests.slack.sender import declare

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
OPERATIONS = ROOT / "docs" / "operations.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
# Labels that Prometheus adds.
FROM_PROMETHEUS = {"job", "instance", "le"}
NAME = re.compile(r"\bincidentbot_[a-z_]+")


@pytest.fixture
def shown(sqlite_url: str) -> str:
    """What `/metrics` shows of an installation in which everything has happened once."""
    client: FlaskClient = install(sqlite_url).test_client()
    declare(client)
    client.get("/sign-in", buffered=True).close()
    metrics.attempt_recorded("slack.message", "done")
    metrics.attempt_took("slack.message", 0.2)
    return client.get("/metrics", buffered=True).text


def labels_of(shown: str) -> dict[str, set[str]]:
    """Return the labels of each metric by its name."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels
        }
        - {"le"}
        for family in text_string_to_metric_families(shown)
    }


def queries() -> list[str]:
    """Return every query of the dashboard and the alerts."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (PROMETHEUS / "alerts.yml").read_text()
    return found + re.findall(r"expr: (?:\|\n)?((?:.(?!\n +for:))+.)", alerts, re.DOTALL)


def base(name: str) -> str:
    return re.sub(r"_(bucket|count|sum)$", "", name)


def test_every_query_asks_for_a_metric_that_there_is(shown: str) -> None:
    asked = {base(name) for query in queries() for name in NAME.findall(query)}
    assert len(queries()) > 20
    assert asked <= families(shown)
    # And nothing is measured that nobody looks at.
    assert families(shown) <= asked


def test_every_query_asks_for_labels_that_its_metric_has(shown: str) -> None:
    labels = labels_of(shown)
    for query in queries():
        there = set().union(*(labels[base(name)] for name in NAME.findall(query)), FROM_PROMETHEUS)
        grouped = re.findall(r"\bby \(([^)]*)\)", query)
        asked = {label.strip() for group in grouped for label in group.split(",")}
        asked |= set(re.findall(r"[{,](\w+)(?:=|!)", query))
        assert asked <= there, query


def test_the_docs_list_every_metric_with_its_labels(shown: str) -> None:
    listed = {
        name: set(filter(None, labels.split(",")))
        for name, labels in re.findall(
            r"^\| `(incidentbot_\w+)(?:\{([\w,]*)\})?` \|", OPERATIONS.read_text(), re.MULTILINE
        )
    }
    there = labels_of(shown)
    assert listed.keys() == there.keys()
    for name, labels in there.items():
        assert labels <= listed[name], name
        assert listed[name] <= labels or not labels, name


def test_prometheus_itself_finds_no_fault(shown: str) -> None:
    promtool("check", "metrics", given=shown)
    promtool("check", "rules", PROMETHEUS / "alerts.yml")
    promtool("test", "rules", PROMETHEUS / "alerts_test.yml")
    promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")


def test_each_alert_says_what_to_do() -> None:
    alerts = re.findall(r"alert: (\w+)", (PROMETHEUS / "alerts.yml").read_text())
    help_for = TROUBLESHOOTING.read_text()
    assert [alert for alert in alerts if alert not in help_for] == []
    tested = (PROMETHEUS / "alerts_test.yml").read_text()
    assert [alert for alert in alerts if tested.count(alert) < 2] == [], "quiet and firing"


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert {"title", "uid", "panels", "templating", "schemaVersion"} <= dashboard.keys()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", "no installation's own"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_no_name_of_anybody_is_shown(shown: str) -> None:
    for key in samples(shown):
        assert not {"Checkout is down", "ada", "payments"} & set(key)


def test_files_lie_where_the_docs_say() -> None:
    for path in re.findall(r"`(deploy/[\w./-]+)`", OPERATIONS.read_text()):
        assert Path(ROOT / path).exists(), path
