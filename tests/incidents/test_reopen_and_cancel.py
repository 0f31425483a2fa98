"""Reopening what was closed, and closing a false alarm."""

from typing import Any

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.errors import InvalidInput, InvalidMove
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind
from tests.team import Team, together


def test_a_reopened_incident_is_investigated_and_can_go_the_whole_way_again(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)

    result = team.do(commands.reopen, "INC-1", team.ada, "It is back")

    incident = team.incident()
    assert result.sentence == "INC-1 is open again."
    assert incident.status is Status.INVESTIGATING
    assert (incident.resolved_at, incident.duration_seconds) == (None, None)
    event = team.timeline()[-1]
    assert (event.kind, event.text) == (EventKind.REOPENED, "It is back")
    assert event.data == {"from": "resolved", "to": "investigating"}
    for status in (Status.IDENTIFIED, Status.MONITORING, Status.RESOLVED):
        assert team.do(commands.move_to, "INC-1", team.ada, status).changed


def test_the_duration_after_a_reopening_counts_from_the_declaration(
    team: Team, time_machine: Any
) -> None:
    for time, command, arguments in (
        ("12:00", None, ()),
        ("12:10", commands.resolve, ()),
        ("13:00", commands.reopen, ("It is back",)),
        ("14:00", commands.resolve, ()),
    ):
        time_machine.move_to(f"2026-03-01T{time}:00+00:00", tick=False)
        if command is None:
            team.declare()
        else:
            team.do(command, "INC-1", team.ada, *arguments)
    assert team.incident().duration_seconds == 2 * 3600


def test_a_cancelled_incident_can_be_reopened(team: Team) -> None:
    team.declare()
    team.do(commands.cancel, "INC-1", team.ada, "False alarm")
    team.do(commands.reopen, "INC-1", team.ada, "Not so false")
    assert team.incident().status is Status.INVESTIGATING


def test_reopening_an_open_incident_changes_nothing(team: Team) -> None:
    team.declare()
    before = team.state()
    result = team.do(commands.reopen, "INC-1", team.ada, "Why not")
    assert (result.changed, result.sentence) == (False, "INC-1 is open: declared.")
    assert team.state() == before


def test_a_reason_is_needed_and_short(team: Team) -> None:
    team.declare()
    before = team.state()
    for command in (commands.reopen, commands.cancel, commands.take_over):
        for reason in ("", "\u200b", "x" * 1001):
            with pytest.raises(InvalidInput) as refused:
                team.do(command, "INC-1", team.ada, reason)
            assert refused.value.field == "reason"
    assert team.state() == before


def test_a_false_alarm_is_closed_without_a_duration(team: Team) -> None:
    team.declare()
    team.do(commands.cancel, "INC-1", team.ada, "A test alert")
    incident = team.incident()
    assert incident.status is Status.CANCELLED
    assert (incident.resolved_at, incident.duration_seconds) == (None, None)
    assert (team.timeline()[-1].kind, team.timeline()[-1].text) == (
        EventKind.CANCELLED,
        "A test alert",
    )
    assert (team.audit()[-1].action, team.audit()[-1].reason) == ("cancel", "A test alert")


def test_cancelling_twice_changes_nothing_and_says_who_did_it(team: Team) -> None:
    team.declare()
    team.do(commands.cancel, "INC-1", team.ada, "False alarm")
    before = team.state()
    again = team.do(commands.cancel, "INC-1", team.grace, "False alarm")
    assert not again.changed
    assert again.sentence.startswith("INC-1 was already cancelled by Ada on ")
    assert team.state() == before


def test_a_second_cancellation_is_told_of_the_newest_one(team: Team) -> None:
    team.declare()
    team.do(commands.cancel, "INC-1", team.ada, "False alarm")
    team.do(commands.reopen, "INC-1", team.ada, "It is real")
    team.do(commands.cancel, "INC-1", team.grace, "False after all")
    assert "cancelled by Grace" in team.do(commands.cancel, "INC-1", team.ada, "x").sentence


def test_a_resolved_incident_cannot_be_cancelled(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    with pytest.raises(InvalidMove, match="INC-1 is resolved"):
        team.do(commands.cancel, "INC-1", team.ada, "False alarm")


def test_of_resolving_and_cancelling_at_once_exactly_one_happens(team: Team) -> None:
    team.declare()
    answers = together(
        lambda: team.do(commands.resolve, "INC-1", team.ada),
        lambda: team.do(commands.cancel, "INC-1", team.grace, "False alarm"),
    )
    assert sum(isinstance(answer, InvalidMove) for answer in answers) == 1
    assert len(team.timeline()) == 2
    assert not team.incident().status.is_open
