"""Nothing is published that CI has not passed."""

from typing import Any

from tests.deploy.agreement import ROOT
from tests.deploy.reading import read_yaml

WORKFLOWS = ROOT / ".github/workflows"


def jobs(workflow: str) -> dict[str, Any]:
    (document,) = read_yaml(WORKFLOWS / workflow)
    found: dict[str, Any] = document["jobs"]
    return found


def waits_for_ci(name: str, among: dict[str, Any]) -> bool:
    """Whether a job is CI, or begins only after it."""
    job = among[name]
    is_ci = str(job.get("uses", "")).endswith("/.github/workflows/ci.yml")
    return is_ci or any(waits_for_ci(other, among) for other in job.get("needs", []))


def test_every_job_that_publishes_waits_for_ci() -> None:
    publishing = jobs("docker.yml")
    assert {"image", "release"} <= set(publishing)
    assert [name for name in publishing if not waits_for_ci(name, publishing)] == []


def test_ci_runs_for_pull_requests_and_where_it_is_called() -> None:
    (document,) = read_yaml(WORKFLOWS / "ci.yml")
    on = document.get("on", document.get(True))  # YAML 1.1 takes the word for a yes
    assert set(on) == {"pull_request", "workflow_call"}
