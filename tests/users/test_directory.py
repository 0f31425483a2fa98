"""People whom only Slack's directory knows: offered, and made one of us when somebody picks them."""

from collections.abc import Iterable

import pytest
from sqlalchemy import func, select

from incidentbot.incidents.errors import InvalidInput, NotAllowed
from incidentbot.users.actor import Actor
from incidentbot.users.candidates import Among, Candidate, find_person, offer, suggest
from incidentbot.users.directory import Entry, about_directory, pick, store_directory
from incidentbot.users.members import deactivate, invite
from incidentbot.users.models import Role, User
from incidentbot.users.people import identify_slack_person
from tests.team import Processes, Team, connected, together

KEN = Entry("U0KEN", "ken", "Ken Alvarez", "ken@example.com")
PRIYA = Entry("U0PRIYA", "Priya Nair", "Priya Nair", None)


def store(team: Team, entries: Iterable[Entry] = (KEN, PRIYA)) -> None:
    with team.sessions() as session:
        store_directory(session, entries)


def find(team: Team, typed: str, among: Among = Among.PEOPLE) -> Candidate:
    with team.sessions() as session:
        return find_person(session, typed, among, "owner")


def picked(team: Team, typed: str, actor: Actor | None = None) -> User:
    with team.sessions() as session:
        found = find_person(session, typed, Among.PEOPLE, "owner")
        return session.get_one(User, pick(session, actor or team.ada, found, "owner"))


def count(team: Team) -> int:
    with team.sessions() as session:
        return session.scalars(select(func.count()).select_from(User)).one()


def test_the_copy_becomes_what_was_read_and_says_when(team: Team) -> None:
    with team.sessions() as session:
        assert about_directory(session).read_at is None
    store(team)
    with team.sessions() as session:
        first = about_directory(session)
    assert first.people == 2
    store(team, [Entry("U0KEN", "Ken", "Ken Alvarez", "not an address")])
    with team.sessions() as session:
        second = about_directory(session)
        assert [person.label for person in suggest(session, "alvarez", Among.PEOPLE)] == [
            "Ken (Ken Alvarez, U0KEN)"
        ]
        assert suggest(session, "priya", Among.PEOPLE) == []
    assert first.read_at is not None
    assert second.read_at is not None
    assert (second.people, second.read_at >= first.read_at) == (1, True)


@pytest.mark.parametrize(
    "typed",
    ["ken", "Ken Alvarez", "alv", "ken@example.com", "ken (Ken Alvarez, ken@example.com)"],
)
def test_somebody_only_slack_knows_is_found_like_anybody(team: Team, typed: str) -> None:
    store(team)
    for among in (Among.PEOPLE, Among.COMMANDERS, Among.IN_SLACK):
        assert (find(team, typed, among).slack_user_id, find(team, typed).user_id) == (
            "U0KEN",
            None,
        )
    with pytest.raises(InvalidInput):
        find(team, typed, Among.ACCOUNTS)


def test_each_person_is_offered_once(team: Team) -> None:
    with team.sessions() as session:
        invite(session, "ken@example.com", Role.VIEWER, "Ken on the web")
    store(team, (KEN, PRIYA, Entry("U0ADA", "ada", "Ada Winter", "ada@example.com")))
    with team.sessions() as session:
        offered = offer(session, Among.PEOPLE)
    assert [person.label for person in offered.people] == [
        "Ada (Ada Winter, U0ADA)",
        "Bob (U0BOB)",
        "Grace (U0GRACE)",
        "Ken on the web (ken@example.com)",
        "Priya Nair (U0PRIYA)",
        "U0P1 (U0P1)",
        "Vera (U0VERA)",
    ]
    assert find(team, "winter").user_id == team.ada.user_id


def test_who_is_picked_becomes_a_responder_and_the_audit_log_says_by_whom(team: Team) -> None:
    store(team)
    user = picked(team, "ken")
    assert (user.name, user.email, user.slack_user_id) == ("ken", "ken@example.com", "U0KEN")
    assert user.role is Role.RESPONDER
    entry = team.audit()[-1]
    assert (entry.action, entry.subject) == ("create_account", f"user {user.id}")
    assert (entry.actor_name, entry.request_id) == ("Ada", None)
    assert picked(team, "ken").id == user.id
    assert len(team.audit()) == entry.seq
    assert team.problems() == []


def test_an_account_with_the_address_that_slack_confirmed_is_theirs(team: Team) -> None:
    with team.sessions() as session:
        account = invite(session, "ken@example.com", Role.VIEWER, "Ken on the web")
    store(team)
    before = count(team)
    assert find(team, "ken@example.com", Among.IN_SLACK).user_id == account.id
    user = picked(team, "ken@example.com")
    assert (user.id, user.slack_user_id, user.role) == (account.id, "U0KEN", Role.VIEWER)
    assert count(team) == before
    assert team.audit()[-1].action == "link_sign_in"


def test_somebody_whose_account_is_closed_does_not_come_back_through_the_directory(
    team: Team,
) -> None:
    store(team)
    met = find(team, "ken")
    with team.sessions() as session:
        deactivate(session, invite(session, "ken@example.com", Role.VIEWER, "Ken").id, team.grace)
    with pytest.raises(InvalidInput, match="Ken's account is closed"):
        find(team, "ken")
    before = team.state()
    with team.sessions() as session, pytest.raises(InvalidInput, match="account is closed"):
        pick(session, team.ada, met, "owner")
    assert team.state() == before


def test_who_has_left_slack_meanwhile_is_not_picked(team: Team) -> None:
    store(team)
    met = find(team, "ken")
    store(team, [PRIYA])
    with team.sessions() as session, pytest.raises(InvalidInput, match="not in Slack any more"):
        pick(session, team.ada, met, "owner")


def test_a_viewer_brings_nobody_in(team: Team) -> None:
    store(team)
    before = team.state()
    with pytest.raises(NotAllowed):
        picked(team, "ken", team.vera)
    assert team.state() == before
    assert picked(team, "bob", team.vera).id == team.bob.user_id


def test_somebody_picked_by_many_at_once_is_one_person(team: Team, processes: Processes) -> None:
    store(team)
    met = find(team, "ken")
    before = count(team)
    ids = together(
        *[lambda: _pick(team, met)] * 4,
        *[lambda: _identified(team)] * 2,
    )
    assert len(set(ids)) == 1, ids
    other = find(team, "priya")
    elsewhere = processes.together(_pick_elsewhere, team.database_url, team.ada, other)
    assert len(set(elsewhere)) == 1
    assert count(team) == before + 2
    assert team.problems() == []


def _pick(team: Team, met: Candidate) -> int:
    with team.sessions() as session:
        return pick(session, team.ada, met, "owner")


def _identified(team: Team) -> int:
    with team.sessions() as session:
        return identify_slack_person(session, "U0KEN", "ken").id


def _pick_elsewhere(_number: int, database_url: str, actor: Actor, met: Candidate) -> int:
    with connected(database_url) as sessions, sessions() as session:
        return pick(session, actor, met, "owner")
