"""A random web process is killed again and again while people declare, in Slack and in browsers."""

import threading
from itertools import count
from pathlib import Path

from tests.drills.fleet import Fleet, again_and_again, fleet, kill_a_child
from tests.drills.people import (
    Ledger,
    Said,
    Visitor,
    busy_people,
    check_nothing_lost_or_shown_twice,
    insist_on_declaring,
    insist_on_the_web,
)

# Longer than a web process takes to start, or none would ever answer.
EVERY_SECONDS = 1.0
IN_SLACK, IN_BROWSERS = 3, 3


def test_each_declaration_is_made_once_while_web_processes_die(tmp_path: Path) -> None:
    drill(tmp_path, declares=30)


def drill(folder: Path, declares: int = 200) -> str:
    """Declare so many incidents while a web process dies every second."""
    with fleet(folder, web=3) as running:
        ledger, killed = Ledger(), 0
        visitors = [
            Visitor(running.company.sign_in("responder", f"person-{number}@example.com"))
            for number in range(IN_BROWSERS)
        ]
        numbers, said = count(1), list[Said]()

        def kill() -> None:
            nonlocal killed
            killed += kill_a_child(running.company.app.pid)

        def work(who: int, _over: threading.Event) -> None:
            while (number := next(numbers)) <= declares:
                if who < IN_SLACK:
                    said.extend(insist_on_declaring(running.company, ledger, f"slack-{number}"))
                else:
                    said.extend(
                        insist_on_the_web(visitors[who - IN_SLACK], ledger, f"web-{number}")
                    )

        with again_and_again(kill, EVERY_SECONDS), busy_people(work, IN_SLACK + IN_BROWSERS):
            pass
        running.wait_until_drained(60)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert len(ledger.declared) == declares == _incidents(running)
        assert [told for told in said if told.accepted is False] == [], (
            "no answer, or the right one"
        )
        assert killed > 0
        assert running.parked() == []
        repeated = len(said) - declares
        return (
            f"{declares} declared, {killed} web processes killed, {repeated} times asked again: "
            "each once, with its war room"
        )


def _incidents(running: Fleet) -> int:
    return int(running.rows("SELECT count(*) AS n FROM incidents")[0]["n"])
