"""Letters of one stream leave one after another, those of different streams side by side."""

from collections import Counter

import pytest
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.outbox.dispatch import Permanent, Receipt, Retry, Skip
from incidentbot.outbox.models import Delivery
from tests.outbox.post import dispatcher, find, letter, names, post, states
from tests.team import Processes, Team, connected, together

STREAMS, LETTERS = 4, 4


@pytest.fixture
def mailbag(team: Team) -> Team:
    """Some streams with some letters each, in turn."""
    post(team, *(letter(f"{s}/{n}", f"s{s}") for n in range(LETTERS) for s in range(STREAMS)))
    return team


def test_the_letters_of_a_stream_leave_in_the_order_in_which_they_were_posted(
    mailbag: Team,
) -> None:
    sent: list[str] = []
    made = dispatcher(
        mailbag, lambda delivery: sent.append(delivery.dedupe_key) or {}
    ).run_until_idle()
    assert made == len(sent) == STREAMS * LETTERS
    for s in range(STREAMS):
        stream = [name for name in sent if name.startswith(f"{s}/")]
        assert stream == [f"{s}/{n}" for n in range(LETTERS)]
    assert set(states(mailbag).values()) == {"done"}


def test_one_letter_of_each_stream_can_be_under_way(mailbag: Team) -> None:
    engine = dispatcher(mailbag)
    claimed = engine.claim(100)
    assert sorted(names(claimed)) == [f"{s}/0" for s in range(STREAMS)]
    assert engine.claim(100) == []
    engine.deliver(claimed[0])
    assert names(engine.claim(100)) == [claimed[0].dedupe_key.replace("/0", "/1")]


def test_no_more_are_claimed_than_were_asked_for(mailbag: Team) -> None:
    assert len(dispatcher(mailbag).claim(3)) == 3
    assert len(dispatcher(mailbag).claim()) == 1


def test_one_stream_alone_can_be_asked_for(mailbag: Team) -> None:
    engine = dispatcher(mailbag)
    assert names(engine.claim(100, "s2")) == ["2/0"]
    assert engine.claim(100, "s2") == []
    assert engine.run_until_idle("s1") == LETTERS
    assert Counter(states(mailbag).values()) == {"done": 4, "leased": 1, "pending": 11}


def test_the_more_urgent_of_two_streams_leaves_first(team: Team) -> None:
    post(team, letter("p4", priority=4), letter("p1", priority=1), letter("p2", priority=2))
    engine = dispatcher(team)
    assert [names(engine.claim()) for _ in range(3)] == [["p1"], ["p2"], ["p4"]]


def test_what_was_claimed_tells_all_that_a_sender_needs(team: Team) -> None:
    post(team, letter("a", "s", payload={"x": 1}))
    (claimed,) = dispatcher(team).claim()
    assert (claimed.kind, claimed.target, claimed.payload) == ("letter", "a", {"x": 1})
    assert (claimed.attempts, claimed.in_doubt) == (1, False)
    claimed.payload = {"x": 2}
    dispatcher(team).deliver(claimed)
    assert find(team, "a").payload == {"x": 1}


def test_many_who_claim_at_once_never_get_the_same_letter(mailbag: Team) -> None:
    sent = together(*[lambda: _carry_all(mailbag.sessions)] * 6)
    assert Counter(name for names in sent for name in names) == Counter(states(mailbag).keys())


def test_many_processes_never_get_the_same_letter_and_keep_the_order(
    mailbag: Team, processes: Processes
) -> None:
    sent = processes.together(_carry_all_elsewhere, mailbag.database_url)
    assert Counter(name for names in sent for name in names) == Counter(states(mailbag).keys())
    assert set(states(mailbag).values()) == {"done"}
    for s in range(STREAMS):
        finished = [find(mailbag, f"{s}/{n}").finished_at for n in range(LETTERS)]
        assert finished == sorted(finished)


def test_a_letter_waits_until_the_one_it_needs_is_done(team: Team) -> None:
    post(team, letter("channel"), letter("message", waits_for="channel"))
    engine = dispatcher(team)
    (channel,) = engine.claim(10)
    assert channel.dedupe_key == "channel"
    assert engine.claim(10) == []
    engine.deliver(channel)
    assert names(engine.claim(10)) == ["message"]


def test_a_letter_waits_while_the_one_it_needs_is_tried_again(team: Team) -> None:
    post(team, letter("channel"), letter("message", waits_for="channel"))

    def send(_delivery: Delivery) -> Receipt:
        raise Retry("later")

    assert dispatcher(team, send).run_until_idle() == 1
    assert states(team) == {"channel": "retrying", "message": "pending"}


def test_a_letter_goes_when_the_one_it_needs_turned_out_not_to_be_needed(team: Team) -> None:
    post(team, letter("channel"), letter("message", waits_for="channel"))

    def send(delivery: Delivery) -> Receipt:
        if delivery.dedupe_key == "channel":
            raise Skip("nothing to do")
        return {}

    assert dispatcher(team, send).run_until_idle() == 2
    assert states(team) == {"channel": "skipped", "message": "done"}


def test_a_letter_waits_for_one_that_was_parked_and_those_behind_it_that_wait_not_go_on(
    team: Team,
) -> None:
    post(
        team,
        letter("channel", "room"),
        letter("invitation", "people", waits_for="channel"),
        letter("announcement", "room"),
    )

    def send(delivery: Delivery) -> Receipt:
        if delivery.dedupe_key == "channel":
            raise Permanent("no more channels")
        return {}

    assert dispatcher(team, send).run_until_idle() == 2
    assert states(team) == {"channel": "parked", "invitation": "pending", "announcement": "done"}


def test_a_letter_that_is_tried_again_holds_back_its_own_stream_only(team: Team) -> None:
    post(team, letter("one", "s"), letter("two", "s"), letter("other", "t"))

    def send(delivery: Delivery) -> Receipt:
        if delivery.dedupe_key == "one":
            raise Retry("later")
        return {}

    assert dispatcher(team, send).run_until_idle() == 2
    assert states(team) == {"one": "retrying", "two": "pending", "other": "done"}


def _carry_all(sessions: sessionmaker[Session]) -> list[str]:
    sent: list[str] = []
    engine = dispatcher(sessions, lambda delivery: sent.append(delivery.dedupe_key) or {})
    while True:
        claimed = engine.claim(2)
        for delivery in claimed:
            engine.deliver(delivery)
        with sessions() as session:
            open_ones = session.query(Delivery).filter(Delivery.finished_at.is_(None)).count()
        if not open_ones:
            return sent


def _carry_all_elsewhere(_number: int, database_url: str) -> list[str]:
    with connected(database_url) as sessions:
        return _carry_all(sessions)
