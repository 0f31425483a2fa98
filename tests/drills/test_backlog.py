"""Thousands of deliveries are due at once, and a P1 is declared in the middle of them."""

import threading
import time
from pathlib import Path

from sqlalchemy import text

from tests.drills.fleet import Fleet, children, fleet
from tests.drills.people import Ledger, check_nothing_lost_or_shown_twice, declare, declared

PER_INCIDENT = 100
# Of the P1: its announcements elsewhere, direct messages, channel and card.
URGENT_SECONDS = 10
GROWTH_BYTES = 40 * 1024 * 1024
LOOK_SECONDS = 0.5


def test_a_backlog_is_drained_steadily_and_a_p1_does_not_wait_for_it(tmp_path: Path) -> None:
    drill(tmp_path, deliveries=1_500)


def drill(folder: Path, deliveries: int = 20_000) -> str:
    """Write so many P4 deliveries at once, half messages and half cards; declare a P1 half-way."""
    # More streams than there are threads to work on them.
    incidents = max(12, deliveries // (2 * PER_INCIDENT))
    with fleet(folder, workers=({},)) as running:
        company, ledger = running.company, Ledger()
        for number in range(incidents):
            declare(company, ledger, f"title-{number}", "P4")
        running.wait_until_drained(180)
        memory_before = _memory(running)

        written = _write(running, deliveries, incidents)
        started = time.monotonic()
        left: list[tuple[float, int]] = [(0.0, written)]
        most, urgent, urgent_at, left_then = memory_before, "", 0.0, 0
        waited: float | None = None
        while left[-1][1] > 0:
            threading.Event().wait(LOOK_SECONDS)
            now = time.monotonic()
            left.append((now - started, _left(running)))
            assert now - started < 600
            most = max(most, _memory(running))
            if not urgent and left[-1][1] < written * 2 / 3:
                urgent, urgent_at = declared(company, ledger, "urgent", "P1"), now
            if urgent and waited is None and _is_told(running, urgent):
                waited, left_then = time.monotonic() - urgent_at, _left(running)
        seconds = left[-1][0]
        assert waited is not None, "the P1 was told before the backlog was drained"
        assert waited < URGENT_SECONDS, waited
        assert left_then > 0
        running.wait_until_drained(60)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert running.parked() == []
        first, last = _rate(left, written, 3), _rate(left, written, 1)
        assert last >= first / 2, (first, last)
        assert most - memory_before < GROWTH_BYTES, (memory_before, most)
        return (
            f"{written} in {seconds:.0f} s: {first:.0f}/s in the first third, {last:.0f}/s in the "
            f"last; workers grew by {(most - memory_before) / 2**20:.0f} MB; a P1 was told "
            f"everywhere after {waited:.1f} s, {left_then} P4 deliveries still waiting"
        )


def _write(running: Fleet, deliveries: int, incidents: int) -> int:
    """Write messages and cards of P4 incidents past the app, as if nobody had delivered for long."""
    query = """
        INSERT INTO deliveries (incident_id, stream, kind, target, payload, dedupe_key, priority,
                                state, attempts, in_doubt, due_at, created_at)
        SELECT i.id,
               'INC-' || i.number || CASE n % 2 WHEN 0 THEN '/messages' ELSE '/card' END,
               CASE n % 2 WHEN 0 THEN 'slack.message' ELSE 'slack.card' END,
               'war-room', '{"seq": 1}', 'backlog-' || i.number || '-' || n, 4,
               'pending', 0, false, now(), now()
        FROM incidents i, generate_series(1, :each) n
        ORDER BY n, i.id
    """
    with running.engine.begin() as connection:
        done = connection.execute(text(query), {"each": deliveries // incidents})
        return done.rowcount


def _left(running: Fleet) -> int:
    """Return how much of the backlog is still to be delivered."""
    query = (
        "SELECT count(*) AS n FROM deliveries WHERE dedupe_key LIKE 'backlog-%'"
        " AND state IN ('pending', 'leased', 'retrying')"
    )
    return int(running.rows(query)[0]["n"])


def _is_told(running: Fleet, reference: str) -> bool:
    """Whether everything that is urgent about a new P1 is out."""
    rows = running.rows(
        "SELECT d.kind, d.state FROM deliveries d JOIN incidents i ON i.id = d.incident_id"
        " WHERE i.number = :number AND d.kind IN"
        " ('slack.announcement', 'slack.dm', 'slack.war_room', 'slack.card', 'slack.invite')",
        number=int(reference.removeprefix("INC-")),
    )
    return all(row["state"] in ("done", "skipped") for row in rows)


def _rate(left: list[tuple[float, int]], written: int, third: int) -> float:
    """Return the deliveries a second while the first (3) or the last (1) third was drained."""
    top, bottom = written * third / 3, written * (third - 1) / 3
    inside = [(at, number) for at, number in left if bottom <= number <= top]
    (begin, most), (end, least) = inside[0], inside[-1]
    return (most - least) / max(end - begin, LOOK_SECONDS)


def _memory(running: Fleet) -> int:
    """Return how much memory the worker processes hold."""
    total = 0
    for worker in running.workers:
        for pid in (worker.pid, *children(worker.pid)):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            total += pages * 4096
    return total
