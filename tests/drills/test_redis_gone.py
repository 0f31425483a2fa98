"""Redis is flushed while people work, then killed, and comes back empty."""

import threading
import time
from pathlib import Path

from redis import Redis

from tests.drills.fleet import Fleet, fleet, kill_a_child
from tests.drills.people import (
    SLACK_WAITS_SECONDS,
    Ledger,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declare,
    declared,
    update,
)
from tests.scenarios.world import eventually

PEOPLE = 3
SWEEP_SECONDS = 1.0
BETWEEN_UPDATES_SECONDS = 0.2


def test_nothing_is_lost_while_redis_is_gone(tmp_path: Path) -> None:
    drill(tmp_path, gone_seconds=5)


def drill(folder: Path, gone_seconds: float = 30) -> str:
    """Flush Redis, kill it, and start it again after so many seconds, all under load."""
    with fleet(folder, SWEEP_SECONDS=str(SWEEP_SECONDS)) as running:
        ledger = Ledger()

        def work(who: int, over: threading.Event) -> None:
            reference = declared(running.company, ledger, f"title-{who}")
            number = 0
            while not over.wait(BETWEEN_UPDATES_SECONDS):
                update(running.company, ledger, reference, f"update-{who}-{number}")
                number += 1

        with busy_people(work, PEOPLE):
            eventually(lambda: _made(running) >= 10 * PEOPLE)
            Redis.from_url(running.redis.url).flushall()
            time.sleep(1)
            running.redis.kill()
            made = _made(running)
            # Whoever dies now is replaced, although Redis cannot be asked.
            assert kill_a_child(running.workers[0].pid)
            time.sleep(gone_seconds)
            made_meanwhile = _made(running) - made
            running.redis.start()
            said = declare(running.company, ledger, "after", severity="P1")
            assert said.accepted, said
            delay = _seconds_to_the_first_attempt(running, said.reference)
        running.wait_until_drained(30)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert made_meanwhile > 0
        assert all(said.accepted for said in (*ledger.declared, *ledger.updated))
        assert ledger.slowest() < SLACK_WAITS_SECONDS
        assert delay < SWEEP_SECONDS + 1
        assert running.parked() == []
        return (
            f"gone {gone_seconds:g} s: {ledger.accepted()} accepted, 0 lost, {made_meanwhile} "
            f"deliveries made meanwhile, slowest answer {ledger.slowest():.2f} s, "
            f"first attempt {delay:.2f} s after it was back"
        )


def _seconds_to_the_first_attempt(running: Fleet, reference: str) -> float:
    """Return how long after a declaration its first delivery was attempted."""
    query = (
        "SELECT count(*) AS n FROM deliveries JOIN incidents ON incidents.id = incident_id "
        "WHERE number = :number AND attempts > 0"
    )
    number = int(reference.removeprefix("INC-"))
    started = time.monotonic()
    eventually(lambda: running.rows(query, number=number)[0]["n"] > 0)
    return time.monotonic() - started


def _made(running: Fleet) -> int:
    return int(running.rows("SELECT count(*) AS n FROM deliveries WHERE state = 'done'")[0]["n"])
