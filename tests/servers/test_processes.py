"""Processes start, are waited for, end as asked, and do not outlive whoever started them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.servers import processes
from tests.servers.ports import free_port

pytestmark = pytest.mark.server

# Ignores SIGTERM and has a child: the hardest to get rid of.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""

# Starts a process, tells its id, and is killed before it can stop it.
CARELESS = """
import os, signal, sys
from pathlib import Path
from tests.servers.processes import launch
process = launch([sys.executable, "-c", "import time; time.sleep(600)"], {}, Path(sys.argv[1]))
print(process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has reaped yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until_dead(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_a_server_is_waited_for_and_stopped(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}/"
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with processes.start(command, {}, url, tmp_path / "log") as server:
        assert requests.get(url, timeout=5).ok
        assert server in processes.running()
    assert server.returncode == -signal.SIGTERM
    assert server not in processes.running()
    assert "GET / HTTP/1.1" in server.log_tail()


def test_a_program_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('DATABASE_URL is not a URL')"]
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1.*DATABASE_URL is not a URL"):
        processes.start(command, {}, "http://127.0.0.1:9/", tmp_path / "log")


def test_a_program_that_never_gets_ready_is_reported_and_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-uc", "import time; print('thinking'); time.sleep(600)"]
    with pytest.raises(TimeoutError, match=r"(?s)not ready after 1 s.*thinking"):
        processes.start(command, {}, "http://127.0.0.1:9/", tmp_path / "log", timeout=1)
    assert processes.running() == [p for p in processes.running() if p.log.parent != tmp_path]


def test_one_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    process = processes.launch([sys.executable, "-c", STUBBORN], {}, tmp_path / "log")
    process.wait_until(lambda: bool(process.log_tail()), timeout=10)
    child = int(process.log_tail())
    assert process.stop(timeout=0.2) == -signal.SIGKILL
    assert wait_until_dead(child)


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux ties a child's life to its parent's"
)
def test_no_process_outlives_a_test_run_that_was_killed(tmp_path: Path) -> None:
    careless = subprocess.run(
        [sys.executable, "-c", CARELESS, str(tmp_path / "log")],
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert careless.returncode == -signal.SIGKILL
    assert wait_until_dead(int(careless.stdout))


def test_a_developers_own_settings_do_not_reach_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-a-real-workspace")
    command = [sys.executable, "-c", "import os; print(os.getcwd(), sorted(os.environ))"]
    process = processes.launch(command, {"PORT": "8000"}, tmp_path / "log")
    process.wait_until(lambda: "]" in process.log_tail(), timeout=10)
    assert "PORT" in process.log_tail()
    assert "SLACK_BOT_TOKEN" not in process.log_tail()
    assert str(tmp_path) in process.log_tail(), "it ran where it could read the project's .env"
