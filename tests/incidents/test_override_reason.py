"""An admin in the commander's place says why, whichever the door; the audit log keeps it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput, ReasonNeeded
from incidentbot.incidents.people import add_person
from incidentbot.incidents.text import REASON_LIMIT
from incidentbot.users.actor import Door, actor_for
from tests.team import Team
from tests.users.accounts import user_of

OVERRIDES: list[tuple[Callable[..., Result], tuple[Any, ...]]] = [
    (commands.post_update, ("Looking",)),
    (commands.change_severity, ("P1",)),
    (commands.resolve, ()),
    (commands.cancel, ("False alarm",)),
    (commands.hand_over, (2,)),
    (add_person, (2, "scribe")),
]


@pytest.mark.parametrize("command,arguments", OVERRIDES)
@pytest.mark.parametrize("reason", ["", "  \n "])
def test_an_override_without_a_reason_changes_nothing(
    team: Team, command: Callable[..., Result], arguments: tuple[Any, ...], reason: str
) -> None:
    team.declare()
    before = team.state()
    with pytest.raises(InvalidInput) as refused:
        team.do(command, "INC-1", replace(team.grace, override_reason=reason), *arguments)
    assert refused.value.field == "override_reason"
    assert team.state() == before


def test_the_audit_log_keeps_the_reason_and_what_was_written(team: Team) -> None:
    team.declare()
    grace = replace(team.grace, override_reason=" Ada is on\r\na plane ")
    team.do(commands.resolve, "INC-1", grace, "Rolled back")
    entry = team.audit()[-1]
    assert (entry.override, entry.reason) == (True, "Ada is on\na plane")
    assert entry.after["text"] == "Rolled back"
    assert team.timeline()[-1].text == "Rolled back"
    assert team.problems() == []


def test_a_reason_is_measured_as_every_other(team: Team) -> None:
    team.declare()
    long = replace(team.grace, override_reason="x" * (REASON_LIMIT + 1))
    with pytest.raises(InvalidInput) as refused:
        team.do(commands.resolve, "INC-1", long)
    assert refused.value.field == "override_reason"


@pytest.mark.parametrize("door", Door)
def test_no_door_lets_an_admin_act_without_a_reason(team: Team, door: Door) -> None:
    team.declare()
    grace = actor_for(user_of(team, team.grace.user_id), door, "somewhere")
    with pytest.raises(ReasonNeeded) as refused:
        team.do(commands.resolve, "INC-1", grace, "Rolled back")
    assert (refused.value.reference, refused.value.commander) == ("INC-1", "Ada")


def test_who_acts_by_right_needs_no_reason(team: Team) -> None:
    team.declare()
    team.do(commands.post_update, "INC-1", replace(team.ada, override_reason=""), "Looking")
    team.do(commands.add_note, "INC-1", replace(team.grace, override_reason=""), "Seen")
    assert not any(entry.override for entry in team.audit())


def test_a_reason_given_without_need_is_not_kept(team: Team) -> None:
    team.declare()
    team.do(commands.add_note, "INC-1", replace(team.grace, override_reason="Because"), "Seen")
    assert team.audit()[-1].reason == "Seen"
