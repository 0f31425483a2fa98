"""How long after a change is written its first call reaches Slack: by RQ workers, and embedded."""

import statistics
from pathlib import Path

from tests.drills.fleet import Fleet, fleet
from tests.drills.people import Ledger, declare, update

UPDATES = 100
WARM_UP = 10


def measure(folder: Path) -> bool:
    """Print the median and the 99th percentile for each. There is no limit to keep to."""
    runners: dict[str, tuple[list[dict[str, str]], dict[str, str]]] = {
        "RQ": ([{"WORKERS": "1"}], {}),
        "embedded": ([], {"REDIS_URL": ""}),
    }
    for name, (workers, settings) in runners.items():
        place = folder / name
        place.mkdir()
        with fleet(place, web=1, workers=workers, **settings) as running:
            waits = sorted(_waits_ms(running))
        p99 = waits[int(len(waits) * 0.99) - 1]
        print(
            f"from the written change to the first byte at Slack, {name}: "
            f"p50 {statistics.median(waits):.0f} ms, p99 {p99:.0f} ms ({len(waits)} updates)",
            flush=True,
        )
    return True


def _waits_ms(running: Fleet) -> list[float]:
    """Return for each update the milliseconds from its row (written before the commit) to its call."""
    ledger = Ledger()
    reference = declare(running.company, ledger, "bench").reference
    running.wait_until_drained(30)
    waits = []
    for number in range(WARM_UP + UPDATES):
        assert running.company.clear_calls()
        assert update(running.company, ledger, reference, f"update-{number}").accepted
        running.wait_until_drained(30)
        newest = running.rows("SELECT max(created_at) AS at FROM deliveries")[0]["at"].timestamp()
        first = min(call["started"] for call in running.company.calls())
        waits.append((first - newest) * 1000)
    return waits[WARM_UP:]
