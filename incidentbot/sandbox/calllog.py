"""Three logs: the calls the app made to either service, and the requests it was sent."""

from __future__ import annotations

import itertools
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_KEPT, _SHORT = 5000, 120


@dataclass
class CallEntry:
    """One Web API call. Times are unix seconds; `fault` names the faults that hit it."""

    method: str
    arguments: dict[str, str]
    caller: str
    started: float
    id: int = 0
    ended: float | None = None
    status: int | None = None
    error: str | None = None
    fault: str = ""


@dataclass
class StatuspageCall:
    """One call of Statuspage's manage API, whole, so that every word of it can be looked at.

    `method` is verb and path; `caller` the first letters of the key.
    """

    method: str
    query: str
    body: str
    caller: str
    started: float
    id: int = 0
    ended: float | None = None
    status: int | None = None
    answer: str = ""
    error: str | None = None
    fault: str = ""


@dataclass
class RequestEntry:
    """One request to the app, whole, so that it can be sent again or tampered with."""

    kind: str
    url: str
    headers: dict[str, str]
    body: str
    started: float
    id: int = 0
    ended: float | None = None
    status: int | None = None
    answer: str = ""
    error: str = ""
    retry: int = 0


@dataclass
class Log:
    """The newest entries of one kind; older ones are forgotten."""

    entries: deque[Any] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: CallEntry | StatuspageCall | RequestEntry) -> None:
        """Number and keep an entry; its author may go on filling it in."""
        with self._lock:
            entry.id = next(self._numbers)
            self.entries.append(entry)

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self.entries.clear()

    def listed(self, after: int = 0, last: int = 0) -> list[dict[str, Any]]:
        """The entries with an id above `after`, oldest first; only the `last` ones if given."""
        with self._lock:
            found = [entry for entry in self.entries if entry.id > after]
        return [asdict(entry) for entry in found[-last:]]


def shortened(arguments: Mapping[str, Any]) -> dict[str, str]:
    """A call's arguments for the log: each cut to a line's length, the token left out."""
    return {k: _short(v) for k, v in arguments.items() if k != "token" and v is not None}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
