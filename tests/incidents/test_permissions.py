"""Who may do what: the commander, another responder, a viewer, an admin."""

import pytest

from incidentbot.incidents.permissions import Action, judge, refusal
from incidentbot.users.actor import SYSTEM, Actor, Door
from incidentbot.users.models import Role

COMMANDER_ID = 7
OPEN_TO_ALL_RESPONDERS = {
    Action.DECLARE,
    Action.ADD_NOTE,
    Action.TAKE_OVER,
    Action.JOIN,
    Action.LEAVE,
    Action.ADD_ACTION_ITEM,
    Action.CHANGE_ACTION_ITEM,
    Action.FINISH_ACTION_ITEM,
}


def person(role: Role, user_id: int = 8) -> Actor:
    return Actor(user_id, "Somebody", role, Door.WEB, "192.0.2.7")


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.ADMIN])
@pytest.mark.parametrize("action", Action)
def test_the_commander_may_do_everything_and_overrides_nobody(action: Action, role: Role) -> None:
    verdict = judge(action, person(role, COMMANDER_ID), COMMANDER_ID, "Ada")
    assert verdict.allowed
    assert not verdict.override


@pytest.mark.parametrize("action", Action)
def test_another_responder_may_do_only_what_is_open_to_all(action: Action) -> None:
    verdict = judge(action, person(Role.RESPONDER), COMMANDER_ID, "Ada")
    assert verdict.allowed is (action in OPEN_TO_ALL_RESPONDERS)
    assert not verdict.override


@pytest.mark.parametrize("action", sorted(set(Action) - OPEN_TO_ALL_RESPONDERS))
def test_a_refused_responder_reads_who_commands_and_the_way_out(action: Action) -> None:
    reason = judge(action, person(Role.RESPONDER), COMMANDER_ID, "Ada").reason
    assert reason.startswith("Only the commander, Ada, can ")
    assert "take over" in reason


@pytest.mark.parametrize("action", Action)
def test_an_admin_may_do_everything_and_an_override_is_marked(action: Action) -> None:
    verdict = judge(action, person(Role.ADMIN), COMMANDER_ID, "Ada")
    assert verdict.allowed
    assert verdict.override is (action not in OPEN_TO_ALL_RESPONDERS)


@pytest.mark.parametrize("user_id", [8, COMMANDER_ID])
@pytest.mark.parametrize("action", Action)
def test_a_viewer_may_change_nothing_even_as_the_commander(action: Action, user_id: int) -> None:
    verdict = judge(action, person(Role.VIEWER, user_id), COMMANDER_ID, "Ada")
    assert not verdict.allowed
    assert verdict.reason.startswith("Viewers cannot ")


@pytest.mark.parametrize("action", Action)
def test_what_is_ones_own_can_be_finished_whatever_the_role_and_nothing_else(
    action: Action,
) -> None:
    verdict = judge(action, person(Role.VIEWER), COMMANDER_ID, "Ada", is_own=True)
    assert verdict.allowed is (action is Action.FINISH_ACTION_ITEM)


@pytest.mark.parametrize("action", sorted(set(Action) - OPEN_TO_ALL_RESPONDERS))
def test_incidentbot_itself_commands_no_incident(action: Action) -> None:
    assert not judge(action, SYSTEM, COMMANDER_ID, "Ada").allowed


def test_what_is_not_yours_is_explained_once_for_all_of_it() -> None:
    assert refusal(person(Role.RESPONDER), "Ada").startswith(
        "Only the commander, Ada, can do these."
    )
    assert "Ask an admin" in refusal(person(Role.VIEWER), "Ada")
