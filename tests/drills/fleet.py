"""Several machines' worth of incidentbot: web processes, RQ workers, PostgreSQL, Redis, and a Slack."""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from tests.scenarios.world import World, eventually, world
from tests.servers import postgres, redis
from tests.servers.postgres import PostgresServer
from tests.servers.processes import ROOT, Process, launch
from tests.servers.redis import RedisServer

WORKER = [sys.executable, "-m", "flask", "--app", "app", "worker"]
OPEN_STATES = "('pending', 'leased', 'retrying')"
START_SECONDS = 30


@dataclass
class Fleet:
    """What a drill does harm to, and looks at afterwards."""

    company: World
    postgres: PostgresServer
    redis: RedisServer
    engine: Engine
    workers: list[Process] = field(default_factory=list)

    def start_worker(self, **settings: str) -> Process:
        """Start a `flask worker` and return once it listens."""
        log = self.company.folder / f"worker-{len(self.workers)}.log"
        worker = launch(WORKER, {**self.company.env, "PYTHONPATH": str(ROOT), **settings}, log)
        self.workers.append(worker)
        worker.wait_until(lambda: len(children(worker.pid)) > 0, START_SECONDS)
        return worker

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Ask the database, past the app."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    def unfinished(self) -> int:
        """Return how many deliveries are still to be made; what is meant for later is left out."""
        later = "state = 'pending' AND last_error IS NULL AND due_at > now()"
        query = (
            f"SELECT count(*) AS n FROM deliveries WHERE state IN {OPEN_STATES} AND NOT ({later})"  # noqa: S608 - constants
        )
        return int(self.rows(query)[0]["n"])

    def parked(self) -> list[dict[str, Any]]:
        """Return the deliveries that were given up."""
        return self.rows("SELECT id, kind, last_error FROM deliveries WHERE state = 'parked'")

    def wait_until_drained(self, seconds: float) -> None:
        """Return once nothing is left to be delivered; fail when that takes longer than `seconds`."""
        eventually(lambda: self.unfinished() == 0, seconds)


def children(pid: int) -> list[int]:
    """Return the ids of a process's children that are alive."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def kill_a_child(pid: int) -> bool:
    """SIGKILL one of a process's children, any of them; return whether there was one."""
    alive = children(pid)
    if alive:
        os.kill(random.choice(alive), signal.SIGKILL)
    return bool(alive)


@contextmanager
def again_and_again(harm: Callable[[], Any], seconds: float) -> Iterator[None]:
    """Do harm every so many seconds while the block runs. What the harm raises fails the drill."""
    over = threading.Event()
    raised: list[BaseException] = []

    def do_harm() -> None:
        try:
            while not over.wait(seconds):
                harm()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=do_harm)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert raised == []


@contextmanager
def fleet(
    folder: Path, *, web: int = 2, workers: Sequence[dict[str, str]] = ({},), **settings: str
) -> Iterator[Fleet]:
    """Start it all: `web` gunicorn workers, and one `flask worker` for each dict of its settings.

    Slack's published rate limits would make every drill last for minutes, so they are off unless
    `settings` says otherwise (SLACK_RATE_FACTOR).
    """
    with ExitStack() as stack:
        database = stack.enter_context(postgres.started_from(postgres.binaries()[0], durable=True))
        queue = stack.enter_context(redis.started())
        url = database.create_database()
        company = stack.enter_context(
            world(
                url,
                folder,
                **{
                    "REDIS_URL": queue.url,
                    "WEB_CONCURRENCY": str(web),
                    "WORKERS": "2",
                    "SLACK_RATE_FACTOR": "0",
                    "DELIVERY_LEASE_SECONDS": "2",
                    "SHUTDOWN_GRACE": "5",
                    "LOG_LEVEL": "WARNING",
                    **settings,
                },
            )
        )
        engine = create_engine(url, pool_pre_ping=True)
        stack.callback(engine.dispose)
        found = Fleet(company, database, queue, engine)
        stack.callback(lambda: [worker.stop() for worker in found.workers])
        for worker in workers:
            found.start_worker(**worker)
        yield found
