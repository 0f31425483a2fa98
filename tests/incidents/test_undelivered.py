"""What was not delivered: who is told, and what an admin may do about it."""

import pytest
from sqlalchemy import select

from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.deliveries import retry_all, retry_delivery, skip_delivery
from incidentbot.incidents.errors import InvalidMove, NotAllowed, NotFound
from incidentbot.outbox import operate
from incidentbot.outbox.dispatch import Dispatcher, Handler, Permanent, Receipt
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import publish
from tests.outbox.post import letter
from tests.team import Team

REASON = "Slack refused: invalid_auth. Set SLACK_BOT_TOKEN to the current one."


def deliver(team: Team, *refused: str) -> None:
    """Make everything that is due; these kinds are refused for good."""

    def send(delivery: Delivery) -> Receipt:
        if delivery.kind in refused:
            raise Permanent(REASON)
        return {"channel": "C1", "name": "inc-1", "ts": "1.0"}

    kinds = {delivery.kind for delivery in team.deliveries()} | {"slack.message"}
    record = {"slack.war_room": commands.record_war_room}
    handlers = {kind: Handler(send, record.get(kind)) for kind in kinds}
    Dispatcher(team.sessions, handlers, commands.record_parked).run_until_idle()


def parked(team: Team) -> list[Delivery]:
    return list(team.deliveries(state=DeliveryState.PARKED))


def test_the_channel_is_told_of_an_announcement_that_was_given_up(team: Team) -> None:
    team.declare(severity="P2")
    deliver(team, "slack.announcement")
    (event,) = [event for event in team.timeline() if event.kind.value == "delivery"]
    assert event.text == REASON
    (told,) = team.deliveries(kind="slack.message", target="war-room")
    assert told.payload == {"seq": event.seq}


def test_a_message_that_is_given_up_tells_the_timeline_and_not_the_channel_again(
    team: Team,
) -> None:
    team.declare()
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    deliver(team, "slack.message")
    assert [event.kind.value for event in team.timeline()][-1] == "delivery"
    assert len(team.deliveries(kind="slack.message")) == 1


def test_what_waits_for_a_channel_says_so_and_goes_on_when_that_is_retried(team: Team) -> None:
    team.declare()
    deliver(team, "slack.war_room")
    (room,) = parked(team)
    waiting = team.deliveries(state=DeliveryState.PENDING)
    assert len(waiting) == 4
    assert {delivery.last_error for delivery in waiting} == {
        f"waits for delivery {room.id}, which was given up: {REASON}"
    }
    team.do(retry_delivery, room.id, team.grace)
    assert {d.last_error for d in team.deliveries(state=DeliveryState.PENDING)} == {None}
    deliver(team)
    assert {delivery.state.value for delivery in team.deliveries()} == {"done"}
    assert team.incident().slack_channel_id == "C1"


@pytest.mark.parametrize("at_once,batches", [(2, [2, 1]), (500, [3])])
def test_retry_all_keeps_the_order_and_audits_each_batch(
    team: Team, monkeypatch: pytest.MonkeyPatch, at_once: int, batches: list[int]
) -> None:
    monkeypatch.setattr(operate, "RETRIED_AT_ONCE", at_once)
    team.declare()
    deliver(team)
    for number in range(3):
        team.do(commands.post_update, "INC-1", team.ada, f"update {number}")
    deliver(team, "slack.message")
    assert len(parked(team)) == 3
    assert team.do(retry_all, team.grace) == 3
    sent: list[int] = []

    def send(delivery: Delivery) -> Receipt:
        sent.append(delivery.payload["seq"])
        return {}

    handlers = {"slack.message": Handler(send)}
    Dispatcher(team.sessions, handlers, commands.record_parked).run_until_idle()
    assert sent == sorted(sent)
    assert len(sent) == 3
    kept = [entry for entry in team.audit() if entry.actor_name == "Grace"]
    assert {entry.action for entry in kept} == {"retry_deliveries"}
    assert [entry.after["count"] for entry in kept] == batches
    tried = [number for entry in kept for number in entry.after["deliveries"]]
    assert tried == [d.id for d in team.deliveries(kind="slack.message")][-3:]
    assert team.problems() == []


