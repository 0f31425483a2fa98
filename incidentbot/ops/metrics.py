"""What this process counts and measures, for Prometheus; several processes of a machine add up.

prometheus_client decides when it is first imported whether processes share their numbers. Hence it
is imported at first use, and `share_between_processes` comes before that.
"""

import atexit
import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
# Slack waits for 3 seconds.
_ANSWER_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
_ATTEMPT_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SLACK_KINDS = frozenset({"command", "view_submission", "block_actions", "event_callback"})


_making = threading.Lock()


@dataclass(frozen=True)
class _Families:
    registry: "CollectorRegistry"
    requests: "Counter"
    request_seconds: "Histogram"
    slack_seconds: "Histogram"
    attempts: "Counter"
    attempt_seconds: "Histogram"


def _families() -> _Families:
    with (
        _making
    ):  # a second set, made by another thread at the same moment, would undo counts of the first
        return _make_families()


@cache
def _make_families() -> _Families:
    from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

    disable_created_metrics()  # type: ignore[no-untyped-call]  # several processes do not show them either
    registry = CollectorRegistry()
    return _Families(
        registry,
        Counter(
            "incidentbot_http_requests",
            "Requests answered, by endpoint, method and class of the status.",
            ["endpoint", "method", "status"],
            registry=registry,
        ),
        Histogram(
            "incidentbot_http_request_duration_seconds",
            "From a request's arrival to the last byte of its answer, by endpoint and method.",
            ["endpoint", "method"],
            registry=registry,
            buckets=_ANSWER_SECONDS,
        ),
        Histogram(
            "incidentbot_slack_answer_duration_seconds",
            "How long Slack waited for an answer, by kind of request. It gives up after 3 seconds.",
            ["kind"],
            registry=registry,
            buckets=_ANSWER_SECONDS,
        ),
        Counter(
            "incidentbot_delivery_outcomes",
            "Attempts at deliveries, by kind and the state that the attempt left it in.",
            ["kind", "outcome"],
            registry=registry,
        ),
        Histogram(
            "incidentbot_delivery_attempt_duration_seconds",
            "How long attempts at deliveries took, by kind.",
            ["kind"],
            registry=registry,
            buckets=_ATTEMPT_SECONDS,
        ),
    )


def share_between_processes() -> None:
    """Have this process and those it starts write their numbers to one place, where any can read them.

    It is a temporary folder, removed when this process ends; PROMETHEUS_MULTIPROC_DIR names another.
    """
    if os.environ.get(_DIRECTORY):
        return
    if "prometheus_client" in sys.modules:
        raise RuntimeError("too late: prometheus_client was imported already")
    folder = tempfile.mkdtemp(prefix="incidentbot-metrics-")
    os.environ[_DIRECTORY] = folder
    atexit.register(_remove, folder, os.getpid())


def request_answered(endpoint: str, method: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    method = method if method in _METHODS else "other"
    families = _families()
    families.requests.labels(endpoint, method, f"{status // 100}xx").inc()
    families.request_seconds.labels(endpoint, method).observe(seconds)


def slack_answered(kind: str, seconds: float) -> None:
    """Count an answer to Slack."""
    kind = kind if kind in _SLACK_KINDS else "other"
    _families().slack_seconds.labels(kind).observe(seconds)


def attempt_recorded(kind: str, outcome: str) -> None:
    """Count what came of an attempt at a delivery."""
    _families().attempts.labels(kind, outcome).inc()


def attempt_took(kind: str, seconds: float) -> None:
    """Measure an attempt at a delivery."""
    _families().attempt_seconds.labels(kind).observe(seconds)


def new_registry() -> "CollectorRegistry":
    """Return a registry of the version, and of all counted so far by us and those we share with."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    from incidentbot.ops.build_info import BuildInfo

    registry = CollectorRegistry()
    registry.register(BuildInfo())
    if os.environ.get(_DIRECTORY):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it publishes none
    else:
        registry.register(_families().registry)
    return registry


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not the processes that it started
        shutil.rmtree(folder, ignore_errors=True)
