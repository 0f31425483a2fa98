"""Processes are asked to stop, once and twice, and killed, while they have something in hand."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

from tests.drills.fleet import Fleet, children, fleet
from tests.drills.people import (
    Ledger,
    Said,
    check_nothing_lost_or_shown_twice,
    declared,
    update,
)
from tests.scenarios.world import World, eventually
from tests.servers.processes import Process

SWEEP_SECONDS = 1.0
# For a process to be started, to notice, and to be seen gone on a busy machine.
ALLOWANCE_SECONDS = 6.0


def test_processes_stop_in_time_and_leave_nothing_behind(tmp_path: Path) -> None:
    drill(tmp_path, grace=2.5, lease=2)


def drill(folder: Path, grace: float = 5, lease: float = 10) -> str:
    """Stop workers and web, each with something in hand."""
    with fleet(
        folder,
        web=1,
        WORKERS="1",
        SHUTDOWN_GRACE=str(grace),
        DELIVERY_LEASE_SECONDS=str(lease),
        SWEEP_SECONDS=str(SWEEP_SECONDS),
    ) as running:
        ledger = Ledger()
        reference = declared(running.company, ledger, "title")
        running.wait_until_drained(20)

        # What ends within the grace is ended.
        running.company.fault(kind="latency", method="chat.postMessage", ms=1_000, when="before")
        worker = _busy_worker(running, ledger, reference, "in-flight")
        ended = _seconds_to_stop(worker)
        assert _states(running)[-1] == "done"
        assert ended < grace + ALLOWANCE_SECONDS
        running.company.heal()

        # What hangs longer is given back.
        running.company.fault(kind="hang", method="chat.postMessage")
        running.start_worker()
        worker = _busy_worker(running, ledger, reference, "hanging")
        gave_back = _seconds_to_stop(worker)
        assert "leased" not in _states(running)
        assert grace <= gave_back < grace + ALLOWANCE_SECONDS

        # A second signal waits for nothing, not even to give back.
        running.start_worker()
        worker = _busy_worker(running, ledger, reference, "twice")
        os.kill(worker.pid, signal.SIGTERM)
        time.sleep(1)
        _seconds_to_stop(worker)
        assert _states(running)[-1] == "leased"

        # A crash of all costs one lease.
        running.start_worker()
        worker = _busy_worker(running, ledger, reference, "killed")
        worker.kill()
        killed_at = time.monotonic()
        running.company.heal()
        running.start_worker()
        running.wait_until_drained(lease + SWEEP_SECONDS + ALLOWANCE_SECONDS)
        cost = time.monotonic() - killed_at

        _stop_web_with_a_request_in_flight(running, ledger, reference)
        running.wait_until_drained(20)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert running.parked() == []
        return (
            f"worker: what was in flight ended in {ended:.1f} s, what hung given back in "
            f"{gave_back:.1f} s (grace {grace:g} s), SIGKILL cost {cost:.1f} s (lease {lease:g} s); "
            "web: the request in flight answered, the next refused"
        )


def _busy_worker(running: Fleet, ledger: Ledger, reference: str, text: str) -> Process:
    """Have the newest worker begin to post an update, and return it."""
    assert update(running.company, ledger, reference, text).accepted
    eventually(lambda: _states(running)[-1] == "leased")
    return running.workers[-1]


def _states(running: Fleet) -> list[str]:
    """Return the states of the messages in the incident's channel, the newest last."""
    query = "SELECT state FROM deliveries WHERE kind = 'slack.message' ORDER BY id"
    return [row["state"] for row in running.rows(query)]


def _seconds_to_stop(worker: Process) -> float:
    started = time.monotonic()
    worker.stop()
    assert children(worker.pid) == []
    return time.monotonic() - started


def _stop_web_with_a_request_in_flight(running: Fleet, ledger: Ledger, reference: str) -> None:
    """Ask the web to stop while a request waits for its incident; let it go on once nobody listens."""
    said: list[Said] = []

    def ask() -> None:
        said.append(update(running.company, ledger, reference, "on-the-web"))

    asking = threading.Thread(target=ask)
    with running.engine.begin() as connection:
        connection.exec_driver_sql("SELECT id FROM incidents FOR UPDATE")
        asking.start()
        eventually(lambda: _waits_for_a_lock(running))
        os.kill(running.company.app.pid, signal.SIGTERM)
        eventually(lambda: not _listens(running.company), 1.5)
        assert said == []
    asking.join()
    assert said[0].accepted, said
    assert running.company.app.stop() == 0


def _waits_for_a_lock(running: Fleet) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return running.rows(query) != []


def _listens(company: World) -> bool:
    address = ("127.0.0.1", int(company.env["PORT"]))
    with socket.socket() as door:
        return door.connect_ex(address) == 0
