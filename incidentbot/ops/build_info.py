"""Which version of incidentbot, and of Python, a process runs."""

import platform
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from incidentbot.ops.version import VERSION


class BuildInfo(Collector):
    """Told by web and workers alike: a deploy that stopped half-way shows in either."""

    def collect(self) -> Iterable[Metric]:
        """Return the version, as a label of what is always 1."""
        build = GaugeMetricFamily(
            "incidentbot_build_info",
            "Always 1; the labels say what runs.",
            labels=["version", "python"],
        )
        build.add_metric([VERSION, platform.python_version()], 1)
        return [build]
