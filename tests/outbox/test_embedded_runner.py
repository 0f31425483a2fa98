"""The embedded runner: it sends what is due, side by side, through any mishap, and stops cleanly."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from incidentbot.outbox.dispatch import Dispatcher, Receipt, Retry
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.runners import EmbeddedRunner
from tests.outbox.post import (
    PATIENCE_SECONDS,
    dispatcher,
    eventually,
    find,
    letter,
    post,
    states,
)
from tests.team import Team

NEVER = 3600.0  # a sweep so rare that only a wake can be what delivered
LEAVE = "ALTER TABLE deliveries RENAME TO deliveries_away"
RETURN = "ALTER TABLE deliveries_away RENAME TO deliveries"


@contextmanager
def running(
    engine: Dispatcher, threads: int = 4, sweep_seconds: float = 0.05
) -> Iterator[EmbeddedRunner]:
    runner = EmbeddedRunner(engine, threads=threads, sweep_seconds=sweep_seconds)
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


def all_done(team: Team) -> bool:
    return set(states(team).values()) == {"done"}


def test_what_was_left_over_is_sent_at_the_start(team: Team) -> None:
    post(team, letter("a"), letter("b", "s"), letter("c", "s"))
    with running(dispatcher(team), sweep_seconds=NEVER):
        eventually(lambda: all_done(team))


def test_a_wake_is_enough_to_send_what_was_just_committed(team: Team) -> None:
    post(team, letter("first"))
    with running(dispatcher(team), sweep_seconds=NEVER):
        eventually(lambda: all_done(team))
        post(team, letter("second", "s"), letter("third", "s"), and_wake=True)
        eventually(lambda: all_done(team))
    assert len(states(team)) == 3


def test_without_a_wake_the_sweep_finds_what_is_due(team: Team) -> None:
    with running(dispatcher(team)):
        post(team, letter("a"))
        eventually(lambda: all_done(team) and "a" in states(team))


def test_what_may_work_later_is_tried_until_it_works(team: Team) -> None:
    post(team, letter("a"))
    attempts: list[bool] = []

    def send(delivery: Delivery) -> Receipt:
        attempts.append(delivery.in_doubt)
        if len(attempts) < 3:
            raise Retry("busy")
        return {}

    with running(dispatcher(team, send)):
        eventually(lambda: all_done(team))
    assert len(attempts) == find(team, "a").attempts == 3


def test_streams_are_sent_side_by_side_and_each_in_order(team: Team) -> None:
    post(team, *(letter(f"{s}/{n}", f"s{s}") for n in range(3) for s in range(4)))
    together = threading.Barrier(4, timeout=PATIENCE_SECONDS)
    sent: list[str] = []

    def send(delivery: Delivery) -> Receipt:
        together.wait()  # passes only when four are being sent at the same moment
        sent.append(delivery.dedupe_key)
        return {}

    with running(dispatcher(team, send), threads=4):
        eventually(lambda: all_done(team))
    for s in range(4):
        assert [n for n in sent if n.startswith(f"{s}/")] == [f"{s}/{n}" for n in range(3)]


def test_no_more_are_under_way_than_there_are_threads_to_send_them(team: Team) -> None:
    post(team, *(letter(f"{n}") for n in range(9)))
    under_way, most, lock = 0, 0, threading.Lock()

    def send(_delivery: Delivery) -> Receipt:
        nonlocal under_way, most
        with lock:
            under_way += 1
            leased = sum(state == "leased" for state in states(team).values())
            most = max(most, under_way, leased)
        with lock:
            under_way -= 1
        return {}

    with running(dispatcher(team, send), threads=2):
        eventually(lambda: all_done(team))
    assert most <= 2


def test_stopping_finishes_what_is_under_way_and_begins_nothing_more(team: Team) -> None:
    post(team, letter("a", "s"), letter("b", "s"))
    begun, go_on = threading.Event(), threading.Event()

    def send(_delivery: Delivery) -> Receipt:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return {}

    runner = EmbeddedRunner(dispatcher(team, send), threads=2, sweep_seconds=0.05)
    runner.start()
    assert begun.wait(PATIENCE_SECONDS)
    stopping = threading.Thread(target=runner.stop)
    stopping.start()
    assert states(team) == {"a": "leased", "b": "pending"}
    assert stopping.is_alive()
    go_on.set()
    stopping.join(PATIENCE_SECONDS)
    assert not stopping.is_alive()
    assert states(team) == {"a": "done", "b": "pending"}
    post(team, letter("c", "s"), and_wake=True)  # nobody listens any more
    assert states(team) == {"a": "done", "b": "pending", "c": "pending"}


def test_a_mishap_while_sending_stops_nothing(team: Team) -> None:
    def send(delivery: Delivery) -> Receipt:
        if delivery.dedupe_key == "bad":
            raise KeyError("a mistake of ours")
        return {}

    with running(dispatcher(team, send)):
        post(team, letter("bad"))
        eventually(lambda: states(team) == {"bad": "retrying"})
        post(team, letter("good"))
        eventually(lambda: states(team).get("good") == "done")


def test_when_the_database_was_away_it_goes_on_where_it_was(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    engine = dispatcher(team)
    due_streams = engine.due_streams

    def look_and_tell(limit: int) -> dict[str, int]:
        try:
            return due_streams(limit)
        except Exception:
            looked.set()
            raise

    monkeypatch.setattr(engine, "due_streams", look_and_tell)
    with running(engine):
        post(team, letter("before"))
        eventually(lambda: all_done(team))
        with _away(team):
            assert looked.wait(PATIENCE_SECONDS)
        post(team, letter("after"))
        eventually(lambda: all_done(team))
    assert set(states(team)) == {"before", "after"}


def test_what_was_sent_while_the_database_was_away_is_looked_for_before_it_is_sent_again(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(team, letter("a"))
    attempts: list[bool] = []
    unrecorded = threading.Event()

    def send(delivery: Delivery) -> Receipt:
        attempts.append(delivery.in_doubt)
        if len(attempts) == 1:
            team.execute(LEAVE)
        return {}

    engine = dispatcher(team, send, lease_seconds=0.3)
    deliver = engine.deliver

    def deliver_and_tell(delivery: Delivery) -> float | None:
        try:
            return deliver(delivery)
        except Exception:
            unrecorded.set()
            raise

    monkeypatch.setattr(engine, "deliver", deliver_and_tell)
    with running(engine):
        assert unrecorded.wait(PATIENCE_SECONDS)
        team.execute(RETURN)
        eventually(lambda: all_done(team))
    assert attempts[0] is False
    assert len(attempts) > 1
    assert all(attempts[1:])


@contextmanager
def _away(team: Team) -> Iterator[None]:
    team.execute(LEAVE)
    try:
        yield
    finally:
        team.execute(RETURN)
