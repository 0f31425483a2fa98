"""Who, by which door, from where, what was before and after: of every command, done or refused."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from incidentbot.audit.models import Outcome
from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotAllowed
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind
from incidentbot.users.actor import Actor, Door
from tests.team import Team


def test_a_whole_story_is_in_the_log_command_by_command(team: Team) -> None:
    team.declare()
    for command, *arguments in (
        (commands.post_update, "Looking"),
        (commands.move_to, Status.INVESTIGATING),
        (commands.change_severity, "P1"),
        (commands.add_note, "Noted"),
        (commands.resolve,),
        (commands.reopen, "It is back"),
        (commands.cancel, "A ghost"),
        (commands.reopen, "No ghost"),
        (commands.resolve,),
        (commands.draft_postmortem,),
        (commands.edit_postmortem, "# What happened", 1),
        (commands.hand_over, team.bob.user_id),
    ):
        team.do(command, "INC-1", team.ada, *arguments)
    team.do(commands.take_over, "INC-1", team.grace, "Bob is away")

    entries = team.audit()
    assert [entry.action for entry in entries] == [
        "declare",
        "post_update",
        "move_to",
        "change_severity",
        "add_note",
        "resolve",
        "reopen",
        "cancel",
        "reopen",
        "resolve",
        "draft_postmortem",
        "edit_postmortem",
        "hand_over",
        "take_over",
    ]
    # What one entry says was after, the next says was before.
    for entry, following in pairwise(entries):
        common = entry.after.keys() & following.before.keys() - {"postmortem"}
        assert common == {"status", "severity", "commander_id", "resolved_at"}
        assert {k: entry.after[k] for k in common} == {k: following.before[k] for k in common}


def test_the_door_and_where_somebody_came_from_are_kept(team: Team) -> None:
    team.declare(replace(team.ada, door=Door.SLACK, origin="T0TEAM/C0ROOM", request_id="trigger/1"))
    (entry,) = team.audit()
    assert (entry.door, entry.origin, entry.request_id) == ("slack", "T0TEAM/C0ROOM", "trigger/1")


def test_a_place_too_long_to_keep_is_cut(team: Team) -> None:
    team.declare(replace(team.ada, origin="x" * 500))
    assert team.audit()[0].origin == "x" * 200
    assert team.problems() == []


def test_a_refused_command_is_kept_with_the_reason_the_person_read(team: Team) -> None:
    team.declare()
    with pytest.raises(NotAllowed) as refused:
        team.do(commands.resolve, "INC-1", replace(team.bob, request_id="trigger/1"))
    entry = team.audit()[-1]
    assert (entry.action, entry.subject, entry.outcome) == ("resolve", "INC-1", Outcome.REFUSED)
    assert (entry.actor_id, entry.reason) == (team.bob.user_id, str(refused.value))
    assert entry.request_id is None  # so that the same request may succeed later
    assert team.problems() == []


def test_a_mistake_is_no_refusal_and_leaves_no_entry(team: Team) -> None:
    team.declare()
    team.do(commands.move_to, "INC-1", team.ada, Status.INVESTIGATING)
    for command, argument, error in (
        (commands.post_update, "", InvalidInput),
        (commands.change_severity, "P9", InvalidInput),
        (commands.move_to, Status.DECLARED, InvalidMove),
    ):
        with pytest.raises(error):
            team.do(command, "INC-1", team.ada, argument)
    assert [entry.action for entry in team.audit()] == ["declare", "move_to"]


def test_a_command_that_had_nothing_to_do_leaves_no_entry(team: Team) -> None:
    team.declare()
    team.do(commands.change_severity, "INC-1", team.ada, "P3")
    assert len(team.audit()) == 1


def test_the_reason_is_what_was_written_for_the_team_even_where_customers_are_told_too(
    team: Team,
) -> None:
    team.declare()
    grace = replace(team.grace, override_reason="Ada is on a plane")
    written: list[tuple[Callable[..., Result], Actor, tuple[Any, ...], str | None]] = [
        (commands.post_update, team.ada, ("Disk full", "Checkout is slow"), "Disk full"),
        (commands.move_to, team.ada, (Status.IDENTIFIED, "Logs"), "Logs"),
        (commands.move_to, team.ada, (Status.MONITORING,), None),
        (commands.change_severity, team.ada, ("P1", "Half of Europe"), "Half of Europe"),
        (commands.resolve, grace, ("Disk replaced",), "Ada is on a plane"),
        (commands.reopen, team.ada, ("Full again",), "Full again"),
    ]
    for command, actor, arguments, reason in written:
        team.do(command, "INC-1", actor, *arguments)
        entry = team.audit()[-1]
        assert entry.reason == reason
        if entry.override:
            assert entry.after["text"] == "Disk replaced"
    told = [event.text for event in team.timeline() if event.kind is EventKind.PUBLIC]
    assert len(told) >= 4  # customers know of it, and hear of each move
    assert team.problems() == []
