"""Alerts, dashboard and docs speak of the metrics that there are, with the labels they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from incidentbot.ops import metrics
from tests.deploy.reading import manifests
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


def test_prometheus_itself_finds_no_fault(shown: str, tmp_path: Path) -> None:
    promtool("check", "metrics", given=shown)
    promtool("check", "rules", PROMETHEUS / "alerts.yml")
    promtool("test", "rules", PROMETHEUS / "alerts_test.yml")
    promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    # Debian's is built without the part that asks Kubernetes for its pods.
    there = re.sub(
        r"kubernetes_sd_configs:\n +- role: pod\n +namespaces: .*",
        "static_configs: [{targets: [pod]}]",
        (PROMETHEUS / "kubernetes.yml").read_text(),
    )
    (tmp_path / "kubernetes.yml").write_text(there)
    promtool("check", "config", "--syntax-only", tmp_path / "kubernetes.yml")


def test_in_kubernetes_the_pods_get_the_jobs_that_the_alerts_ask_for() -> None:
    (scrape,) = yaml.safe_load((PROMETHEUS / "kubernetes.yml").read_text())["scrape_configs"]
    targets = {}
    for _, manifest in manifests(ROOT):
        if manifest["kind"] in ("Deployment", "Job"):
            about = manifest["spec"]["template"]["metadata"]
            found = discovered(about["labels"], about.get("annotations", {}), scrape["job_name"])
            if relabelled(found, scrape["relabel_configs"]):
                targets[found["job"]] = found["__address__"]
    assert targets == {"incidentbot": "10.0.0.9:8000", "incidentbot-worker": "10.0.0.9:9100"}
    asked = set(re.findall(r'job="([\w-]+)"', (PROMETHEUS / "alerts.yml").read_text()))
    assert asked == targets.keys()


def discovered(labels: dict[str, str], annotations: dict[str, str], job: str) -> dict[str, str]:
    """Return what Prometheus finds out about a pod, as its documentation lists it."""
    pod = "__meta_kubernetes_pod"
    return {
        "job": job,
        "__address__": "10.0.0.9",
        f"{pod}_ip": "10.0.0.9",
        f"{pod}_name": "a-pod",
        **{f"{pod}_label_{name}": value for name, value in labels.items()},
        **{
            f"{pod}_annotation_{re.sub('[^a-zA-Z0-9_]', '_', name)}": value
            for name, value in annotations.items()
        },
    }


def relabelled(target: dict[str, str], rules: list[dict[str, Any]]) -> bool:
    """Do to a target what Prometheus would; false where it is dropped."""
    for rule in rules:
        value = ";".join(target.get(name, "") for name in rule["source_labels"])
        match = re.fullmatch(rule.get("regex", "(.*)"), value)
        if rule.get("action") == "keep":
            if match is None:
                return False
        elif match is not None:
            replacement = re.sub(r"\$(\d)", r"\\\1", rule.get("replacement", "$1"))
            target[rule["target_label"]] = match.expand(replacement)
    return True


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
