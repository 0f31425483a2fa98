"""What becomes of a letter: done, tried again, given up, or not needed any more."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from incidentbot.incidents.models import Counter
from incidentbot.outbox.dispatch import (
    BACKOFF_CAP_SECONDS,
    Dispatcher,
    Handler,
    Permanent,
    Receipt,
    Retry,
    Skip,
    Wait,
    retry_delay,
)
from incidentbot.outbox.models import Delivery, DeliveryState
from tests.outbox.post import dispatcher, find, letter, post, states
from tests.team import Team


def failing(error: Exception) -> Any:
    def send(_delivery: Delivery) -> Receipt:
        raise error

    return send


def note(session: Session, delivery: Delivery) -> None:
    """Carry an outcome into the product: here, into the counter."""
    session.get_one(Counter, "incident").value = (delivery.receipt or {}).get("number", 77)


def counter(team: Team) -> int:
    with team.sessions() as session:
        return session.get_one(Counter, "incident").value


def test_a_receipt_is_kept_and_carried_into_the_product(team: Team) -> None:
    post(team, letter("a"))
    dispatcher(team, lambda _delivery: {"number": 5}, record=note).run_until_idle()
    done = find(team, "a")
    assert (done.state, done.receipt, done.attempts) == (DeliveryState.DONE, {"number": 5}, 1)
    assert done.finished_at is not None
    assert (done.lease_until, done.last_error) == (None, None)
    assert counter(team) == 5


def test_what_cannot_work_is_parked_at_once_and_told(team: Team) -> None:
    post(team, letter("a"))
    told: list[tuple[str, str | None]] = []

    def tell(session: Session, delivery: Delivery) -> None:
        told.append((delivery.dedupe_key, delivery.last_error))
        note(session, delivery)

    error = Permanent("Slack does not know this channel.")
    dispatcher(team, failing(error), on_parked=tell).run_until_idle()
    parked = find(team, "a")
    assert (parked.state, parked.attempts) == (DeliveryState.PARKED, 1)
    assert parked.last_error == "Slack does not know this channel."
    assert parked.finished_at is not None
    assert told == [("a", "Slack does not know this channel.")]
    assert counter(team) == 77
    assert dispatcher(team).run_until_idle() == 0


def test_what_is_not_needed_any_more_is_skipped_in_silence(team: Team) -> None:
    post(team, letter("a"))
    told: list[str] = []
    engine = dispatcher(
        team,
        failing(Skip("Slack is not connected")),
        record=note,
        on_parked=lambda _session, delivery: told.append(delivery.dedupe_key),
    )
    engine.run_until_idle()
    assert find(team, "a").state is DeliveryState.SKIPPED
    assert find(team, "a").last_error == "Slack is not connected"
    assert told == []
    assert counter(team) == 0


def test_a_kind_that_this_version_does_not_know_is_parked(team: Team) -> None:
    post(team, letter("a", kind="pigeon.post"), letter("b"))
    dispatcher(team).run_until_idle()
    assert states(team) == {"a": "parked", "b": "done"}
    assert "pigeon.post" in str(find(team, "a").last_error)


@pytest.mark.parametrize("in_doubt", [False, True])
def test_what_may_work_later_is_tried_again_with_what_is_known_of_it(
    team: Team, time_machine: Any, in_doubt: bool
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    dispatcher(team, failing(Retry("Slack is busy", in_doubt=in_doubt))).run_until_idle()
    waiting = find(team, "a")
    assert (waiting.state, waiting.attempts) == (DeliveryState.RETRYING, 1)
    assert (waiting.last_error, waiting.in_doubt) == ("Slack is busy", in_doubt)
    assert (waiting.finished_at, waiting.lease_until) == (None, None)

    time_machine.shift(timedelta(seconds=BACKOFF_CAP_SECONDS))
    seen: list[bool] = []
    dispatcher(team, lambda delivery: seen.append(delivery.in_doubt) or {}).run_until_idle()
    assert seen == [in_doubt]
    assert (find(team, "a").state, find(team, "a").attempts) == (DeliveryState.DONE, 2)


def test_doubt_once_raised_stays_until_it_is_done(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    for error in (Retry("timeout", in_doubt=True), Retry("refused, surely not made")):
        dispatcher(team, failing(error)).run_until_idle()
        time_machine.shift(timedelta(seconds=BACKOFF_CAP_SECONDS))
    assert find(team, "a").in_doubt


def test_a_mistake_of_ours_is_tried_again_in_doubt(team: Team) -> None:
    post(team, letter("a"))
    dispatcher(team, failing(ZeroDivisionError("secret detail"))).run_until_idle()
    waiting = find(team, "a")
    assert (waiting.state, waiting.in_doubt) == (DeliveryState.RETRYING, True)
    assert waiting.last_error == "unexpected ZeroDivisionError"


def test_a_wait_is_kept_and_is_no_attempt(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    assert dispatcher(team, failing(Wait("429", 120))).run_until_idle() == 1
    waiting = find(team, "a")
    assert (waiting.state, waiting.attempts) == (DeliveryState.PENDING, 0)
    assert (waiting.last_error, waiting.in_doubt) == ("429", False)
    time_machine.shift(timedelta(seconds=119))
    assert dispatcher(team).run_until_idle() == 0
    time_machine.shift(timedelta(seconds=3))
    assert dispatcher(team).run_until_idle() == 1
    assert states(team) == {"a": "done"}


def test_a_wait_keeps_what_is_known_of_an_earlier_attempt(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    dispatcher(team, failing(Retry("timed out", in_doubt=True))).run_until_idle()
    time_machine.shift(timedelta(minutes=5))
    dispatcher(team, failing(Wait("429", 1))).run_until_idle()
    waiting = find(team, "a")
    assert (waiting.state, waiting.attempts) == (DeliveryState.RETRYING, 1)
    assert waiting.in_doubt
    assert waiting.tried_since is not None


def test_a_lease_that_is_given_back_is_taken_at_once_in_doubt(team: Team) -> None:
    post(team, letter("a"))
    (held,) = dispatcher(team).claim(1)
    dispatcher(team).release(held)
    (again,) = dispatcher(team).claim(1)
    assert again.in_doubt
    assert dispatcher(team).deliver(held) is None  # too late: it is another's
    assert find(team, "a").state is DeliveryState.LEASED
    dispatcher(team).deliver(again)
    assert states(team) == {"a": "done"}


@given(st.integers(1, 100_000))
def test_no_wait_is_longer_than_the_cap_or_no_wait_at_all(attempts: int) -> None:
    assert 0 < retry_delay(attempts) <= BACKOFF_CAP_SECONDS


def test_waits_grow_and_are_spread_so_that_not_all_come_back_together() -> None:
    random.seed(0)
    longest = [max(retry_delay(n) for _ in range(300)) for n in range(1, 8)]
    assert longest == sorted(longest)
    for attempts in (3, 6, 30):
        waits = sorted(retry_delay(attempts) for _ in range(300))
        span = waits[-1]
        assert waits[30] < span * 0.25  # full jitter: some come back soon,
        assert span * 0.35 < waits[150] < span * 0.65  # half of them in the first half
    assert max(retry_delay(50) for _ in range(300)) > BACKOFF_CAP_SECONDS * 0.9


def test_after_a_day_of_trying_it_is_given_up_with_the_last_reason(
    team: Team, time_machine: Any
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a", "s"), letter("behind", "s"))
    told: list[str | None] = []

    def send(delivery: Delivery) -> Receipt:
        if delivery.dedupe_key == "a":
            raise Retry("Slack cannot be reached")
        return {}

    engine = dispatcher(
        team, send, on_parked=lambda _session, delivery: told.append(delivery.last_error)
    )
    for hours in range(24):
        assert engine.run_until_idle() == 1, hours
        assert states(team) == {"a": "retrying", "behind": "pending"}
        time_machine.shift(timedelta(hours=1, seconds=2))
    assert engine.run_until_idle() == 2
    assert states(team) == {"a": "parked", "behind": "done"}
    assert told == ["gave up after 24 hours: Slack cannot be reached"]


@pytest.mark.parametrize("reason,state", [("Slack asks to wait", "parked"), ("", "pending")])
def test_after_a_day_of_waiting_for_something_it_is_given_up_unless_it_is_for_later(
    team: Team, time_machine: Any, reason: str, state: str
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    engine = dispatcher(team, failing(Wait(reason, 60)))
    for _ in range(2):
        assert engine.run_until_idle() == 1
        assert states(team) == {"a": "pending"}
        time_machine.shift(timedelta(hours=13))
    assert engine.run_until_idle() == 1
    assert states(team) == {"a": state}
    if reason:
        assert find(team, "a").last_error == f"gave up after 24 hours: {reason}"


def test_the_day_of_trying_begins_with_the_first_attempt(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    time_machine.shift(timedelta(days=3))  # nobody ran
    dispatcher(team, failing(Retry("busy"))).run_until_idle()
    assert states(team) == {"a": "retrying"}


def test_an_outcome_that_cannot_be_recorded_is_tried_again_in_doubt(
    team: Team, time_machine: Any
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))
    answers: list[Receipt] = [{}, {"number": 5}]

    def record(session: Session, delivery: Delivery) -> None:
        session.get_one(Counter, "incident").value = 1
        session.flush()
        session.get_one(Counter, "incident").value = (delivery.receipt or {})["number"]

    sent: list[bool] = []
    engine = Dispatcher(
        team.sessions,
        {
            "letter": Handler(
                lambda delivery: sent.append(delivery.in_doubt) or answers[len(sent) - 1], record
            )
        },
        lambda _session, _delivery: None,
    )
    engine.run_until_idle()
    waiting = find(team, "a")
    assert (waiting.state, waiting.in_doubt) == (DeliveryState.RETRYING, True)
    assert "could not be recorded: KeyError" in str(waiting.last_error)
    assert counter(team) == 0  # nothing of what failed half-way

    time_machine.shift(timedelta(seconds=BACKOFF_CAP_SECONDS))
    engine.run_until_idle()
    assert sent == [False, True]
    assert states(team) == {"a": "done"}
    assert counter(team) == 5


def test_what_cannot_be_told_as_parked_is_not_lost(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    post(team, letter("a"))

    def tell(_session: Session, _delivery: Delivery) -> None:
        raise LookupError("the timeline is away")

    dispatcher(team, failing(Permanent("no")), on_parked=tell).run_until_idle()
    assert states(team) == {"a": "retrying"}
    time_machine.shift(timedelta(seconds=BACKOFF_CAP_SECONDS))
    dispatcher(team, failing(Permanent("no"))).run_until_idle()
    assert states(team) == {"a": "parked"}
