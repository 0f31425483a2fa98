"""Answers that many want at once: built by one of them, and kept for a few seconds."""

import gzip
import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flask import Response, request

log = logging.getLogger(__name__)

T = TypeVar("T")
# A client may show an answer for this long; and for a day when we cannot be reached.
MAX_AGE_SECONDS = 15
STALE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Answer:
    """What is sent, as it is sent: nothing is computed for each reader."""

    body: bytes
    gzipped: bytes
    etag: str
    mimetype: str

    def send(self) -> Response:
        """Return it as the response to this request: 304 when the reader has it already."""
        packed = request.accept_encodings.quality("gzip") > 0
        response = Response(self.gzipped if packed else self.body, content_type=self.mimetype)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = (
            f"public, max-age={MAX_AGE_SECONDS}, stale-while-revalidate={MAX_AGE_SECONDS}, "
            f"stale-if-error={STALE_SECONDS}"
        )
        response.set_etag(self.etag, weak=True)  # one for both, packed or not
        response.make_conditional(request)
        return response


def answer(body: str | bytes, mimetype: str) -> Answer:
    """Return an answer with this content."""
    content = body.encode() if isinstance(body, str) else body
    etag = hashlib.sha256(content).hexdigest()[:24]
    return Answer(content, gzip.compress(content, 6, mtime=0), etag, mimetype)


@dataclass
class _Entry(Generic[T]):
    building: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    is_built: bool = False
    is_late: bool = False
    failure: Exception | None = None  # of the last time, while there is nothing to show
    fresh_until: float = 0.0


class Shelf(Generic[T]):
    """Keeps what was built under a name for `seconds`, up to `most` names.

    When its time is over, one thread builds it anew and the others take the last one meanwhile. When
    that fails, the last one is taken still, marked as late, and it is tried again as often.
    """

    def __init__(self, seconds: float, most: int = 256) -> None:
        self._seconds = seconds
        self._most = most
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, name: str, build: Callable[[], T]) -> tuple[T, bool]:
        """Return what is kept, and whether it is late. Raises what `build` does when there is nothing."""
        entry = self._entry(name)
        if entry.is_built and time.monotonic() < entry.fresh_until:
            return self._value(entry)
        # Who has nothing to show waits for it; everyone else goes on with what there is.
        if not entry.building.acquire(blocking=not entry.is_built):
            return self._value(entry)
        try:
            if time.monotonic() >= entry.fresh_until:
                self._build(entry, build)
            if entry.failure is not None:
                # Several threads raise the same one: none of them adds to what another did on its way.
                raise entry.failure.with_traceback(None)
        finally:
            entry.building.release()
        return self._value(entry)

    def forget(self) -> None:
        """Have everything built anew when it is wanted next."""
        with self._guard:
            self._entries.clear()

    def _build(self, entry: _Entry[T], build: Callable[[], T]) -> None:
        try:
            entry.value = build()
        except Exception as error:
            if entry.is_built:
                log.warning("the last known status page is shown: %s", type(error).__name__)
                entry.is_late = True
            else:  # those who wait shall not each find out anew
                entry.failure = error
        else:
            entry.is_built, entry.is_late, entry.failure = True, False, None
        entry.fresh_until = time.monotonic() + self._seconds

    def _entry(self, name: str) -> _Entry[T]:
        with self._guard:
            entry = self._entries.setdefault(name, _Entry())
            self._entries.move_to_end(name)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
            return entry

    @staticmethod
    def _value(entry: _Entry[T]) -> tuple[T, bool]:
        return entry.value, entry.is_late  # type: ignore[return-value]  # built, or it raised
