"""How long until the war room is complete, in round trips to a Slack that takes 100 ms to answer."""

import statistics
import time
from pathlib import Path

from tests.scenarios.world import ADA, World, eventually, world

LATENCY_SECONDS = 0.1
RUNS = 10
LIMIT = 5.0

# What makes a P1's war room complete, and how often each is called for one.
COMPLETE = {
    "conversations.create": 1,
    "conversations.invite": 1,
    "conversations.setTopic": 1,
    "pins.add": 1,
    "bookmarks.add": 1,
    "chat.postMessage": 5,  # the card, #general, #engineering, two people
}


def measure(folder: Path) -> bool:
    """Print the round trips from a modal's submission to its complete war room; False over 5."""
    with world(f"sqlite:///{folder / 'bench.db'}", folder, LOG_LEVEL="WARNING") as company:
        company.fault(kind="latency", ms=int(LATENCY_SECONDS * 1000))
        _declare_and_wait(company)  # the first meets people it does not know yet
        trips = [_declare_and_wait(company) / LATENCY_SECONDS for _ in range(RUNS)]
    worst = max(trips)
    print(
        f"war room complete: median {statistics.median(trips):.1f}, worst {worst:.1f} round trips "
        f"of {LATENCY_SECONDS * 1000:.0f} ms over {RUNS} P1 declarations (limit {LIMIT:g})"
    )
    return worst <= LIMIT


def _declare_and_wait(company: World) -> float:
    """Declare a P1 and return the seconds from its submission to the last answer it needed."""
    opened = company.type(ADA, "declare")["view"]["id"]
    # The form is open for longer than this in real life, and #general takes a message a second.
    time.sleep(1.5)
    assert company.clear_calls()
    begun = time.time()
    company.submit(ADA, opened, {"title": "Down", "severity": "P1", "service": "payments"})
    calls = eventually(lambda: _all_made(company))
    return max(call["ended"] for call in calls) - begun


def _all_made(company: World) -> list[dict[str, float]]:
    calls = [call for call in company.calls() if call["method"] in COMPLETE and call["ended"]]
    made = {method: sum(call["method"] == method for call in calls) for method in COMPLETE}
    return calls if all(made[method] >= n for method, n in COMPLETE.items()) else []
