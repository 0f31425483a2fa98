"""Threads that deliver: each takes a stream, the most urgent first, and makes its next delivery."""

import heapq
import itertools
import logging
import threading
import time

from incidentbot.database import DATABASE_AWAY
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import Streams, tell

log = logging.getLogger(__name__)

# What is to be tried again later than this is left to the sweep.
REMEMBERED_SECONDS = 60.0
# After the database failed us: its sweep would come no sooner.
DATABASE_AWAY_SECONDS = 1.0
# How long a stream keeps its place while another waits for one: an urgent one may stand behind it.
PLACE_SECONDS = 0.5


class StreamPool:
    """Delivers what is due in the streams it is told of, several streams side by side.

    A stream is worked on by one thread of the pool at a time, one delivery after another; between
    two of them a more urgent stream may come first. Other processes may work on it too: leases, not
    this pool, keep them apart.
    """

    def __init__(self, dispatcher: Dispatcher, threads: int) -> None:
        self._dispatcher = dispatcher
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._ready: list[tuple[int, int, str]] = []  # priority, order of arrival, stream
        self._later: list[tuple[float, int, str, int]] = []  # when, order, stream, priority
        self._queued: set[str] = set()  # the streams in _ready
        self._again: dict[str, int | None] = {}  # streams being worked on; told of meanwhile?
        self._placed: dict[str, float] = {}  # since when each stream is queued or being worked on
        self._waiting = 0  # how many wait for a place
        self._in_flight: dict[int, Delivery] = {}  # by delivery id
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"delivery-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def nudge(self, streams: Streams) -> None:
        """Have a look at these streams, soon. Never blocks."""
        with self._changed:
            for stream, priority in streams.items():
                self._enqueue(stream, priority)

    def nudge_when_free(self, stream: str, priority: int) -> None:
        """Have a look at this stream as soon as a thread is free, and return only then.

        What is not taken here stays where another process can take it. While one waits, a stream
        with many deliveries gives up its place now and then, and waits its turn like the others.
        """
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._stopping or self._has_room())
            self._waiting -= 1
            self._enqueue(stream, priority)

    def stop(self, grace_seconds: float) -> bool:
        """Take nothing more and wait for what is in flight; return whether all of it ended.

        What did not end in time is given back, so that another process takes it at once.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + grace_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            unfinished = list(self._in_flight.values())
        for delivery in unfinished:
            log.warning("stopping: giving a delivery back", extra={"delivery": delivery.id})
            self._dispatcher.release(delivery)
        return not unfinished

    def _has_room(self) -> bool:
        return len(self._queued) + len(self._again) < len(self._threads)

    def _enqueue(self, stream: str, priority: int) -> None:
        if stream in self._again:
            self._again[stream] = priority
        elif stream not in self._queued:
            self._queued.add(stream)
            self._placed.setdefault(stream, time.monotonic())
            heapq.heappush(self._ready, (priority, next(self._numbers), stream))
            self._changed.notify()

    def _work(self) -> None:
        while (stream := self._take()) is not None:
            again: float | None = DATABASE_AWAY_SECONDS
            priority = 0
            try:
                again, priority = self._make_next(stream)
            except DATABASE_AWAY as error:
                # Nothing is lost: what is leased is taken up after its lease.
                log.warning("the database is away: %s", type(error).__name__)
            except Exception:
                log.exception("could not work on a stream", extra={"stream": stream})
            self._put_back(stream, again, priority)

    def _make_next(self, stream: str) -> tuple[float | None, int]:
        """Make the stream's next delivery; return in how many seconds to look again, and its priority."""
        claimed = self._dispatcher.claim(1, stream)
        if not claimed:
            return None, 0
        delivery = claimed[0]
        with self._changed:
            self._in_flight[delivery.id] = delivery
        try:
            return self._dispatcher.deliver(delivery) or 0.0, delivery.priority
        finally:
            with self._changed:
                del self._in_flight[delivery.id]

    def _take(self) -> str | None:
        """Wait for a stream to work on and return it; None when the pool stops."""
        with self._changed:
            while not self._stopping:
                self._wake_up_the_late()
                if self._ready:
                    _priority, _number, stream = heapq.heappop(self._ready)
                    self._queued.remove(stream)
                    self._again[stream] = None
                    return stream
                timeout = self._later[0][0] - time.monotonic() if self._later else None
                self._changed.wait(timeout)
            return None

    def _put_back(self, stream: str, again: float | None, priority: int) -> None:
        gives_way = False
        with self._changed:
            told = self._again.pop(stream)
            placed = self._placed.pop(stream)
            if told is not None or again == 0.0:
                priority = priority if told is None else told
                gives_way = self._waiting > 0 and time.monotonic() - placed > PLACE_SECONDS
                if not gives_way:
                    self._placed[stream] = placed
                    self._enqueue(stream, priority)
            elif again is not None and again <= REMEMBERED_SECONDS:
                when = time.monotonic() + again
                heapq.heappush(self._later, (when, next(self._numbers), stream, priority))
            self._changed.notify_all()  # there may be room now, or something to wait for
        if gives_way:
            tell({stream: priority})

    def _wake_up_the_late(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            _when, _number, stream, priority = heapq.heappop(self._later)
            self._enqueue(stream, priority)
