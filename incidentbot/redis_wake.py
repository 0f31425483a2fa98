"""Wake by Redis: the names of streams in which something is due, as RQ jobs.

A job carries a stream's name and nothing else. When Redis is away the names are dropped, or handed
to whoever stands in: the database knows what is due, and the sweep finds it.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from incidentbot.outbox.publish import Streams

log = logging.getLogger(__name__)

# RQ looks into them in this order: what is urgent does not stand behind what is not.
URGENT, NORMAL = "incidentbot-urgent", "incidentbot"
QUEUES = (URGENT, NORMAL)
LEAST_URGENT = 2  # the severities P1 and P2
# What our jobs are called. RQ takes it for a function; our workers only compare it.
DELIVER = "incidentbot.worker.deliver"
# With so many names waiting, a sweep need not add the same ones again.
ENOUGH_WAITING = 200
REDIS_TIMEOUT_SECONDS = 2.0
# A name that nobody took so long, or that was lost on its way to a worker, leaves nothing behind.
FORGOTTEN_SECONDS = 3600
# How long Redis is left alone after it failed.
LEFT_ALONE_SECONDS = 1.0


def connect(url: str) -> "Redis":
    """Return a client that says at once when Redis is away."""
    return Redis.from_url(
        url,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class RedisWaker:
    """Passes on which streams are due, from a thread of its own: nobody waits for Redis.

    `stand_in` is given the streams that Redis would not take.
    """

    def __init__(self, url: str, stand_in: Callable[[Streams], None] | None = None) -> None:
        redis = connect(url)
        # JSON, as whoever reads pickles runs what is written in them.
        self._queues = {
            name: Queue(name, connection=redis, serializer=JSONSerializer) for name in QUEUES
        }
        self._stand_in = stand_in or _drop
        self._due: queue.SimpleQueue[Streams | None] = queue.SimpleQueue()
        self._away_until = 0.0
        self._thread = threading.Thread(target=self._run, name="redis-waker", daemon=True)

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def stop(self) -> None:
        """Pass on what is there, and end."""
        self._due.put(None)
        self._thread.join(2 * REDIS_TIMEOUT_SECONDS)

    def wake(self, streams: Streams) -> None:
        """Take note of streams that are due; returns at once."""
        self._due.put(streams)

    def sweep(self, streams: Streams) -> None:
        """Pass on what a sweep found, unless as much is waiting already."""
        try:
            waiting = {name: queue.count for name, queue in self._queues.items()}
        except RedisError:
            self._stand_in(streams)
            return
        self._due.put(
            {
                stream: priority
                for stream, priority in streams.items()
                if waiting[_queue_of(priority)] < ENOUGH_WAITING
            }
        )

    def _run(self) -> None:
        while (streams := self._due.get()) is not None:
            due = dict(streams)
            while not self._due.empty():  # a burst is one trip to Redis
                more = self._due.get()
                if more is None:
                    self._due.put(None)
                    break
                due.update(more)
            self._pass_on(due)

    def _pass_on(self, streams: Streams) -> None:
        if time.monotonic() < self._away_until:
            self._stand_in(streams)
            return
        try:
            for name, waiting in self._queues.items():
                jobs = [
                    Queue.prepare_data(
                        DELIVER,
                        args=(stream,),
                        ttl=FORGOTTEN_SECONDS,
                        description=f"deliver {stream}",
                    )
                    for stream, priority in streams.items()
                    if _queue_of(priority) == name
                ]
                if jobs:
                    waiting.enqueue_many(jobs)
        except RedisError as error:
            self._away_until = time.monotonic() + LEFT_ALONE_SECONDS
            log.warning("Redis is away, the sweep takes over: %s", type(error).__name__)
            self._stand_in(streams)


def _queue_of(priority: int) -> str:
    return URGENT if priority <= LEAST_URGENT else NORMAL


def _drop(_streams: Streams) -> None:
    """Leave it to the sweep."""
