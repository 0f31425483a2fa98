"""The workers' clocks are ten minutes off, one fast and one slow, and Slack is slow."""

import sys
import threading
import time
from collections import Counter
from datetime import datetime
from itertools import count
from pathlib import Path

from tests.drills.fleet import START_SECONDS, Fleet, children, fleet
from tests.drills.people import (
    Ledger,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declared,
    update,
)
from tests.scenarios.world import ADA, KEN, MARGARET
from tests.servers.processes import ROOT, launch

OFF_SECONDS = 600.0
LEASE_SECONDS = 10.0
SLACK_TAKES_MS = 300
BETWEEN_SECONDS = 0.3
# Runs `flask worker` with another clock. Each process notes what time it believes it is.
LAUNCHER = """\
import os, sys, time
from pathlib import Path
import time_machine
from flask.cli import main

time_machine.travel(time.time() + float(sys.argv.pop(1)), tick=True).start()

def note():
    Path(f"clock-{os.getpid()}").write_text(str(time.time()))

os.register_at_fork(after_in_child=note)
main()
"""


def test_wrong_clocks_change_nothing(tmp_path: Path) -> None:
    drill(tmp_path, incidents=3, seconds=2)


def drill(folder: Path, incidents: int = 12, seconds: float = 20) -> str:
    """Declare P1s, escalate each again, and update them for so many seconds."""
    settings = {"WORKERS": "1", "DELIVERY_LEASE_SECONDS": str(LEASE_SECONDS)}
    with fleet(folder, workers=(), **settings) as running:
        began = _database_time(running)
        offs = [_start_worker_with_clock(running, off) for off in (OFF_SECONDS, -OFF_SECONDS)]
        running.company.fault(kind="latency", method="*", ms=SLACK_TAKES_MS)
        ledger = Ledger()
        references = [
            declared(running.company, ledger, f"title-{number}", severity="P1")
            for number in range(incidents)
        ]

        def work(who: int, over: threading.Event) -> None:
            for number in count():
                if over.wait(BETWEEN_SECONDS):
                    return
                update(running.company, ledger, references[who], f"update-{who}-{number}")

        with busy_people(work, min(3, incidents)):
            time.sleep(seconds)
        running.wait_until_drained(60)
        for reference in references:
            for severity in ("P3", "P1"):
                running.company.told(ADA, f"severity {reference} {severity}")
        running.wait_until_drained(60)
        check_nothing_lost_or_shown_twice(running, ledger)
        ended = _database_time(running)

        assert _was_claimed_once(running)
        throttled = _people_were_told_once(running, incidents)
        _times_lie_between(running, began, ended)
        assert running.parked() == []
        made = len(running.rows("SELECT id FROM deliveries WHERE state = 'done'"))
        return (
            f"workers {' and '.join(f'{off:+.0f} s' for off in offs)}: {made} deliveries in order, "
            f"no lease taken over, {throttled} direct messages throttled, all times the database's"
        )


def _start_worker_with_clock(running: Fleet, off: float) -> float:
    """Start a `flask worker` whose clock is off; return by how much its processes' clocks are."""
    folder = running.company.folder / f"clock{off:+.0f}"
    folder.mkdir()
    launcher = folder / "launcher.py"
    launcher.write_text(LAUNCHER)
    command = [sys.executable, str(launcher), str(off), "--app", "app", "worker"]
    worker = launch(command, {**running.company.env, "PYTHONPATH": str(ROOT)}, folder / "log")
    running.workers.append(worker)
    worker.wait_until(lambda: len(list(folder.glob("clock-*"))) > 0, START_SECONDS)
    (note,) = folder.glob("clock-*")
    assert int(note.name.removeprefix("clock-")) in children(worker.pid)
    return float(note.read_text()) - note.stat().st_mtime


def _database_time(running: Fleet) -> datetime:
    now: datetime = running.rows("SELECT clock_timestamp() AS now")[0]["now"]
    return now


def _was_claimed_once(running: Fleet) -> bool:
    """Whether nobody took over what another had in hand."""
    query = "SELECT id FROM deliveries WHERE attempts > 1 OR in_doubt"
    return running.rows(query) == []


def _people_were_told_once(running: Fleet, incidents: int) -> int:
    """Check that each person had one message about each incident; return how many were throttled."""
    query = "SELECT incident_id, target, state FROM deliveries WHERE kind = 'slack.dm'"
    rows = running.rows(query)
    told = Counter((row["incident_id"], row["target"]) for row in rows if row["state"] == "done")
    assert set(told.values()) == {1}
    posts = running.company.posts()
    assert {len(posts[person]) for person in (KEN, MARGARET)} == {incidents}
    throttled = sum(row["state"] == "skipped" for row in rows)
    assert throttled >= 2 * incidents
    return throttled


def _times_lie_between(running: Fleet, began: datetime, ended: datetime) -> None:
    for table, column in (
        ("timeline_events", "at"),
        ("audit_entries", "at"),
        ("deliveries", "finished_at"),
        ("incidents", "updated_at"),
    ):
        query = f"SELECT min({column}) AS first, max({column}) AS last FROM {table}"  # noqa: S608 - names of ours
        (found,) = running.rows(query)
        assert began <= found["first"] <= found["last"] <= ended, table
