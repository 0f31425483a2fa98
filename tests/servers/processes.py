"""Start real processes for tests, and let none of them outlive the test run."""

import contextlib
import ctypes
import os
import pwd
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

ROOT = Path(__file__).parents[2]
INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ")
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_started: list["Process"] = []


class Process:
    """A running program in a process group of its own, its output in a log file.

    As a context manager it is stopped at the end of the block.
    """

    def __init__(
        self, command: Sequence[str], popen: subprocess.Popen[bytes], log: Path, *, quiet: bool
    ) -> None:
        self.name = shlex.join(command)[:80]
        self.log = log
        self.quiet = quiet
        self._popen = popen

    @property
    def pid(self) -> int:
        """The id of the process, which is that of its group too."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, as in `subprocess`; None while it runs."""
        return self._popen.poll()

    def stop(self, timeout: float = 15) -> int:
        """Ask it to end (SIGTERM), kill it if it does not, and return how it ended."""
        return self.end_with(signal.SIGTERM, timeout)

    def interrupt(self, timeout: float = 15) -> int:
        """Do what Ctrl-C does: SIGINT to the whole group. Kill what does not end."""
        self._signal_group(signal.SIGINT)
        return self._wait_or_kill(timeout)

    def end_with(self, number: signal.Signals, timeout: float = 15) -> int:
        """Send the process a signal that means the end; what is left of its group is killed."""
        if self.returncode is None:
            self._popen.send_signal(number)
        return self._wait_or_kill(timeout)

    def kill(self) -> None:
        """End it and its children with SIGKILL, as a crash or the kernel would."""
        self._signal_group(signal.SIGKILL)
        self._popen.wait()

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Return once `ready()`; raise with the log's tail when it ends first or time runs out."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self.returncode is not None:
                raise RuntimeError(
                    self._failure(f"ended with {self.returncode} before it was ready")
                )
            if time.monotonic() > deadline:
                raise TimeoutError(self._failure(f"was not ready after {timeout:g} s"))
            time.sleep(POLL_SECONDS)

    def log_tail(self, lines: int = 60) -> str:
        """Return the last lines of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_or_kill(self, timeout: float) -> int:
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        finally:
            self.kill()
        return self._popen.returncode

    def _signal_group(self, number: signal.Signals) -> None:
        # Nothing of it may be left (of a group of zombies macOS says that it is forbidden).
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _failure(self, what: str) -> str:
        return f"{self.name} {what}. Its log ends:\n{self.log_tail()}"


def start(
    command: Sequence[str],
    env: Mapping[str, str],
    ready_url: str,
    log: Path,
    timeout: float = 30,
) -> Process:
    """Start a program and return once `ready_url` answers with success.

    It runs in the folder of its log and sees `env` and nothing else of our environment but what
    every program needs (`INHERITED`): neither a developer's own settings nor `.env` reach a test.
    """
    process = launch(command, env, log)
    try:
        process.wait_until(lambda: _answers(ready_url), timeout)
    except BaseException:
        process.kill()
        raise
    return process


def launch(
    command: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    *,
    account: str | None = None,
    when_orphaned: signal.Signals = signal.SIGTERM,
    quiet: bool = False,
) -> Process:
    """Start a program without waiting for anything.

    `account` is the system user it runs as (only root can choose one). On Linux the kernel sends
    it `when_orphaned` when the thread that started it dies, hence only the main thread may. The
    log of a `quiet` one is not shown with failed tests.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start processes from the main thread: they die with their thread")
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    with log.open("ab") as output:
        popen = subprocess.Popen(
            list(command),
            env={**inherited, "PYTHONPATH": str(ROOT), **env},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid(), when_orphaned),
            user=account,
            group=None if account is None else pwd.getpwnam(account).pw_gid,
            extra_groups=None if account is None else [],
        )
    process = Process(command, popen, log, quiet=quiet)
    _started.append(process)
    return process


def running() -> list[Process]:
    """Return the processes that were started here and still run."""
    _started[:] = [process for process in _started if process.returncode is None]
    return list(_started)


def _dying_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Return what the child does before it becomes the program: tie its life to its parent's."""

    def tie() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # the parent died in between
            os._exit(1)

    return tie


def _answers(url: str) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between a test and its server
            return session.get(url, timeout=2).ok
    except requests.RequestException:
        return False
