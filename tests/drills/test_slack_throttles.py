"""Slack asks to wait on every third call, and two processes keep to it together."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.drills.fleet import fleet
from tests.drills.people import (
    Ledger,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declare,
    declared,
    update,
)

# The seconds that Slack asks to wait with each method, on every third call of it.
RETRY_AFTER = {
    "chat.postMessage": 1,
    "chat.update": 2,
    "conversations.create": 1,
    "conversations.invite": 2,
    "conversations.setTopic": 3,
    "bookmarks.add": 4,
    "pins.add": 5,
}
EVERY = 3
# A call may have been on its way already when another was told to wait.
ON_ITS_WAY_SECONDS = 0.5
TWO_PROCESSES = ({"WORKERS": "1"}, {"WORKERS": "1"})

Call = dict[str, Any]


def test_no_call_is_made_before_its_time(tmp_path: Path) -> None:
    _throttled(tmp_path, people=4, updates=4)


def test_two_processes_keep_to_slacks_pace_together(tmp_path: Path) -> None:
    _paced(tmp_path, incidents=5)


def drill(folder: Path, people: int = 10, updates: int = 20, incidents: int = 12) -> str:
    """Have Slack ask to wait; then have two processes post into the same channels."""
    for part in ("throttled", "paced"):
        (folder / part).mkdir()
    throttled = _throttled(folder / "throttled", people, updates)
    return f"{throttled}; {_paced(folder / 'paced', incidents)}"


def _throttled(folder: Path, people: int, updates: int) -> str:
    with fleet(folder, workers=TWO_PROCESSES) as running:
        for method, seconds in RETRY_AFTER.items():
            running.company.fault(
                kind="rate_limited", method=method, retry_after=seconds, every=EVERY
            )
        ledger = Ledger()

        titles = [f"title-{who}" for who in range(people)]
        references = [declared(running.company, ledger, title) for title in titles]

        def work(who: int, _over: threading.Event) -> None:
            for number in range(updates):
                update(running.company, ledger, references[who], f"update-{who}-{number}")

        with busy_people(work, people):
            pass
        running.wait_until_drained(180)
        calls = running.company.calls()
        check_nothing_lost_or_shown_twice(running, ledger)
        assert running.parked() == []
        attempts = running.rows("SELECT max(attempts) AS most FROM deliveries")[0]["most"]
        assert attempts == 1, "a wait is no attempt"

    waits = list(_waits(calls))
    early = [(wait, call) for wait in waits for call in _too_early(wait, calls)]
    assert early == []
    beside = sum(_goes_on_beside(wait, calls) for wait in waits)
    refused = Counter(wait["method"] for wait in waits)
    assert set(refused) == set(RETRY_AFTER), "each method was throttled at least once"
    assert beside > len(waits) / 2, "while one thing waits others go on"
    return (
        f"{len(calls)} calls, {len(waits)} answered 429: none repeated before its time, "
        f"others went on during {beside} of the waits, 0 lost, 0 twice"
    )


def _paced(folder: Path, incidents: int) -> str:
    with fleet(folder, workers=TWO_PROCESSES, SLACK_RATE_FACTOR="1") as running:
        ledger = Ledger()
        for number in range(incidents):  # a P1 is told in #general and in #engineering
            declare(running.company, ledger, f"title-{number}", "P1")
        running.wait_until_drained(180)
        check_nothing_lost_or_shown_twice(running, ledger)
        calls = running.company.calls("chat.postMessage")
        opened = len(running.company.calls("conversations.open"))
    assert opened <= 2 * incidents, "what has to wait is not prepared again and again"
    posted: dict[str, list[float]] = {}
    for call in calls:
        posted.setdefault(call["arguments"]["channel"], []).append(call["started"])
    busiest = max(posted.values(), key=len)
    assert len(busiest) >= incidents
    for channel, times in posted.items():
        # What left in time may arrive a little late, so that two are closer than they left.
        for first, at in enumerate(times):
            within = sum(at <= other < at + 3 for other in times[first:])
            assert within <= 4, (channel, times)
    pace = (len(busiest) - 1) / (busiest[-1] - busiest[0])
    assert pace <= 1.1, busiest
    return f"two processes post {pace:.2f} messages a second into one channel"


def _waits(calls: list[Call]) -> Iterator[Call]:
    return (call for call in calls if call["status"] == 429)


def _operation(call: Call) -> tuple[str, str]:
    """Return what Slack counts: the method, and for messages the channel too."""
    method = call["method"]
    return method, call["arguments"]["channel"] if method == "chat.postMessage" else ""


def _too_early(wait: Call, calls: list[Call]) -> list[Call]:
    begin, end = wait["ended"] + ON_ITS_WAY_SECONDS, wait["ended"] + RETRY_AFTER[wait["method"]]
    return [
        call
        for call in calls
        if _operation(call) == _operation(wait) and begin < call["started"] < end
    ]


def _goes_on_beside(wait: Call, calls: list[Call]) -> bool:
    """Whether another operation was served while this one had to wait."""
    end = wait["ended"] + RETRY_AFTER[wait["method"]]
    return any(
        call["status"] == 200
        and _operation(call) != _operation(wait)
        and wait["ended"] < call["started"] < end
        for call in calls
    )
