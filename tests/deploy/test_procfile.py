"""The Procfile, run for real: from an empty database to the first incident, and to the end."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.scenarios.world import ADA, LINUS, SANDBOX, World, eventually
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, Process, launch, start

pytestmark = [pytest.mark.scenario, pytest.mark.server]

HONCHO = [sys.executable, "-m", "honcho"]


@pytest.fixture
def company(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """The Procfile's processes under honcho, on an empty database and an empty Redis."""
    folder = _installed_in(tmp_path / "app")
    app_port, slack_port = free_port(), free_port()
    app_url, slack_url = f"http://127.0.0.1:{app_port}", f"http://127.0.0.1:{slack_port}"
    env = {
        # The programs of the environment that runs this, first.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": postgres_url.replace("postgresql+psycopg2://", "postgres://"),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "procfile",
        "BASE_URL": app_url,
        "SERVICES": "payments,search",
        "SERVICE_OWNERS": f'{{"payments": ["{LINUS}"]}}',
        "SLACK_BOT_TOKEN": "xoxb-procfile",
        "SLACK_SIGNING_SECRET": "procfile-secret",
        "SLACK_API_URL": f"{slack_url}/api/",
    }
    sandbox_env = {
        "SANDBOX_PORT": str(slack_port),
        "SANDBOX_APP_URL": f"{app_url}/slack/events",
        "SANDBOX_DATA": "",
        "SLACK_BOT_TOKEN": env["SLACK_BOT_TOKEN"],
        "SLACK_SIGNING_SECRET": env["SLACK_SIGNING_SECRET"],
    }
    with start(SANDBOX, sandbox_env, slack_url, tmp_path / "sandbox.log") as sandbox:
        release = subprocess.run(
            [*HONCHO, "start", "release"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert release.returncode == 0, release.stdout + release.stderr
        command = [*HONCHO, "start", "--port", str(app_port), "web", "worker"]
        with launch(command, env, folder / "honcho.log") as processes:
            processes.wait_until(lambda: _is_healthy(app_url), 60)
            yield World(app_url, slack_url, env, folder, processes, sandbox)
            eventually(lambda: _is_quiet(processes))


def _is_quiet(honcho: Process) -> bool:
    """Whether nothing was logged for a while: honcho breaks when a signal finds it in a line's midst."""
    before = honcho.log.stat().st_size
    time.sleep(0.3)
    return honcho.returncode is not None or honcho.log.stat().st_size == before


def _installed_in(folder: Path) -> Path:
    """Make a folder that shows the project without what a developer keeps in it, such as `.env`."""
    folder.mkdir()
    for name in ("Procfile", "app.py", "gunicorn.conf.py", "incidentbot", "migrations"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def _is_healthy(url: str) -> bool:
    try:
        answer = requests.get(f"{url}/health", timeout=2)
    except requests.RequestException:
        return False
    return answer.ok and answer.json()["status"] == "healthy"


def test_from_an_empty_database_to_the_first_incident(company: World) -> None:
    assert company.declare(ADA, title="Checkout is down", severity="P1") == "INC-1"

    said = eventually(lambda: [t for t in company.texts("general", ADA) if "INC-1" in t])
    assert "Checkout is down" in said[0]
    # Whom it concerns is in a channel of its own.
    usual = {"general", "engineering", "random", "support"}
    eventually(lambda: [c for c in company.channels() if LINUS in c["members"]
                        and c["name"] not in usual and not c.get("is_im")])  # fmt: skip
    # The web process has Redis, so it leaves telling to the worker.
    log = (company.folder / "honcho.log").read_text()
    assert re.search(r"^\S+ worker\.1 .*delivery done", log, re.M)
    assert not re.search(r"^\S+ web\.1 .*delivery done", log, re.M)


def test_sigterm_lets_a_request_end(company: World) -> None:
    company.fault(kind="latency", method="views.open", ms=1500, when="before")

    with ThreadPoolExecutor() as person:
        answer = person.submit(company.type, ADA, "declare")
        eventually(
            lambda: company.get("/sandbox/faults")["faults"][0]["hits"]
        )  # it is in Slack now
        company.app.stop()
        opened = answer.result()

    assert opened["status"] == 200, opened
    assert opened["view"] is not None, opened
    assert not _is_healthy(company.app_url)
    assert "worker" not in _programs(company), "it left a process behind"


def _programs(company: World) -> str:
    """Return the command lines of what still runs in the folder of this installation."""
    found = ""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").resolve() == company.folder.resolve():
                found += (process / "cmdline").read_text().replace("\0", " ") + "\n"
    return found
