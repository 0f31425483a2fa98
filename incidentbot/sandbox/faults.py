"""Faults on demand: which calls go wrong, how, and how often."""

from __future__ import annotations

import fnmatch
import math
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# kind -> what happens. "After" means: the call has taken effect, only the answer is lost.
KINDS = {
    "latency": "answers after `ms`: when=before, after or half (half before and half after)",
    "rate_limited": "HTTP 429 with Retry-After: `retry_after` seconds; no effect",
    "server_error": "HTTP 500 before any effect",
    "server_error_after": "the call takes effect, then HTTP 500",
    "hang": "the call takes effect, then no answer for `ms`, then the connection drops",
    "hang_before": "no effect, no answer for `ms`, then the connection drops",
    "drop": "the call takes effect, then the connection drops without an answer",
    "refuse": "the connection drops at once, without effect",
    "token_revoked": "the token is no longer known: Slack's token_revoked, Statuspage's 401",
    "error": "the error named in `error`: from Slack with HTTP 200, from Statuspage with `status`",
}
SERVICES = ("slack", "statuspage")
_DEFAULT_MS = {"latency": 100.0, "hang": 60_000.0, "hang_before": 60_000.0}
_WHEN = ("before", "after", "half")


@dataclass
class Fault:
    """One rule. It hits the calls whose method matches the glob and that the limits pick.

    `service` is whose calls; a Statuspage call's method is `PATCH /pages/…/components/…`.
    `status` is the HTTP status where the kind leaves a choice; 0 is the usual one.
    `count`: only the next so many; `every`: only each k-th; `probability`: that share of
    them, drawn from a generator seeded with `seed`, so that a run can be repeated.
    """

    id: str
    kind: str
    method: str = "*"
    ms: float = 0.0
    when: str = "half"
    retry_after: int = 1
    error: str = "internal_error"
    service: str = SERVICES[0]
    status: int = 0
    count: int | None = None
    every: int | None = None
    probability: float | None = None
    seed: int = 1
    seen: int = 0
    hits: int = 0


@dataclass
class Faults:
    """The rules in force. Safe to use from many threads."""

    rules: dict[str, Fault] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)
    _dice: dict[str, random.Random] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: int = 0

    def add(self, wish: Mapping[str, Any]) -> Fault:
        """Add a rule from JSON. Raises ValueError with a readable sentence when it is wrong."""
        with self._lock:
            self._made += 1
            fault = _read(wish, f"F{self._made}")
            self.rules[fault.id] = fault
            self._dice[fault.id] = random.Random(fault.seed)  # noqa: S311 - not for secrets
            return fault

    def replace(self, wishes: list[Mapping[str, Any]]) -> None:
        """Put those rules in place of all present ones; none of them when one is wrong."""
        for wish in wishes:
            _read(wish, "F0")
        self.clear()
        for wish in wishes:
            self.add(wish)

    def clear(self, fault_id: str = "") -> None:
        """Take away one rule, or all; calls that hang are let go."""
        with self._lock:
            for key in [fault_id] if fault_id else list(self.rules):
                self.rules.pop(key, None)
                self._dice.pop(key, None)
            self.released.set()
            self.released = threading.Event()

    def pick(self, method: str, service: str = SERVICES[0]) -> list[Fault]:
        """The rules that hit this call of `method`, in the order they were added."""
        with self._lock:
            rules = [f for f in self.rules.values() if f.service == service]
            return [f for f in rules if self._hits(f, method)]

    def listed(self) -> list[dict[str, Any]]:
        """All rules as JSON, with how often each has been looked at and has hit."""
        with self._lock:
            return [asdict(fault) for fault in self.rules.values()]

    def _hits(self, fault: Fault, method: str) -> bool:
        if not fnmatch.fnmatchcase(method, fault.method):
            return False
        if fault.count is not None and fault.hits >= fault.count:
            return False
        fault.seen += 1
        if fault.every is not None and fault.seen % fault.every:
            return False
        chance = fault.probability
        if chance is not None and self._dice[fault.id].random() >= chance:
            return False
        fault.hits += 1
        return True


def _read(wish: Mapping[str, Any], fault_id: str) -> Fault:
    unknown = set(wish) - set(Fault.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
    kind = wish.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    plain = {k: v for k, v in wish.items() if k not in ("id", "seen", "hits") and v is not None}
    fault = Fault(**{"ms": _DEFAULT_MS.get(kind, 0.0), **plain, "id": fault_id})
    for name in ("method", "error"):
        if not isinstance(getattr(fault, name), str):
            raise ValueError(f"{name} must be a string")
    for name in ("ms", "retry_after", "count", "every", "probability", "seed"):
        value = getattr(fault, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{name} must be a number")
        if value is not None and not (1 if name == "every" else 0) <= value < math.inf:
            raise ValueError(f"{name} is out of range")
    if fault.service not in SERVICES:
        raise ValueError(f"service must be one of {', '.join(SERVICES)}")
    if fault.status not in (0, *range(400, 600)):
        raise ValueError("status must be an HTTP status from 400 to 599")
    if fault.when not in _WHEN:
        raise ValueError(f"when must be one of {', '.join(_WHEN)}")
    return fault
