"""A small post office: letters for the outside world, and dispatchers that carry them."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.database import write_transaction
from incidentbot.outbox.dispatch import Dispatcher, Handler, Receipt
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import Effect, publish, wake
from tests.team import Team

Send = Callable[[Delivery], Receipt]
LEASE_SECONDS = 30.0
PATIENCE_SECONDS = 30


def letter(name: str, stream: str | None = None, **more: Any) -> Effect:
    """Return a letter called `name`, on a stream of its own unless said otherwise."""
    return Effect(
        **{
            "kind": "letter",
            "target": name,
            "stream": stream or f"stream of {name}",
            "dedupe_key": name,
            **more,
        }
    )


def post(team: Team, *letters: Effect, and_wake: bool = False) -> None:
    """Put letters into the outbox, in a transaction of their own."""
    with team.sessions() as session:
        with write_transaction(session):
            publish(session, letters)
        if and_wake:
            wake(session)


def find(team: Team, name: str) -> Delivery:
    """Return a letter as it is in the database now."""
    with team.sessions() as session:
        return session.scalars(select(Delivery).where(Delivery.dedupe_key == name)).one()


def states(team: Team) -> dict[str, str]:
    """Return the state of every letter, by its name."""
    return {delivery.dedupe_key: delivery.state.value for delivery in team.deliveries()}


def names(deliveries: list[Delivery]) -> list[str]:
    """Return what these letters are called."""
    return [delivery.dedupe_key for delivery in deliveries]


def accept(_delivery: Delivery) -> Receipt:
    """Take any letter."""
    return {}


def dispatcher(
    sessions: sessionmaker[Session] | Team,
    send: Send = accept,
    *,
    record: Callable[[Session, Delivery], None] | None = None,
    on_parked: Callable[[Session, Delivery], None] = lambda _session, _delivery: None,
    lease_seconds: float = LEASE_SECONDS,
) -> Dispatcher:
    """Return a dispatcher that knows letters and nothing else."""
    return Dispatcher(
        sessions.sessions if isinstance(sessions, Team) else sessions,
        {"letter": Handler(send, record)},
        on_parked,
        lease_seconds=lease_seconds,
    )


def eventually(holds: Callable[[], bool]) -> None:
    """Return as soon as `holds()`; fail when it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
