"""What a worker process takes from Redis, and how soon it stops listening."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Callback, Queue
from rq.serializers import JSONSerializer

from incidentbot import worker
from incidentbot.redis_wake import (
    DELIVER,
    FORGOTTEN_SECONDS,
    LEAST_URGENT,
    NORMAL,
    URGENT,
    RedisWaker,
    connect,
)
from tests.installation import install

SOON_SECONDS = 8


class Pool:
    """Takes every stream."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []

    def nudge_when_free(self, stream: str, priority: int) -> None:
        self.taken.append((stream, priority))


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    pool = Pool()
    monkeypatch.setattr(worker, "_pool", pool)
    return pool


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        yield client


def listen(redis: Redis) -> None:
    """Take all that waits."""
    worker._make_listener(redis).work(burst=True, logging_level="WARNING")


def test_names_of_streams_are_handed_over_and_leave_nothing_behind(
    redis_url: str, redis: Redis, pool: Pool
) -> None:
    waker = RedisWaker(redis_url)
    waker.start()
    waker.wake({"INC-1/messages": 1, "INC-2/card Ä": 4})
    waker.stop()
    listen(redis)
    assert pool.taken == [("INC-1/messages", LEAST_URGENT), ("INC-2/card Ä", LEAST_URGENT + 1)]
    assert redis.keys("rq:job:*") == []


def test_a_name_that_nobody_takes_is_forgotten(redis_url: str, redis: Redis) -> None:
    waker = RedisWaker(redis_url)
    waker.start()
    waker.wake({"INC-1/messages": 1})
    waker.stop()
    (key,) = redis.keys("rq:job:*")
    assert 0 < redis.ttl(key) <= FORGOTTEN_SECONDS


def test_nothing_that_somebody_else_put_into_redis_is_run(
    redis: Redis, pool: Pool, tmp_path: Path
) -> None:
    made = [str(tmp_path / str(number)) for number in range(2)]
    pickled = Queue(URGENT, connection=redis)
    pickled.enqueue("os.mkdir", made[0])
    plain = Queue(NORMAL, connection=redis, serializer=JSONSerializer)
    plain.enqueue("os.mkdir", made[1])
    plain.enqueue(DELIVER, "a", "b")
    plain.enqueue(DELIVER, ["a"])
    abort = Callback("os.abort")
    plain.enqueue(DELIVER, "ours", on_success=abort, on_failure=abort)
    listen(redis)
    assert list(tmp_path.iterdir()) == []
    assert pool.taken == [("ours", LEAST_URGENT + 1)]


def test_a_signal_that_comes_before_rq_listens_to_signals_is_not_lost(sqlite_url: str) -> None:
    before = [signal.getsignal(number) for number in worker.STOP_SIGNALS]
    assert worker._wait_for_schema(install(sqlite_url))
    assert [signal.getsignal(number) for number in worker.STOP_SIGNALS] == before


@pytest.mark.usefixtures("pool")
def test_a_request_to_stop_that_was_lost_is_noticed_soon(redis: Redis) -> None:
    listener = worker._make_listener(redis)

    def ask() -> None:
        while listener.get_state() != "idle":
            time.sleep(0.05)
        time.sleep(0.2)  # it waits for a job by now
        listener._stop_requested = True

    threading.Thread(target=ask, daemon=True).start()
    started = time.monotonic()
    listener.work(logging_level="WARNING")
    assert time.monotonic() - started < SOON_SECONDS
