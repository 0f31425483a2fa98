"""The time of day, asked for in one place."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_set_to: ContextVar[datetime | None] = ContextVar("set_to", default=None)


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return _set_to.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Have the block believe that it is `moment`, as whoever makes up a past needs.

    Only the code called by it does: not other threads.
    """
    token = _set_to.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _set_to.reset(token)


def is_set() -> bool:
    """Whether the clock shows a time of our own choice."""
    return _set_to.get() is not None
