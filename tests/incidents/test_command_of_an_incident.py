"""The commander decides; the command can be handed over, and taken when nobody answers."""

from collections.abc import Callable
from typing import Any

import pytest

from incidentbot.audit.models import Outcome
from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput, NotAllowed
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind
from incidentbot.users.actor import Actor
from tests.team import Team, together

Command = Callable[..., Result]

# What only the commander may do: on an open incident, and on a resolved one.
OF_THE_COMMANDER: list[tuple[str, Command, tuple[Any, ...]]] = [
    ("post_update", commands.post_update, ("Looking",)),
    ("move_to", commands.move_to, (Status.INVESTIGATING,)),
    ("change_severity", commands.change_severity, ("P2",)),
    ("hand_over", commands.hand_over, (1,)),
    ("cancel", commands.cancel, ("False alarm",)),
    ("resolve", commands.resolve, ()),
    ("reopen", commands.reopen, ("It is back",)),
    ("draft_postmortem", commands.draft_postmortem, ()),
    ("edit_postmortem", commands.edit_postmortem, ("# What happened", 1)),
]


def test_everybody_else_is_refused_and_each_attempt_is_audited(team: Team) -> None:
    team.declare()
    before = team.state()
    for actor in (team.bob, team.vera):
        for action, command, arguments in OF_THE_COMMANDER:
            with pytest.raises(NotAllowed) as refused:
                team.do(command, "INC-1", actor, *arguments)
            entry = team.audit()[-1]
            assert (entry.action, entry.outcome) == (action, Outcome.REFUSED)
            assert (entry.subject, entry.actor_id) == ("INC-1", actor.user_id)
            assert entry.reason == str(refused.value)
            assert (entry.before, entry.after) == ({}, {})
    assert len(team.audit()) == 1 + 2 * len(OF_THE_COMMANDER)
    assert team.problems() == []
    assert team.state()["incidents"] == before["incidents"]
    assert team.state()["timeline_events"] == before["timeline_events"]
    assert team.state()["deliveries"] == before["deliveries"]


def test_an_admin_acts_in_the_commanders_place_and_the_audit_log_says_so(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.grace)
    entry = team.audit()[-1]
    assert (entry.action, entry.actor_name, entry.override) == ("resolve", "Grace", True)


def test_an_admin_who_commands_overrides_nobody(team: Team) -> None:
    team.declare(team.grace)
    team.do(commands.resolve, "INC-1", team.grace)
    assert [entry.override for entry in team.audit()] == [False, False]


def test_the_commander_hands_over_and_may_decide_no_more(team: Team) -> None:
    team.declare()
    result = team.do(commands.hand_over, "INC-1", team.ada, team.bob.user_id)

    assert result.sentence == "Bob now commands INC-1."
    assert team.incident().commander_id == team.bob.user_id
    event = team.timeline()[-1]
    assert event.kind is EventKind.COMMANDER
    assert event.data == {"from": "Ada", "to": "Bob", "to_id": team.bob.user_id}
    entry = team.audit()[-1]
    assert entry.before["commander_id"] == team.ada.user_id
    assert entry.after["commander_id"] == team.bob.user_id
    assert team.deliveries(kind="slack.invite")[-1].payload == {"users": ["U0BOB"]}
    with pytest.raises(NotAllowed, match="Only the commander, Bob"):
        team.do(commands.resolve, "INC-1", team.ada)
    assert team.do(commands.resolve, "INC-1", team.bob).changed


def test_handing_over_to_who_commands_already_changes_nothing(team: Team) -> None:
    team.declare()
    before = team.state()
    result = team.do(commands.hand_over, "INC-1", team.ada, team.ada.user_id)
    assert (result.changed, result.sentence) == (False, "Ada commands INC-1 already.")
    assert team.state() == before


def test_the_command_cannot_go_to_a_viewer_or_to_nobody(team: Team) -> None:
    team.declare()
    before = team.state()
    for person in (team.vera.user_id, 999_999):
        with pytest.raises(InvalidInput) as refused:
            team.do(commands.hand_over, "INC-1", team.ada, person)
        assert refused.value.field == "commander"
    assert team.state() == before


def test_a_responder_takes_over_with_a_reason_and_it_is_announced_and_audited(team: Team) -> None:
    team.declare()
    result = team.do(commands.take_over, "INC-1", team.bob, "Ada is on a plane")

    assert result.sentence == "You now command INC-1."
    event = team.timeline()[-1]
    assert (event.kind, event.text, event.actor_name) == (
        EventKind.TAKEOVER,
        "Ada is on a plane",
        "Bob",
    )
    assert (event.data["from"], event.data["to"]) == ("Ada", "Bob")
    entry = team.audit()[-1]
    assert (entry.action, entry.reason, entry.override) == (
        "take_over",
        "Ada is on a plane",
        False,
    )
    announced = team.deliveries(kind="slack.message", target="war-room")[-1]
    assert announced.payload == {"seq": event.seq}
    assert team.do(commands.post_update, "INC-1", team.bob, "Looking").changed


def test_a_viewer_cannot_take_over(team: Team) -> None:
    team.declare()
    with pytest.raises(NotAllowed, match="Viewers cannot take over"):
        team.do(commands.take_over, "INC-1", team.vera, "I want to help")
    assert team.incident().commander_id == team.ada.user_id
    assert team.audit()[-1].outcome is Outcome.REFUSED


def test_taking_over_what_one_commands_changes_nothing(team: Team) -> None:
    team.declare()
    before = team.state()
    assert not team.do(commands.take_over, "INC-1", team.ada, "Mine").changed
    assert team.state() == before


def test_a_commander_who_was_made_a_viewer_can_do_nothing_but_is_not_in_the_way(
    team: Team,
) -> None:
    team.declare()
    demoted = Actor(**{**vars(team.ada), "role": team.vera.role})
    with pytest.raises(NotAllowed, match="Viewers cannot resolve"):
        team.do(commands.resolve, "INC-1", demoted)
    assert team.do(commands.take_over, "INC-1", team.bob, "Ada lost access").changed


def test_two_who_take_over_at_once_both_end_in_the_story_and_one_commands(team: Team) -> None:
    team.declare()
    together(
        lambda: team.do(commands.take_over, "INC-1", team.bob, "Ada is away"),
        lambda: team.do(commands.take_over, "INC-1", team.grace, "Ada is away"),
    )
    first, second = team.timeline()[-2:]
    assert (first.data["from"], first.data["to"]) == ("Ada", second.data["from"])
    assert {first.actor_name, second.actor_name} == {"Bob", "Grace"}
    assert team.incident().commander.name == second.data["to"]


def test_the_command_of_a_closed_incident_can_still_change_hands(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    team.do(commands.hand_over, "INC-1", team.ada, team.bob.user_id)
    assert team.do(commands.draft_postmortem, "INC-1", team.bob).changed
