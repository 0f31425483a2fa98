"""How fast we may call a service: rate limits, waits it asked for, and pauses while it is down.

Kept in Redis for the whole fleet; without Redis, or while it is away, for this process.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry as RedisRetry

log = logging.getLogger(__name__)

# So many failures in a row, with nothing between them, and the service counts as down.
FAILURES_TO_OPEN = 5
FAILURES_FORGOTTEN_SECONDS = 60
LONGEST_PAUSE_SECONDS = 15
# After a pause one call finds out whether the service works again. No call takes longer than this;
# everybody else asks again a little later, and keeps no thread busy meanwhile.
TRIAL_SECONDS = 12
ASK_AGAIN_SECONDS = 3.0
# How long Redis is left alone after it failed: a delivery must not wait for it each time.
REDIS_LEFT_ALONE_SECONDS = 5.0
REDIS_TIMEOUT_SECONDS = 1.0

T = TypeVar("T")


@dataclass(frozen=True)
class Pause:
    """Why not now, and in how many seconds to ask again."""

    reason: str
    seconds: float


class Pacer:
    """Says when a call may be made. All times are counted by one clock: Redis's, or this process's."""

    def __init__(self, redis_url: str | None) -> None:
        self._here: Storage = MemoryStorage()
        self._here_lock = threading.Lock()
        self._shared = _redis_storage(redis_url) if redis_url else None
        self._shared_from = 0.0
        self._failing: set[str] = set()

    def ask(
        self, service: str, operation: str, limit: RateLimitItem | None, calls: int = 1
    ) -> Pause | None:
        """Return None when the call may be made now, and count it; else why and how long to wait.

        `operation` is what `limit` counts: a method, or a method in one channel. `calls` is how many
        are made in a row, where a later one that had to wait would have the first made again.
        """
        return self._use(lambda storage: self._ask(storage, service, operation, limit, calls))

    def hold(self, service: str, operation: str, seconds: float) -> None:
        """Let nobody make this call for so long: the service asked for it."""
        self._use(lambda storage: _hold(storage, f"{service}/{operation}", seconds))

    def failed(self, service: str) -> None:
        """Note that the service could not be reached or broke down; pause it when that goes on."""
        self._failing.add(service)
        self._use(lambda storage: _count_failure(storage, service))

    def worked(self, service: str) -> None:
        """Note that the service answered."""
        if service in self._failing:
            self._failing.discard(service)
            self._use(lambda storage: _forget_failures(storage, service))

    def _ask(
        self,
        storage: Storage,
        service: str,
        operation: str,
        limit: RateLimitItem | None,
        calls: int,
    ) -> Pause | None:
        down = Pause(f"{service} does not answer; trying again soon", ASK_AGAIN_SECONDS)
        for held, reason in (
            (service, down.reason),
            (f"{service}/{operation}", f"{service} asked to wait with {operation}"),
        ):
            key = _held(held)
            if storage.get(key):
                return Pause(reason, _remaining(storage, key))
        is_down = storage.get(_failures(service)) >= FAILURES_TO_OPEN
        if is_down and storage.incr(_trial(service), TRIAL_SECONDS) > 1:
            return down
        if limit is not None and not FixedWindowRateLimiter(storage).hit(
            limit, service, operation, cost=calls
        ):
            if is_down:
                storage.clear(_trial(service))  # another call may find out
            seconds = _remaining(storage, limit.key_for(service, operation))
            return Pause(f"{service}'s rate limit for {operation}", seconds)
        if is_down:
            self._failing.add(service)  # what comes of this call counts for everyone
        return None

    def _use(self, act: Callable[[Storage], T]) -> T:
        if self._shared is not None and time.monotonic() >= self._shared_from:
            try:
                return act(self._shared)
            except StorageError as error:
                self._shared_from = time.monotonic() + REDIS_LEFT_ALONE_SECONDS
                log.warning("pacing without Redis: %s", type(error.storage_error).__name__)
        with self._here_lock:
            return act(self._here)


def _redis_storage(url: str) -> Storage:
    return RedisStorage(
        url.replace("unix://", "redis+unix://"),
        key_prefix="incidentbot",
        wrap_exceptions=True,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=RedisRetry(NoBackoff(), 0),  # type: ignore[arg-type] # passed on to redis-py
    )


def _hold(storage: Storage, held: str, seconds: float) -> None:
    key = _held(held)
    storage.clear(key)  # a new wait counts from now
    storage.incr(key, max(1, round(seconds + 0.499)))


def _count_failure(storage: Storage, service: str) -> None:
    if storage.get(_held(service)):
        return  # it was under way already when the pause began
    key = _failures(service)
    failures = storage.incr(key, FAILURES_FORGOTTEN_SECONDS)
    if failures >= FAILURES_TO_OPEN:
        pause = min(2.0 ** (failures - FAILURES_TO_OPEN), LONGEST_PAUSE_SECONDS)
        _hold(storage, service, pause)
        _forget_failures(storage, service)
        storage.incr(key, FAILURES_FORGOTTEN_SECONDS, failures)  # remembered from now on


def _forget_failures(storage: Storage, service: str) -> None:
    storage.clear(_failures(service))
    storage.clear(_trial(service))


def _held(what: str) -> str:
    return f"hold/{what}"


def _failures(service: str) -> str:
    return f"failures/{service}"


def _trial(service: str) -> str:
    return f"trial/{service}"


def _remaining(storage: Storage, key: str) -> float:
    return max(0.05, storage.get_expiry(key) - time.time())
