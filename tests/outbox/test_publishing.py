"""A letter is in the outbox when, and only when, the change that it tells of is committed."""

import pytest
from sqlalchemy.exc import IntegrityError, NoResultFound

from incidentbot.database import write_transaction
from incidentbot.outbox.models import DeliveryState
from incidentbot.outbox.publish import Streams, forget_waker, on_wake, publish
from tests.outbox.post import dispatcher, find, letter, post, states
from tests.team import Team, together


def test_what_is_rolled_back_never_leaves(team: Team) -> None:
    with (
        team.sessions() as session,
        pytest.raises(NoResultFound),
        write_transaction(session),
    ):
        publish(session, [letter("a"), letter("a", waits_for="nothing we know")])
    assert states(team) == {}
    assert dispatcher(team).run_until_idle() == 0


def test_the_same_effect_cannot_be_published_twice(team: Team) -> None:
    post(team, letter("a"))
    with pytest.raises(IntegrityError):
        post(team, letter("b"), letter("a"))
    assert states(team) == {"a": "pending"}
    answers = together(*[lambda: post(team, letter("c"))] * 4)
    assert sum(answer is None for answer in answers) == 1
    assert states(team) == {"a": "pending", "c": "pending"}


def test_an_effect_that_will_not_happen_is_recorded_with_the_reason(team: Team) -> None:
    post(team, letter("a", skip_reason="throttled: too many letters"))
    skipped = find(team, "a")
    assert skipped.state is DeliveryState.SKIPPED
    assert skipped.last_error == "throttled: too many letters"
    assert skipped.finished_at is not None
    assert dispatcher(team).run_until_idle() == 0


def test_what_an_effect_carries_is_kept(team: Team) -> None:
    post(team, letter("a", payload={"seq": 3, "text": "ä🔥"}, priority=2, target="C0ROOM"))
    kept = find(team, "a")
    assert (kept.payload, kept.priority, kept.target) == (
        {"seq": 3, "text": "ä🔥"},
        2,
        "C0ROOM",
    )
    assert (kept.attempts, kept.in_doubt, kept.incident_id) == (0, False, None)


def test_a_newer_one_supersedes_those_nobody_has_tried(team: Team) -> None:
    post(team, letter("old", "s", target="topic", newest_only=True))
    post(team, letter("other", "s", target="elsewhere", newest_only=True))
    post(team, letter("new", "s", target="topic", newest_only=True))
    assert states(team) == {"old": "skipped", "other": "pending", "new": "pending"}
    assert find(team, "old").last_error == "superseded by a newer one"
    sent: list[str] = []
    dispatcher(team, lambda delivery: sent.append(delivery.dedupe_key) or {}).run_until_idle()
    assert sent == ["other", "new"]


def test_one_that_somebody_is_sending_or_has_tried_is_not_superseded(team: Team) -> None:
    post(team, letter("old", "s", target="topic", newest_only=True))
    (leased,) = dispatcher(team).claim()
    post(team, letter("new", "s", target="topic", newest_only=True))
    assert states(team) == {"old": "leased", "new": "pending"}
    dispatcher(team).deliver(leased)
    assert dispatcher(team).run_until_idle() == 1
    assert states(team) == {"old": "done", "new": "done"}


def test_a_plain_letter_supersedes_nothing(team: Team) -> None:
    post(team, letter("one", "s", target="room"))
    post(team, letter("two", "s", target="room"))
    assert states(team) == {"one": "pending", "two": "pending"}


def test_of_many_published_at_once_the_newest_is_sent(team: Team) -> None:
    answers = together(
        *[
            lambda number=number: post(
                team, letter(f"n{number}", "s", target="topic", newest_only=True)
            )
            for number in range(6)
        ]
    )
    assert answers == [None] * 6
    sent: list[str] = []
    dispatcher(team, lambda delivery: sent.append(delivery.dedupe_key) or {}).run_until_idle()
    newest = max(team.deliveries(), key=lambda delivery: delivery.id)
    assert sent[-1] == newest.dedupe_key


def test_all_who_listen_are_told_what_is_due_until_they_ask_no_more(team: Team) -> None:
    heard: list[tuple[str, dict[str, int]]] = []

    def one(streams: Streams) -> None:
        heard.append(("one", dict(streams)))

    def two(streams: Streams) -> None:
        heard.append(("two", dict(streams)))

    on_wake(one)
    on_wake(two)
    post(team, letter("a", "s", priority=1), letter("b", "t", priority=4), and_wake=True)
    forget_waker(one)
    post(team, letter("c", "s"), letter("throttled", "u", skip_reason="throttled"), and_wake=True)
    forget_waker(two)
    post(team, letter("d"), and_wake=True)
    due = {"s": 1, "t": 4}
    assert heard == [("one", due), ("two", due), ("two", {"s": 5})]
