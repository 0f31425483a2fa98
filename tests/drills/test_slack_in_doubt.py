"""Slack does what it is asked and does not say so, or fails before it does."""

import threading
from collections import Counter
from pathlib import Path

from tests.drills.fleet import fleet
from tests.drills.people import (
    Ledger,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declared,
    update,
)

PEOPLE = 4
# Each takes effect; then the connection is closed, or the answer is an error. Half of the calls.
DOUBTFUL = {
    "conversations.create": "drop",
    "conversations.invite": "server_error_after",
    "bookmarks.add": "server_error_after",
    "pins.add": "drop",
    "chat.update": "drop",
}


def test_what_is_in_doubt_is_neither_lost_nor_shown_twice(tmp_path: Path) -> None:
    drill(tmp_path, updates=3, hangs=1, hang_seconds=1)


def drill(folder: Path, updates: int = 30, hangs: int = 6, hang_seconds: int = 12) -> str:
    """Post while a fifth of the posts lose their answer and a fifth fail.

    So many posts take effect and get no answer for so long; our patience ends after 10 seconds.
    """
    with fleet(folder, workers=({"WORKERS": "3"},)) as running:
        company, ledger = running.company, Ledger()
        company.fault(kind="server_error", method="chat.postMessage", probability=0.2, seed=7)
        company.fault(
            kind="hang", method="chat.postMessage", ms=1000 * hang_seconds, every=9, count=hangs
        )
        company.fault(kind="drop", method="chat.postMessage", probability=0.2, seed=8)
        for method, kind in DOUBTFUL.items():
            company.fault(kind=kind, method=method, every=2)

        def work(who: int, _over: threading.Event) -> None:
            # A P1 also has cards in channels that are named, not known by id, and direct messages.
            severity = "P3" if who else "P1"
            reference = declared(company, ledger, f"title-{who}", severity)
            for number in range(updates):
                update(company, ledger, reference, f"update-{who}-{number}")

        with busy_people(work, PEOPLE):
            pass
        running.wait_until_drained(150)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert running.parked() == []
        rooms = [room["name"] for room in company.channels() if room["name"].startswith("inc-")]
        assert len(rooms) == len(ledger.declared), "no channel was made twice"
        hits = Counter[str]()
        for fault in company.get("/sandbox/faults")["faults"]:
            assert fault["hits"] > 0, fault
            hits[fault["kind"]] += fault["hits"]
        posts = len(company.calls("chat.postMessage"))
        seen = ", ".join(f"{number} {kind}" for kind, number in sorted(hits.items()))
        return f"{posts} posts tried; {seen}: 0 lost, 0 shown twice, no channel made twice"
