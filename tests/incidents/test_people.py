"""Who belongs to an incident: joining, adding, changing roles, leaving and removing."""

from dataclasses import replace

import pytest

from incidentbot.audit.models import Outcome
from incidentbot.incidents import commands
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotAllowed, NotFound
from incidentbot.incidents.models import EventKind
from incidentbot.incidents.people import (
    add_person,
    enter_by_channel,
    join,
    list_incident_people,
    remove_person,
)
from incidentbot.incidents.queries import get_incident
from incidentbot.incidents.story import headline
from tests.team import Team


def people(team: Team, reference: str = "INC-1") -> dict[str, str]:
    """Return the role of each of an incident's people, by name, in the order in which they came."""
    with team.sessions() as session:
        found = list_incident_people(session, team.incident(reference).id)
        return {person.user.name: person.role.value for person in found}


def test_the_commander_belongs_to_an_incident_from_the_start(team: Team) -> None:
    team.declare(team.bob, commander_id=team.ada.user_id)
    assert set(people(team)) == {"Ada", "Bob"}


def test_who_joins_is_invited_to_the_channel_and_named_in_the_timeline(team: Team) -> None:
    team.declare()
    result = team.do(join, "INC-1", team.bob)
    assert result.sentence == "You belong to INC-1 now."
    assert people(team) == {"Ada": "responder", "Bob": "responder"}
    event = team.timeline()[-1]
    assert (event.kind, headline(event)) == (EventKind.PEOPLE, "Bob joined")
    assert team.deliveries(kind="slack.invite")[-1].payload == {"users": ["U0BOB"]}
    assert team.audit()[-1].action == "join"


def test_joining_twice_changes_nothing(team: Team) -> None:
    team.declare()
    team.do(join, "INC-1", team.bob)
    before = team.state()
    result = team.do(join, "INC-1", team.bob)
    assert not result.changed
    assert result.sentence == "You belong to INC-1 already."
    assert team.state() == before


def test_the_commander_adds_somebody_in_a_role_and_gives_them_another(team: Team) -> None:
    team.declare()
    team.do(add_person, "INC-1", team.ada, team.bob.user_id, "scribe")
    assert people(team)["Bob"] == "scribe"
    team.do(add_person, "INC-1", team.ada, team.bob.user_id, "communications")
    assert people(team)["Bob"] == "communications"
    assert headline(team.timeline()[-1]) == "Bob was added as communications"
    entry = team.audit()[-1]
    assert entry.before["role"] == "scribe"
    assert (entry.after["person"], entry.after["role"]) == ("Bob", "communications")
    again = team.do(add_person, "INC-1", team.ada, team.bob.user_id, "communications")
    assert not again.changed


@pytest.mark.parametrize("role", ["", "commander", "SCRIBE", "<b>"])
def test_an_unknown_role_is_refused_at_its_field(team: Team, role: str) -> None:
    team.declare()
    with pytest.raises(InvalidInput) as refused:
        team.do(add_person, "INC-1", team.ada, team.bob.user_id, role)
    assert refused.value.field == "role"


def test_an_unknown_person_is_refused_at_its_field(team: Team) -> None:
    team.declare()
    with pytest.raises(InvalidInput) as refused:
        team.do(add_person, "INC-1", team.ada, 999_999, "scribe")
    assert refused.value.field == "person"


def test_who_has_left_the_company_cannot_be_added(team: Team) -> None:
    team.declare()
    team.execute("UPDATE users SET deactivated_at = created_at WHERE name = 'Bob'")
    with pytest.raises(InvalidInput):
        team.do(add_person, "INC-1", team.ada, team.bob.user_id, "scribe")


def test_another_responder_adds_and_removes_nobody_else(team: Team) -> None:
    team.declare()
    with pytest.raises(NotAllowed):
        team.do(add_person, "INC-1", team.bob, team.grace.user_id, "scribe")
    team.do(add_person, "INC-1", team.ada, team.grace.user_id, "scribe")
    with pytest.raises(NotAllowed):
        team.do(remove_person, "INC-1", team.bob, team.grace.user_id)
    assert people(team)["Grace"] == "scribe"


def test_anybody_may_leave_by_themselves(team: Team) -> None:
    team.declare()
    team.do(join, "INC-1", team.bob)
    team.do(remove_person, "INC-1", team.bob, team.bob.user_id)
    assert people(team) == {"Ada": "responder"}
    assert headline(team.timeline()[-1]) == "Bob left"
    assert team.audit()[-1].action == "leave"


