"""Whom what somebody typed means: one person, or what to do about it; and who is offered."""

from collections.abc import Iterable

import pytest
from sqlalchemy import insert, select

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import InvalidInput
from incidentbot.users.candidates import (
    EVERYONE,
    SUGGESTIONS,
    Among,
    Candidate,
    find_person,
    offer,
    suggest,
)
from incidentbot.users.members import deactivate, invite
from incidentbot.users.models import Role, User
from tests.team import Team


def add(team: Team, *people: tuple[str, str], role: Role = Role.RESPONDER) -> None:
    """Add people by name and address."""
    with team.sessions() as session:
        for name, email in people:
            invite(session, email, role, name)


def find(
    team: Team, typed: str, among: Among = Among.PEOPLE, keeping: Iterable[User] = ()
) -> Candidate:
    with team.sessions() as session:
        return find_person(session, typed, among, "who", keeping)


def refusal(team: Team, typed: str, among: Among = Among.PEOPLE) -> str:
    with pytest.raises(InvalidInput) as refused:
        find(team, typed, among)
    assert refused.value.field == "who"
    return refused.value.reason


@pytest.fixture
def namesakes(team: Team) -> Team:
    add(
        team,
        ("Ada Winter", "ada.w@example.com"),
        ("Ada Winter", "ada.winter@example.org"),
        ("Åsa Öberg", "asa@example.com"),
        ("Jean Luc (SRE)", "jl@example.com"),
    )
    return team


@pytest.mark.parametrize(
    "typed, email",
    [
        ("Ada Winter (ada.winter@example.org)", "ada.winter@example.org"),
        ("Called otherwise before (ada.winter@example.org)", "ada.winter@example.org"),
        (" ADA.W@example.com ", "ada.w@example.com"),
        ("åsa  öberg", "asa@example.com"),
        ("ÅSA ÖBERG", "asa@example.com"),
        ("öber", "asa@example.com"),
        ("ada.w@", "ada.w@example.com"),
        ("jean luc (sre)", "jl@example.com"),
        ("luc jea", "jl@example.com"),
    ],
)
def test_a_label_an_address_or_the_only_name_that_matches_is_a_person(
    namesakes: Team, typed: str, email: str
) -> None:
    assert find(namesakes, typed).email == email


def test_what_a_field_shows_is_what_it_understands(namesakes: Team) -> None:
    with namesakes.sessions() as session:
        shown = offer(session, Among.PEOPLE).people
    assert len({person.label for person in shown}) == len(shown)
    assert [find(namesakes, person.label) for person in shown] == list(shown)


def test_a_name_that_is_somebodys_whole_name_means_them(namesakes: Team) -> None:
    assert find(namesakes, "ada").user_id == namesakes.ada.user_id


def test_of_several_one_is_to_be_chosen(namesakes: Team) -> None:
    assert refusal(namesakes, "ada winter") == (
        "2 people match “ada winter”. Choose one, or write the e-mail address."
    )
    assert refusal(namesakes, "a").startswith("4 people match")


def test_nobody_and_nothing_are_said(namesakes: Team) -> None:
    assert "Nobody known here is called “Kim”" in refusal(namesakes, "Kim")
    assert "Nobody" in refusal(namesakes, "%")
    assert "Nobody" in refusal(namesakes, "()")
    assert "Write the name of a person" in refusal(namesakes, "  ")
    assert refusal(namesakes, "0") == "Choose a person in the list."
    assert refusal(namesakes, "9" * 40) == "Choose a person in the list."


def test_why_somebody_known_cannot_be_picked_is_said(namesakes: Team) -> None:
    add(namesakes, ("Kim", "kim@example.com"))
    with namesakes.sessions() as session:
        deactivate(session, find(namesakes, "kim").user_id, namesakes.grace)
    assert refusal(namesakes, "kim") == "Kim's account is closed. Choose somebody else."
    assert "viewer and cannot command" in refusal(namesakes, "vera", Among.COMMANDERS)
    assert "no Slack account" in refusal(namesakes, "Åsa", Among.IN_SLACK)


def test_who_has_left_is_found_where_the_past_is_looked_for_and_kept_where_they_are(
    team: Team,
) -> None:
    with team.sessions() as session:
        bob = deactivate(session, team.bob.user_id or 0, team.grace)
    assert find(team, "bob", Among.ACCOUNTS).has_left
    label = find(team, str(team.bob.user_id), Among.ACCOUNTS).label
    assert refusal(team, label)
    assert find(team, label, keeping=[bob]).user_id == team.bob.user_id


def test_the_id_of_an_account_that_went_into_another_leads_there(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        session.get_one(User, team.bob.user_id).merged_into_id = team.ada.user_id
    assert find(team, str(team.bob.user_id), Among.ACCOUNTS).name == "Ada"
    assert "Nobody" in refusal(team, "bob", Among.ACCOUNTS)


def test_few_people_are_all_offered_those_that_matter_here_first(team: Team) -> None:
    with team.sessions() as session:
        offered = offer(session, Among.COMMANDERS, select(User.id).where(User.name == "Grace"))
    assert offered.is_whole
    assert [person.name for person in offered.people] == ["Grace", "Ada", "Bob", "U0P1"]


def test_many_people_are_offered_as_one_types(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        many = [
            {"name": f"Person {n:04}", "email": f"p{n}@example.com", "created_at": clock.now()}
            for n in range(5_000)
        ]
        session.execute(insert(User), many)
    with team.sessions() as session:
        offered = offer(session, Among.PEOPLE, select(User.id).where(User.name == "Grace"))
        assert (offered.is_whole, [person.name for person in offered.people]) == (False, ["Grace"])
        found = suggest(session, "pers", Among.PEOPLE)
        assert [person.name for person in found] == [f"Person {n:04}" for n in range(SUGGESTIONS)]
        assert [person.name for person in suggest(session, "4999 p", Among.PEOPLE)] == [
            "Person 4999"
        ]
    assert refusal(team, "person").startswith("More than 10 people match")
    assert len(found) < EVERYONE
