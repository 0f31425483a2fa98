"""Moving an incident along: each legal move is made whole, each illegal one not at all."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from incidentbot.audit.models import Outcome
from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import AlreadyDone, InvalidInput, InvalidMove, NotFound
from incidentbot.incidents.lifecycle import PATH, Status, can_move
from incidentbot.incidents.models import EventKind
from incidentbot.outbox.publish import Streams, forget_waker, on_wake
from tests.team import Team

KIND_OF_MOVE = {Status.RESOLVED: EventKind.RESOLVED, Status.CANCELLED: EventKind.CANCELLED}


def test_each_legal_move_is_made_and_each_illegal_one_refused(team: Team) -> None:
    for current, target in product(Status, Status):
        reference = _incident_that_is(team, current)
        before, length = team.incident(reference), len(team.timeline(reference))
        if can_move(current, target):
            result = team.do(commands.move_to, reference, team.ada, target, "Because")
            event = team.timeline(reference)[-1]
            assert result.changed
            assert team.incident(reference).status is target
            assert event.kind is KIND_OF_MOVE.get(target, EventKind.STATUS)
            assert event.data == {"from": current.value, "to": target.value}
            assert event.text == "Because"
            continue
        if current is target and not current.is_open:
            assert not team.do(commands.move_to, reference, team.ada, target, "Because").changed
        elif current is not target:
            with pytest.raises(InvalidMove, match=reference):
                team.do(commands.move_to, reference, team.ada, target, "Because")
        else:  # an open incident that is there already takes the message as an update
            assert team.do(commands.move_to, reference, team.ada, target, "Because").changed
            assert team.timeline(reference)[-1].kind is EventKind.UPDATE
            length += 1
        assert team.incident(reference).status is before.status
        assert len(team.timeline(reference)) == length


def test_a_move_writes_state_timeline_audit_and_deliveries(team: Team) -> None:
    team.declare()
    deliveries = len(team.deliveries())

    result = team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED, "Bad deploy")

    assert result.sentence == "INC-1 is now identified."
    assert result.incident.version == team.incident().version == 2
    event = team.timeline()[-1]
    assert (event.seq, event.kind, event.text) == (2, EventKind.STATUS, "Bad deploy")
    entry = team.audit()[-1]
    assert (entry.action, entry.outcome, entry.reason) == ("move_to", Outcome.DONE, "Bad deploy")
    assert (entry.before["status"], entry.after["status"]) == ("declared", "identified")
    told = team.deliveries()[deliveries:]
    assert [d.kind for d in told] == ["slack.topic", "slack.message", "slack.card"]
    assert next(d for d in told if d.kind == "slack.message").payload == {"seq": 2}


def test_moving_to_where_it_is_without_a_message_changes_nothing(team: Team) -> None:
    team.declare()
    team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING)
    before = team.state()
    result = team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING, "  ")
    assert (result.changed, result.sentence) == (False, "INC-1 is monitoring already.")
    assert team.state() == before


def test_the_refusal_of_a_step_back_says_what_to_do_instead(team: Team) -> None:
    team.declare()
    team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING)
    with pytest.raises(InvalidMove, match="cannot go back to investigating") as refused:
        team.do(commands.move_to, "INC-1", team.ada, Status.INVESTIGATING)
    assert "reopen" in str(refused.value)


def test_an_update_is_told_and_leaves_the_status(team: Team) -> None:
    team.declare()
    team.do(commands.post_update, "INC-1", team.ada, "Still looking")
    assert team.incident().status is Status.DECLARED
    assert (team.timeline()[-1].kind, team.timeline()[-1].text) == (
        EventKind.UPDATE,
        "Still looking",
    )
    assert team.audit()[-1].action == "post_update"


def test_an_update_needs_a_message_of_reasonable_length(team: Team) -> None:
    team.declare()
    before = team.state()
    for message in ("", " \n ", "x" * 10_001):
        with pytest.raises(InvalidInput) as refused:
            team.do(commands.post_update, "INC-1", team.ada, message)
        assert refused.value.field == "message"
        assert team.state() == before


def test_an_incident_that_does_not_exist_is_not_found(team: Team) -> None:
    team.declare()
    before = team.state()
    for reference in ("INC-2", "2", "payments", "", "INC-0", "INC-1'--"):
        with pytest.raises(NotFound):
            team.do(commands.post_update, reference, team.ada, "Hello?")
        assert team.state() == before


def test_the_same_request_twice_moves_once(team: Team) -> None:
    team.declare()
    click = replace(team.ada, request_id="trigger/1")
    team.do(commands.post_update, "INC-1", click, "Once")
    before = team.state()
    with pytest.raises(AlreadyDone):
        team.do(commands.post_update, "INC-1", click, "Once")
    assert team.state() == before


def test_a_request_that_changed_nothing_may_come_again(team: Team) -> None:
    team.declare()
    click = replace(team.ada, request_id="trigger/1")
    for status in (Status.DECLARED, Status.INVESTIGATING):
        result = team.do(commands.move_to, "INC-1", click, status)
    assert result.changed


def test_a_command_that_the_database_breaks_off_half_way_leaves_nothing_behind(
    team: Team,
) -> None:
    open_one, closed_one = team.declare(), team.declare()
    team.do(commands.resolve, closed_one, team.ada)
    attempts: list[tuple[Callable[..., Result], tuple[Any, ...]]] = [
        (commands.post_update, (open_one, team.ada, "Looking")),
        (commands.move_to, (open_one, team.ada, Status.IDENTIFIED)),
        (commands.change_severity, (open_one, team.ada, "P1")),
        (commands.resolve, (open_one, team.ada)),
        (commands.cancel, (open_one, team.ada, "False alarm")),
        (commands.hand_over, (open_one, team.ada, team.bob.user_id)),
        (commands.take_over, (open_one, team.bob, "Ada is on a plane")),
        (commands.add_note, (open_one, team.ada, "Noted")),
        (commands.reopen, (closed_one, team.ada, "It is back")),
        (commands.draft_postmortem, (closed_one, team.ada)),
    ]
    before = team.state()
    woken: list[Streams] = []
    on_wake(woken.append)
    try:
        for table in ("timeline_events", "deliveries", "audit_entries"):
            with team.refusing(table):
                for command, arguments in attempts:
                    with pytest.raises(DBAPIError, match="the disk is full"):
                        team.do(command, *arguments)
                    assert team.state() == before, command.__name__
    finally:
        forget_waker(woken.append)
    assert not woken
    # Nothing stays locked either: the same commands work as soon as the database does.
    for command, arguments in attempts[:1] + attempts[-1:]:
        assert team.do(command, *arguments).changed


def test_the_runners_are_woken_only_after_the_commit(team: Team) -> None:
    team.declare()
    seen: list[Status] = []

    def waker(streams: Streams) -> None:
        assert "INC-1/messages" in streams
        seen.append(team.incident().status)

    on_wake(waker)
    try:
        team.do(commands.move_to, "INC-1", team.ada, Status.INVESTIGATING)
    finally:
        forget_waker(waker)
    assert seen == [Status.INVESTIGATING]


def test_the_story_never_runs_backwards_when_a_clock_does(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    team.declare()
    time_machine.move_to("2026-03-01T11:00:00+00:00", tick=False)
    team.do(commands.resolve, "INC-1", team.ada)
    assert [event.at.hour for event in team.timeline()] == [12, 12]
    assert team.incident().duration_seconds == 0


def _incident_that_is(team: Team, status: Status) -> str:
    reference = team.declare()
    if status is Status.CANCELLED:
        team.do(commands.cancel, reference, team.ada, "False alarm")
    elif status is not PATH[0]:
        team.do(commands.move_to, reference, team.ada, status)
    return reference


def test_an_update_with_a_status_of_its_menu_moves_and_without_one_does_not(team: Team) -> None:
    team.declare()
    team.do(commands.update_or_move, "INC-1", team.ada, "", "Looking")
    assert team.incident().status is Status.DECLARED
    team.do(commands.update_or_move, "INC-1", team.ada, "monitoring", "Rolled back")
    assert team.incident().status is Status.MONITORING
    assert [event.text for event in team.timeline()][-2:] == ["Looking", "Rolled back"]


@pytest.mark.parametrize("status", ["resolved", "cancelled", "declared", "no_change"])
def test_an_update_ends_nothing_whatever_door_it_came_through(team: Team, status: str) -> None:
    team.declare()
    with pytest.raises(InvalidInput) as refused:
        team.do(commands.update_or_move, "INC-1", team.ada, status, "Looking")
    assert refused.value.field == "status"
