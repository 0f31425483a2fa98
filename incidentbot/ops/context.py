"""What is being worked on right now (a request, a delivery), so that every log line can say so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_facts: ContextVar[dict[str, Any] | None] = ContextVar("facts", default=None)


def begin(**facts: Any) -> None:
    """Begin a piece of work of its own: what was known of another one is forgotten."""
    _facts.set(facts)


def end() -> None:
    """End it."""
    _facts.set(None)


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """Run the block as a part of the work under way, about which a little more is known."""
    token = _facts.set({**(_facts.get() or {}), **facts})
    try:
        yield
    finally:
        _facts.reset(token)


def note(**facts: Any) -> None:
    """Remember something that was found out about the work under way. Nothing outside of any."""
    known = _facts.get()
    if known is not None:
        known.update(facts)


def known() -> Mapping[str, Any]:
    """Return what is known about the work under way."""
    return _facts.get() or {}
