"""PostgreSQL crashes and comes back, twice, while people work in Slack and in browsers."""

import threading
import time
from itertools import count
from pathlib import Path

from tests.drills.fleet import children, fleet
from tests.drills.people import (
    Ledger,
    Said,
    Visitor,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declared,
    insist_on_declaring,
    insist_on_the_web,
    update,
)

UPDATING, DECLARING, IN_BROWSERS = 2, 1, 1
BETWEEN_SECONDS = 0.1
TRY_AGAIN = ("and try again", "Wait a moment and")


def test_nothing_acknowledged_is_lost_when_postgres_crashes(tmp_path: Path) -> None:
    drill(tmp_path, seconds_between=2)


def drill(folder: Path, seconds_between: float = 15) -> str:
    """Crash PostgreSQL twice, with so many seconds of work before, between and after."""
    with fleet(folder) as running:
        ledger, refused = Ledger(), list[Said]()
        visitor = Visitor(running.company.sign_in("responder", "person@example.com"))
        processes = _processes(running.company.app.pid, running.workers[0].pid)

        def work(who: int, over: threading.Event) -> None:
            for number in count():
                if over.wait(BETWEEN_SECONDS):
                    return
                title = f"title-{who}-{number}"
                if who == 0:
                    *told, _done = insist_on_the_web(visitor, ledger, title)
                    refused.extend(told)
                elif who <= DECLARING:
                    *told, _done = insist_on_declaring(running.company, ledger, title)
                    refused.extend(told)
                else:
                    said = update(
                        running.company, ledger, references[who], f"update-{who}-{number}"
                    )
                    if not said.accepted:
                        refused.append(said)

        people = range(IN_BROWSERS + DECLARING, IN_BROWSERS + DECLARING + UPDATING)
        references = {who: declared(running.company, ledger, f"title-{who}") for who in people}
        with busy_people(work, IN_BROWSERS + DECLARING + UPDATING):
            for _ in range(2):
                time.sleep(seconds_between)
                running.postgres.crash()
            time.sleep(seconds_between)
        running.wait_until_drained(60)
        for said in refused:
            assert any(words in said.answer for words in TRY_AGAIN), said
            # The answer to a commit may be what got lost, so it may have been made all the same.
            said.accepted = None
        check_nothing_lost_or_shown_twice(running, ledger)
        assert refused != []
        assert running.parked() == []
        assert _processes(running.company.app.pid, running.workers[0].pid) == processes
        return (
            f"2 crashes: {ledger.accepted()} accepted, 0 lost, {len(refused)} told to try again, "
            "no process restarted, audit chain whole"
        )


def _processes(*parents: int) -> list[list[int]]:
    return [sorted(children(parent)) for parent in parents]