def test_what_others_wait_for_is_tried_again_last(team: Team) -> None:
    team.declare(severity="P2")
    deliver(team, "slack.war_room", "slack.announcement")
    (room,) = (delivery for delivery in parked(team) if delivery.kind == "slack.war_room")
    assert room.id == min(delivery.id for delivery in parked(team))
    assert team.do(retry_all, team.grace) == 2
    entries = [entry for entry in team.audit() if entry.action == "retry_deliveries"]
    assert entries[-1].after["deliveries"] == [room.id]
    assert {d.last_error for d in team.deliveries(state=DeliveryState.PENDING)} == {None}
    deliver(team)
    assert {delivery.state.value for delivery in team.deliveries()} == {"done"}


def test_one_reason_alone_is_tried_again(team: Team) -> None:
    team.declare(severity="P2")
    deliver(team, "slack.announcement")
    announcement = parked(team)[0].id
    with team.sessions() as session, write_transaction(session):
        topic = session.scalars(select(Delivery).where(Delivery.kind == "slack.topic")).one()
        topic.state, topic.last_error = DeliveryState.PARKED, "two\nlines"
    assert team.do(retry_all, team.grace, topic.id) == 1
    assert [delivery.id for delivery in parked(team)] == [announcement]
    with pytest.raises(NotFound):
        team.do(retry_all, team.grace, 0)


def test_what_stands_still_is_piled_up_by_reason_however_much_goes_its_way(team: Team) -> None:
    with team.sessions() as session:
        with write_transaction(session):
            publish(session, [letter(f"going {number}") for number in range(150)])
            kept = publish(session, [letter(f"kept {number}") for number in range(112)])
            for number, delivery in enumerate(kept):
                delivery.last_error = f"reason {number - 50}" if number > 50 else "busy"
        piles = operate.pile_up(session, UNFINISHED)
        assert (piles.count, piles.reasons, len(piles.shown)) == (112, 62, operate.REASONS_SHOWN)
        busy = piles.shown[0]
        assert (busy.reason, busy.count) == ("busy", 51)
        assert [d.target for d in busy.oldest] == [f"kept {number}" for number in range(10)]
        assert [(pile.reason, pile.count) for pile in piles.shown[1:3]] == [
            ("reason 1", 1),
            ("reason 2", 1),
        ]
        nothing = operate.pile_up(session, [DeliveryState.PARKED])
        assert (nothing.count, nothing.shown) == (0, [])


def test_what_is_left_out_is_never_made(team: Team) -> None:
    team.declare(severity="P2")
    deliver(team, "slack.announcement")
    (announcement,) = parked(team)
    team.do(skip_delivery, announcement.id, team.grace)
    deliver(team)
    assert team.deliveries(kind="slack.announcement")[0].state is DeliveryState.SKIPPED
    assert team.audit()[-1].action == "skip_delivery"


def test_only_an_admin_may_and_only_what_is_open_can_be_changed(team: Team) -> None:
    team.declare(severity="P2")
    deliver(team, "slack.announcement")
    (announcement,) = parked(team)
    done = team.deliveries(state=DeliveryState.DONE)[0]
    before = team.state()
    for act in (retry_delivery, skip_delivery):
        with pytest.raises(NotAllowed):
            team.do(act, announcement.id, team.ada)
        with pytest.raises(InvalidMove, match="nothing to do"):
            team.do(act, done.id, team.grace)
        with pytest.raises(NotFound):
            team.do(act, 999_999, team.grace)
    with pytest.raises(NotAllowed):
        team.do(retry_all, team.ada)
    assert team.state() == before
