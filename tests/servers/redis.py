"""A real Redis for tests: the one of `TEST_REDIS_URL`, else one started here."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.servers import debian
from tests.servers.missing import Missing
from tests.servers.ports import free_port, worker_number
from tests.servers.processes import Process, launch

START_SECONDS = 20


def _not_ours() -> None:
    raise RuntimeError("this server was started by somebody else")


@dataclass(frozen=True)
class RedisServer:
    """A running server, known by the URL of the database that is ours alone.

    `kill` ends it at once and `start` starts it again, empty; only a server started here can.
    """

    url: str
    kill: Callable[[], None] = _not_ours
    start: Callable[[], None] = _not_ours

    def clear(self) -> None:
        """Remove every key."""
        with Redis.from_url(self.url) as client:
            client.flushdb()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Give a server for the length of the block."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield RedisServer(_own_database(given))
        return
    with started() as server:
        yield server


def binary() -> Path:
    """Return the redis-server program of this machine, or Debian's."""
    try:
        return debian.program("redis-server", "redis-server")
    except Missing as missing:
        raise Missing(
            f"{missing} Or set TEST_REDIS_URL to a server whose data may be deleted."
        ) from None


@contextmanager
def started() -> Iterator[RedisServer]:
    """Start a server without data, and stop it after the block."""
    program = binary()
    home = Path(tempfile.mkdtemp(prefix="incidentbot-redis-"))
    port, password = free_port(), secrets.token_hex(16)
    settings = {
        "port": str(port),
        "bind": "127.0.0.1",
        "requirepass": password,
        "dir": str(home),
        "save": "",
        "appendonly": "no",
    }
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    process: Process | None = None

    def begin() -> None:
        nonlocal process
        process = launch(
            [str(program), *arguments], debian.environment(program), log=home / "log", quiet=True
        )
        process.wait_until(lambda: _accepts(url), START_SECONDS)

    def kill() -> None:
        if process is not None:
            process.kill()

    try:
        begin()
        yield RedisServer(url, kill, begin)
    finally:
        if process is not None:
            process.stop()
        shutil.rmtree(home, ignore_errors=True)


def _accepts(url: str) -> bool:
    try:
        with Redis.from_url(url, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except RedisConnectionError:
        return False


def _own_database(url: str) -> str:
    """Return the URL of the database of this pytest-xdist worker: the given one plus its number."""
    parts = urlsplit(url)
    first = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{first + worker_number()}").geturl()
