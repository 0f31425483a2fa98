"""A person gets at most one direct message about one incident in five minutes, however many of us run."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest

from incidentbot.channels.slack.api import SlackApi
from incidentbot.channels.slack.senders import Slack, send_dm
from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.outbox.dispatch import Dispatcher, Handler
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.operate import waiting_since
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.route import DM_INTERVAL
from incidentbot.users.actor import Actor
from tests.team import Processes, Team, connected, together

A_SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)


@pytest.fixture
def send(team: Team) -> Callable[[], None]:
    """Send every direct message that is due, and nothing else."""
    return lambda: _send_messages(team)


def messages(team: Team, person: str = "U0P1") -> Sequence[Delivery]:
    return team.deliveries(kind="slack.dm", target=person)


def states(team: Team) -> list[DeliveryState]:
    return [delivery.state for delivery in messages(team)]


def follow_updates(team: Team) -> None:
    """Have the person who hears of P1 hear of each update too."""
    team.execute("UPDATE routing_rules SET on_update = TRUE WHERE target = 'U0P1'")


def waiting(team: Team) -> datetime | None:
    """Return since when something waits that does not leave, as the metrics have it."""
    with team.sessions() as session, write_transaction(session):
        for other in session.query(Delivery).filter(Delivery.kind != "slack.dm"):
            other.state = DeliveryState.DONE
    with team.sessions() as session:
        return waiting_since(session)


def assert_only_the_last_was_told(team: Team, changes: int) -> None:
    """Of all that happened at once, long after the start, the last is told and nothing else."""
    skipped = [DeliveryState.SKIPPED] * (changes - 1)
    assert states(team) == [DeliveryState.DONE, *skipped, DeliveryState.DONE]


def test_a_second_message_within_five_minutes_is_recorded_as_throttled(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    follow_updates(team)
    team.declare(severity="P1")
    send()
    time_machine.shift(DM_INTERVAL - A_SECOND)
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    first, second = messages(team)
    assert first.state is DeliveryState.DONE
    assert second.state is DeliveryState.SKIPPED
    assert second.last_error is not None
    assert second.last_error.startswith("throttled")
    assert second.finished_at is not None
    assert (second.attempts, second.payload) == (0, {"seq": 2})


def test_the_end_within_five_minutes_is_put_off_until_they_are_over(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    team.declare(severity="P1")
    send()
    time_machine.shift(DM_INTERVAL - A_SECOND)
    team.do(commands.resolve, "INC-1", team.ada)
    send()
    first, second = messages(team)
    assert second.state is DeliveryState.PENDING
    assert second.due_at == first.finished_at + DM_INTERVAL
    assert second.payload["put_off"].endswith("within 5 minutes")
    assert second.last_error is None, "nothing is wrong with it"
    assert waiting(team) is None, "it does not count as late"
    time_machine.shift(A_SECOND)
    assert waiting(team) == second.due_at, "it waits from when it is due"
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.DONE]


def test_of_several_ends_that_were_put_off_only_the_last_is_told(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    team.declare(severity="P1")
    send()
    for _ in range(2):
        time_machine.shift(A_SECOND)
        team.do(commands.resolve, "INC-1", team.ada)
        team.do(commands.reopen, "INC-1", team.ada, "It is back")
    time_machine.shift(DM_INTERVAL)
    send()
    assert states(team) == [DeliveryState.DONE, *[DeliveryState.SKIPPED] * 3, DeliveryState.DONE]
    assert messages(team)[1].last_error == "superseded by a newer one"


def test_who_is_told_that_it_is_over_is_told_that_it_is_not(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    team.declare(severity="P1")
    send()
    time_machine.shift(DM_INTERVAL)
    team.do(commands.resolve, "INC-1", team.ada)
    send()
    team.do(commands.reopen, "INC-1", team.ada, "It is back")
    send()
    assert states(team)[2] is DeliveryState.PENDING
    time_machine.shift(DM_INTERVAL)
    send()
    assert states(team) == [DeliveryState.DONE] * 3


def test_an_end_that_waited_for_the_start_keeps_its_distance_from_it(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    team.declare(severity="P1")
    time_machine.shift(timedelta(hours=1))  # Slack is down: both could leave at the same moment
    team.do(commands.resolve, "INC-1", team.ada)
    send()
    first, second = messages(team)
    assert (first.state, second.state) == (DeliveryState.DONE, DeliveryState.PENDING)
    assert (second.attempts, second.last_error) == (0, None)
    assert waiting(team) is None
    time_machine.shift(DM_INTERVAL - A_SECOND)
    send()
    assert states(team)[1] is DeliveryState.PENDING
    time_machine.shift(A_SECOND * 2)
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.DONE]


def test_a_message_after_five_minutes_goes(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    team.declare(severity="P1")
    send()
    time_machine.shift(DM_INTERVAL + A_SECOND)
    team.do(commands.resolve, "INC-1", team.ada)
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.DONE]


def test_a_throttled_message_does_not_put_off_the_next_one(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    follow_updates(team)
    team.declare(severity="P1")
    send()
    time_machine.shift(DM_INTERVAL * 0.8)
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    time_machine.shift(DM_INTERVAL * 0.4)
    team.do(commands.post_update, "INC-1", team.ada, "Found it")
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.SKIPPED, DeliveryState.DONE]


def test_another_incident_is_told_at_once(team: Team, send: Callable[[], None]) -> None:
    team.declare(severity="P1")
    send()
    team.declare(severity="P1")
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.DONE]


def test_another_person_is_told_at_once(
    team: Team, send: Callable[[], None], time_machine: Any
) -> None:
    team.declare(severity="P1")
    send()
    team.do(commands.change_severity, "INC-1", team.ada, "P2")
    with team.sessions() as session, write_transaction(session):
        session.add(RoutingRule(severity="P1", kind=AudienceKind.PERSON, target="U0BOB"))
    time_machine.shift(A_SECOND)
    team.do(commands.change_severity, "INC-1", team.ada, "P1")
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.SKIPPED]
    assert [delivery.state for delivery in messages(team, "U0BOB")] == [DeliveryState.DONE]


def test_a_message_that_left_late_counts_from_when_it_left(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    follow_updates(team)
    team.declare(severity="P1")
    time_machine.shift(timedelta(hours=1))  # Slack was down
    send()
    time_machine.shift(DM_INTERVAL - A_SECOND)
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    assert states(team) == [DeliveryState.DONE, DeliveryState.SKIPPED]


def test_a_message_still_on_its_way_counts_however_old_it_is(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    follow_updates(team)
    team.declare(severity="P1")
    time_machine.shift(timedelta(hours=1))  # Slack is down: both would leave at the same moment
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    send()
    assert states(team) == [DeliveryState.DONE, DeliveryState.SKIPPED]


def test_a_message_that_was_given_up_counts_for_nothing(team: Team) -> None:
    team.declare(severity="P1")
    team.execute("UPDATE deliveries SET state = 'parked' WHERE kind = 'slack.dm'")
    team.do(commands.resolve, "INC-1", team.ada)
    assert states(team) == [DeliveryState.PARKED, DeliveryState.PENDING]


def test_events_at_the_same_moment_make_one_message(
    team: Team, time_machine: Any, send: Callable[[], None]
) -> None:
    team.declare(severity="P1")
    send()
    time_machine.shift(DM_INTERVAL * 2)
    answers = together(
        *[
            lambda: team.do(commands.resolve, "INC-1", team.ada),
            lambda: team.do(commands.reopen, "INC-1", team.ada, "It is back"),
        ]
        * 4
    )
    changes = sum(answer.changed for answer in answers)
    assert changes >= 1
    send()
    assert_only_the_last_was_told(team, changes)


def test_it_holds_across_processes(team: Team, processes: Processes, time_machine: Any) -> None:
    team.declare(severity="P1")
    _send_messages(team)
    # Other processes live in the present: the first message was long ago for them.
    changes = sum(processes.together(_resolve_and_reopen, team.database_url, team.ada))
    assert changes >= 1
    time_machine.move_to(team.incident().updated_at + A_SECOND)
    _send_messages(team)
    assert_only_the_last_was_told(team, changes)


def _resolve_and_reopen(_number: int, database_url: str, actor: Actor) -> int:
    changes = 0
    with connected(database_url) as sessions:
        for _ in range(3):
            with sessions() as session:
                changes += commands.resolve(session, "INC-1", actor).changed
                changes += commands.reopen(session, "INC-1", actor, "It is back").changed
    return changes


class _Post:
    """A Slack that takes every message."""

    def call(self, method: str, **_arguments: Any) -> dict[str, Any]:
        return (
            {"channel": {"id": "D1"}}
            if method == "conversations_open"
            else {"channel": "D1", "ts": "1.1"}
        )


def _send_messages(team: Team) -> None:
    slack = Slack(cast(SlackApi, _Post()), team.sessions, "https://incidents.example")
    handler = Handler(partial(send_dm, slack))
    dispatcher = Dispatcher(team.sessions, {"slack.dm": handler}, lambda *_parked: None)
    for stream in {delivery.stream for delivery in team.deliveries(kind="slack.dm")}:
        dispatcher.run_until_idle(stream)
