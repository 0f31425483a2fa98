"""A random worker process is killed again and again while it delivers."""

import threading
from pathlib import Path

from tests.drills.fleet import Fleet, again_and_again, fleet, kill_a_child
from tests.drills.people import (
    Ledger,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declared,
    update,
)

EVERY_SECONDS = 0.5
PEOPLE = 4


def test_nothing_is_lost_or_posted_twice_while_workers_die(tmp_path: Path) -> None:
    drill(tmp_path, deliveries=120)


def drill(folder: Path, deliveries: int = 500) -> str:
    """Make so many deliveries while a worker dies every half second."""
    with fleet(folder, workers=({"WORKERS": "3"},)) as running:
        ledger, killed = Ledger(), 0

        def kill() -> None:
            nonlocal killed
            killed += kill_a_child(running.workers[0].pid)

        def work(who: int, over: threading.Event) -> None:
            reference = declared(running.company, ledger, f"title-{who}")
            for number in range(10_000):
                if over.is_set() or _made(running) >= deliveries:
                    return
                update(running.company, ledger, reference, f"update-{who}-{number}")

        with again_and_again(kill, EVERY_SECONDS):
            with busy_people(work, PEOPLE):
                while _made(running) < deliveries:
                    threading.Event().wait(0.2)
            running.wait_until_drained(60)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert killed > 0
        assert running.parked() == []
        return f"{_made(running)} deliveries, {killed} workers killed: 0 lost, 0 twice, order kept"


def _made(running: Fleet) -> int:
    return int(running.rows("SELECT count(*) AS n FROM deliveries")[0]["n"])
