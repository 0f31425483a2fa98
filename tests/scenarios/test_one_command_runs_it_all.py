"""`make run`, from nothing to Ctrl-C: the addresses answer, the link signs in, nothing is left behind."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.scenarios.world import Browser, eventually
from tests.servers.ports import free_port
from tests.servers.processes import Process, launch

READY_SECONDS = 60


@contextmanager
def laptop(folder: Path, env: dict[str, str]) -> Iterator[Process]:
    """Run everything as `make run` does, with its data in a folder of our own."""
    folder.mkdir()
    with launch([sys.executable, "-m", "incidentbot.local"], env, folder / "log") as process:
        process.wait_until(lambda: "Ctrl-C stops" in process.log.read_text(), READY_SECONDS)
        yield process


def session_members(leader: int) -> list[str]:
    """Return the command lines of the processes whose environment names this run's database."""
    mark = f"RUN_OF_TEST={leader}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:  # gone meanwhile, or not ours
            continue
    return found


def signed_in(port: int, running: Process) -> Browser:
    """Follow the sign-in link that it printed."""
    link = re.findall(r"http://localhost:\d+(/sign-in/\S+)", running.log.read_text())[-1]
    browser = Browser(f"http://localhost:{port}")
    browser.post(link, browser.get(link))
    return browser


def test_it_starts_answers_stops_and_remembers(tmp_path: Path) -> None:
    port, sandbox_port = free_port(), free_port()
    env = {
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'incidentbot.db'}",
        "SANDBOX_DATA": str(tmp_path / "sandbox.json"),
        "RUN_OF_TEST": str(os.getpid()),
    }
    with laptop(tmp_path / "first", env) as running:
        browser = signed_in(port, running)
        assert requests.get(f"http://localhost:{sandbox_port}/", timeout=5).ok
        form = browser.get("/incidents/new")
        me = re.search(r'name="commander" value="([^"]+)"', form)
        assert me is not None
        fields = {"title": "It is down", "severity": "P4", "service": "payments"}
        browser.post("/incidents/new", form, commander=me[1], **fields)
        assert running.interrupt() == 0
    assert eventually(lambda: not session_members(os.getpid()))
    with laptop(tmp_path / "second", env) as running:
        assert "It is down" in signed_in(port, running).get("/")
        assert running.stop() == 0
    assert eventually(lambda: not session_members(os.getpid()))


def test_wrong_settings_are_all_reported_and_nothing_is_started(tmp_path: Path) -> None:
    env = {"LOG_LEVEL": "LOUD", "SLACK_RATE_FACTOR": "-1", "RUN_OF_TEST": str(os.getpid())}
    process = launch([sys.executable, "-m", "incidentbot.local"], env, tmp_path / "log")
    eventually(lambda: process.returncode is not None, 30)
    assert process.returncode == 2
    said = process.log.read_text()
    assert "LOG_LEVEL must be" in said
    assert "SLACK_RATE_FACTOR must be" in said
    assert "Traceback" not in said
    assert session_members(os.getpid()) == []