def test_a_viewer_does_not_join(team: Team) -> None:
    team.declare()
    with pytest.raises(NotAllowed):
        team.do(join, "INC-1", team.vera)
    assert set(people(team)) == {"Ada"}


def test_the_commander_cannot_be_removed_nor_leave(team: Team) -> None:
    team.declare()
    for actor in (team.ada, team.grace):
        with pytest.raises(InvalidMove, match="Hand it over first"):
            team.do(remove_person, "INC-1", actor, team.ada.user_id)


def test_who_does_not_belong_cannot_be_removed(team: Team) -> None:
    team.declare()
    result = team.do(remove_person, "INC-1", team.ada, team.bob.user_id)
    assert not result.changed
    assert result.sentence == "Bob does not belong to INC-1."


def test_who_leaves_a_private_incident_leaves_its_channel_and_knows_of_it_no_more(
    team: Team,
) -> None:
    team.declare(is_private=True)
    team.do(add_person, "INC-1", team.ada, team.bob.user_id, "responder")
    team.do(remove_person, "INC-1", team.ada, team.bob.user_id)
    assert team.deliveries(kind="slack.remove")[-1].payload == {"user": "U0BOB"}
    with team.sessions() as session, pytest.raises(NotFound):
        get_incident(session, "INC-1", team.bob)


def test_who_leaves_an_incident_that_is_open_to_all_stays_in_its_channel(team: Team) -> None:
    team.declare()
    team.do(join, "INC-1", team.bob)
    team.do(remove_person, "INC-1", team.bob, team.bob.user_id)
    assert team.deliveries(kind="slack.remove") == []


def test_nobody_joins_a_private_incident_they_do_not_know_of(team: Team) -> None:
    team.declare(is_private=True)
    with pytest.raises(NotFound, match="There is no incident INC-1"):
        team.do(join, "INC-1", team.bob)


def test_who_acts_in_a_private_channel_was_let_in_by_its_members(team: Team) -> None:
    team.declare(is_private=True)
    with team.sessions() as session:
        enter_by_channel(session, "INC-1", team.bob)
    assert "Bob" in people(team)
    assert team.audit()[-1].action == "enter_by_channel"
    assert headline(team.timeline()[-1]) == "Bob joined"
    assert team.incident().version == 2
    assert team.problems() == []


@pytest.mark.parametrize("by", ["ada", "bob"], ids=["removed", "left"])
def test_who_was_put_out_is_let_in_by_a_person_not_by_the_channel(team: Team, by: str) -> None:
    team.declare(is_private=True)
    with team.sessions() as session:
        enter_by_channel(session, "INC-1", team.bob)
    team.do(remove_person, "INC-1", getattr(team, by), team.bob.user_id)
    with team.sessions() as session, pytest.raises(NotAllowed, match="Ask its commander"):
        enter_by_channel(session, "INC-1", team.bob)
    assert set(people(team)) == {"Ada"}
    assert team.audit()[-1].outcome is Outcome.REFUSED
    with team.sessions() as session:
        enter_by_channel(session, "INC-1", team.vera)  # it is about this person only
    team.do(add_person, "INC-1", team.ada, team.bob.user_id, "responder")
    assert set(people(team)) == {"Ada", "Vera", "Bob"}
    assert team.problems() == []


def test_the_first_command_of_who_was_let_in_by_the_channel_is_done(team: Team) -> None:
    team.declare(is_private=True)
    bob = replace(team.bob, request_id="trigger/1")
    with team.sessions() as session:
        enter_by_channel(session, "INC-1", bob)
    assert team.do(commands.add_note, "INC-1", bob, "It is the cache").changed
    assert [entry.action for entry in team.audit()][-2:] == ["enter_by_channel", "add_note"]


def test_who_has_left_the_company_can_be_removed(team: Team) -> None:
    team.declare()
    team.do(join, "INC-1", team.bob)
    team.execute("UPDATE users SET deactivated_at = created_at WHERE name = 'Bob'")
    team.do(remove_person, "INC-1", team.ada, team.bob.user_id)
    assert set(people(team)) == {"Ada"}


def test_nobody_at_all_cannot_be_removed(team: Team) -> None:
    team.declare()
    with pytest.raises(InvalidInput) as refused:
        team.do(remove_person, "INC-1", team.ada, 999_999)
    assert refused.value.field == "person"
