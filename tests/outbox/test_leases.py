"""A lease says who sends. Whoever dies with one loses it, and what was under way is sent by another."""

import multiprocessing
from datetime import timedelta
from multiprocessing.synchronize import Event
from typing import Any

import pytest

from incidentbot.outbox.models import Delivery, DeliveryState
from tests.outbox.post import LEASE_SECONDS, dispatcher, find, letter, names, post, states
from tests.team import Team, connected, together

LEASE = timedelta(seconds=LEASE_SECONDS)
A_SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)


def test_a_letter_under_way_is_left_to_who_has_it_until_the_lease_runs_out(
    team: Team, time_machine: Any
) -> None:
    post(team, letter("a", "s"), letter("behind", "s"))
    (first,) = dispatcher(team).claim(10)
    assert (first.attempts, first.in_doubt) == (1, False)
    time_machine.shift(LEASE - A_SECOND)
    assert dispatcher(team).claim(10) == []
    time_machine.shift(A_SECOND)
    (again,) = dispatcher(team).claim(10)
    assert again.dedupe_key == "a"
    assert (again.attempts, again.in_doubt) == (2, True)
    assert dispatcher(team).claim(10) == []


def test_who_lost_the_lease_can_record_nothing_any_more(team: Team, time_machine: Any) -> None:
    post(team, letter("a"))
    slow, quick = (
        dispatcher(team, lambda _d, by=by: {"by": by}) for by in ("the slow one", "the quick one")
    )
    (late,) = slow.claim()
    time_machine.shift(LEASE + A_SECOND)
    (current,) = quick.claim()

    slow.deliver(late)
    assert (find(team, "a").state, find(team, "a").receipt) == (DeliveryState.LEASED, None)
    quick.deliver(current)
    slow.deliver(late)
    done = find(team, "a")
    assert (done.state, done.receipt) == (DeliveryState.DONE, {"by": "the quick one"})


def test_who_is_late_but_was_not_replaced_records_what_came_of_it(
    team: Team, time_machine: Any
) -> None:
    post(team, letter("a"))
    (claimed,) = dispatcher(team).claim()
    time_machine.shift(LEASE * 2)
    dispatcher(team).deliver(claimed)
    assert states(team) == {"a": "done"}


def test_a_delivery_is_recorded_once_even_when_it_is_delivered_twice(team: Team) -> None:
    post(team, letter("a"))
    recorded: list[str] = []
    engine = dispatcher(team, record=lambda _s, delivery: recorded.append(delivery.dedupe_key))
    (claimed,) = engine.claim()
    together(*[lambda: engine.deliver(claimed)] * 4)
    assert recorded == ["a"]


def test_of_many_who_find_an_abandoned_letter_one_gets_it(team: Team, time_machine: Any) -> None:
    post(team, letter("a"))
    dispatcher(team).claim()
    time_machine.shift(LEASE + A_SECOND)
    claims = together(*[lambda: names(dispatcher(team).claim(10))] * 6)
    assert sorted(claims) == [[]] * 5 + [["a"]]
    assert find(team, "a").attempts == 2


def test_what_a_killed_worker_was_sending_is_sent_by_another(team: Team, time_machine: Any) -> None:
    post(team, letter("a", "s"), letter("behind", "s"), letter("other", "t"))
    context = multiprocessing.get_context("spawn")
    sending = context.Event()
    worker = context.Process(target=_send_forever, args=(team.database_url, sending))
    worker.start()
    try:
        assert sending.wait(60), "the worker never began"
    finally:
        worker.kill()
        worker.join()
    assert find(team, "a").state is DeliveryState.LEASED
    lease_until = find(team, "a").lease_until
    assert lease_until is not None

    seen: dict[str, bool] = {}
    engine = dispatcher(team, lambda d: seen.update({d.dedupe_key: d.in_doubt}) or {})
    time_machine.move_to(lease_until - A_SECOND, tick=False)
    engine.run_until_idle()
    assert seen == {"other": False}
    time_machine.move_to(lease_until + A_SECOND, tick=False)
    engine.run_until_idle()
    assert list(seen.items()) == [("other", False), ("a", True), ("behind", False)]
    assert set(states(team).values()) == {"done"}


def _send_forever(database_url: str, sending: Event) -> None:
    def send(_delivery: Delivery) -> dict[str, Any]:
        sending.set()
        multiprocessing.Event().wait()
        return {}

    with connected(database_url) as sessions:
        engine = dispatcher(sessions, send)
        for delivery in engine.claim(1, "s"):
            engine.deliver(delivery)
