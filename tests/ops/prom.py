"""Metrics as Prometheus reads them, and Prometheus's own judge of them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import debian

Samples = Mapping[tuple[str, ...], float]


def scrape(url: str, **headers: str) -> str:
    """Return what an address shows to Prometheus."""
    response = requests.get(f"{url}/metrics", headers=headers, timeout=10)
    assert response.status_code == 200, response.text
    return response.text


def samples(shown: str) -> Samples:
    """Return every sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    }


def total(found: Samples, name: str, *labels: str) -> float:
    """Return the sum of a metric's samples that have all these label values."""
    return sum(
        value for key, value in found.items() if key[0] == name and set(labels) <= set(key[1:])
    )


def families(shown: str) -> set[str]:
    """Return the names of the metrics, as docs and queries write them."""
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(shown)
    }


def promtool(*arguments: str | Path, given: str | None = None) -> str:
    """Run promtool, which must be content; return what it said."""
    tool = debian.program("promtool", "prometheus")
    done = subprocess.run(
        [tool, *arguments],
        env={**os.environ, **debian.environment(tool)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
