"""How many requests a key may make: so many in a rolling window, as the real API counts them."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Limits:
    """When each key has asked lately. Safe to use from many threads."""

    _asked: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, key: str, now: float, most: int, window: float) -> int:
        """0 when `key` may ask now (it is counted then); else the seconds until it may."""
        with self._lock:
            asked = self._asked.setdefault(key, deque())
            while asked and asked[0] <= now - window:
                asked.popleft()
            if len(asked) < most:
                asked.append(now)
                return 0
            return max(1, math.ceil(asked[0] + window - now))

    def clear(self) -> None:
        """Forget who has asked."""
        with self._lock:
            self._asked.clear()
