"""SQLite under a crowd: sixteen writers at once, and not one is told that the database is locked."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.users.actor import Actor
from tests.team import TOGETHER_SECONDS, a_team, connected, together

WRITERS = 16
UPDATES = 3
PROCESSES = 4


def test_sixteen_processes_and_threads_write_at_once(tmp_path: Path) -> None:
    with a_team(f"sqlite:///{tmp_path}/incidentbot.db") as team:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, context) as pool, context.Manager() as manager:
            each = (team.database_url, team.ada, manager.Barrier(WRITERS))
            written = [found for part in pool.map(_write, [each] * PROCESSES) for found in part]
        assert [found for found in written if isinstance(found, Exception)] == []
        assert sorted(written, key=_number) == [f"INC-{n}" for n in range(1, WRITERS + 1)]
        for reference in written:
            texts = [event.text for event in team.timeline(reference)]
            assert texts == ["", *(f"update {n}" for n in range(UPDATES))]
        assert team.problems() == []


def _write(work: tuple[str, Actor, Any]) -> list[Any]:
    """Declare and update from this process's threads; return what each declared, or what it raised."""
    database_url, ada, barrier = work

    with connected(database_url) as sessions:

        def declare_and_update() -> str:
            barrier.wait(TOGETHER_SECONDS)
            declaration = Declaration("Checkout is down", "P3", "payments")
            with sessions() as session:
                reference = commands.declare(session, declaration, ada).incident.reference
            for number in range(UPDATES):
                with sessions() as session:
                    commands.post_update(session, reference, ada, f"update {number}")
            return reference

        return together(*[declare_and_update] * (WRITERS // PROCESSES))


def _number(reference: str) -> int:
    return int(reference.removeprefix("INC-"))
