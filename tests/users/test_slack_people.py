"""People whom Slack tells of: met once, named after their profile, never twice."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from incidentbot.database import write_transaction
from incidentbot.outbox.models import Delivery
from incidentbot.users.fields import NAME_LIMIT
from incidentbot.users.members import deactivate, invite
from incidentbot.users.models import Role, User
from incidentbot.users.people import (
    add_slack_person,
    find_by_slack_id,
    identify_slack_person,
    list_admins,
    names_by_id,
    record_profile,
)
from tests.team import Processes, Team, a_team, connected, together


def identify(team: Team, slack_id: str, name: str = "") -> User:
    with team.sessions() as session:
        return identify_slack_person(session, slack_id, name)


def tell_profile(team: Team, slack_id: str, name: str, email: str | None) -> User:
    with team.sessions() as session:
        with write_transaction(session):
            record_profile(session, slack_id, name, email)
        found = find_by_slack_id(session, slack_id)
        assert found is not None
        return found


def profiles_asked_for(team: Team, slack_id: str) -> int:
    with team.sessions() as session:
        return session.scalars(
            select(func.count()).where(
                Delivery.kind == "slack.profile", Delivery.target == slack_id
            )
        ).one()


def test_somebody_new_becomes_a_responder_and_slack_is_asked_who_they_are(team: Team) -> None:
    user = identify(team, "U0NEW", "lin")
    assert (user.name, user.slack_user_id, user.role) == ("lin", "U0NEW", Role.RESPONDER)
    assert user.email is None
    assert profiles_asked_for(team, "U0NEW") == 1


def test_somebody_nameless_is_called_by_their_id(team: Team) -> None:
    assert identify(team, "U0NEW").name == "U0NEW"
    assert identify(team, "U0OTHER", "\u202e \x00").name == "U0OTHER"


def test_somebody_known_stays_as_they_are(team: Team) -> None:
    before = team.state()
    user = identify(team, "U0ADA", "another name")
    assert (user.id, user.name) == (team.ada.user_id, "Ada")
    assert team.state() == before


def test_somebody_met_many_times_at_once_is_one_person(team: Team, processes: Processes) -> None:
    users = together(*[lambda: identify(team, "U0NEW", "lin")] * 6)
    assert len({user.id for user in users}) == 1
    ids = processes.together(_identify_elsewhere, team.database_url, "U0ELSE")
    assert len(set(ids)) == 1
    assert profiles_asked_for(team, "U0NEW") == profiles_asked_for(team, "U0ELSE") == 1


def test_the_profile_gives_name_and_address(team: Team) -> None:
    identify(team, "U0NEW", "lin")
    user = tell_profile(team, "U0NEW", " Lin  Clark ", " Lin@Example.COM ")
    assert (user.name, user.email) == ("Lin Clark", "lin@example.com")


def test_an_empty_profile_changes_nothing(team: Team) -> None:
    identify(team, "U0NEW", "lin")
    user = tell_profile(team, "U0NEW", " ", None)
    assert (user.name, user.email) == ("lin", None)


def test_an_address_that_is_none_is_left_out(team: Team) -> None:
    identify(team, "U0NEW", "lin")
    for email in ("x" * 250 + "@example.com", "a\x00b@example.com", "", "  "):
        assert tell_profile(team, "U0NEW", "Lin", email).email is None


def test_an_address_that_somebody_else_in_slack_has_stays_there(team: Team) -> None:
    identify(team, "U0LIN", "lin")
    owner = tell_profile(team, "U0LIN", "Lin the first", "lin@example.com")
    identify(team, "U0NEW", "lin")
    user = tell_profile(team, "U0NEW", "Lin", "LIN@example.com")
    assert (user.name, user.email) == ("Lin", None)
    with team.sessions() as session:
        assert session.get_one(User, owner.id).email == "lin@example.com"


def test_an_address_of_an_account_on_the_web_makes_the_two_one_person(team: Team) -> None:
    with team.sessions() as session:
        owner = invite(session, "lin@example.com", Role.VIEWER, "Lin on the web")
    met = identify(team, "U0NEW", "lin")
    user = tell_profile(team, "U0NEW", "Lin", "LIN@example.com")
    assert (user.id, user.name, user.role) == (owner.id, "Lin on the web", Role.VIEWER)
    with team.sessions() as session:
        assert session.get_one(User, met.id).merged_into_id == owner.id


def test_somebody_whose_account_was_closed_does_not_come_back_through_slack(team: Team) -> None:
    with team.sessions() as session:
        account = invite(session, "vic@example.com", Role.RESPONDER, "Vic")
        deactivate(session, account.id, team.grace)
    assert identify(team, "U0VIC", "vic").is_active, "Slack has not said yet who that is"
    user = tell_profile(team, "U0VIC", "Vic", "vic@example.com")
    assert (user.id, user.is_active) == (account.id, False)
    assert identify(team, "U0VIC").id == account.id
    assert team.problems() == []


def test_who_comes_to_slack_anew_with_the_address_of_a_closed_account_is_closed_too(
    team: Team,
) -> None:
    identify(team, "U0OLD", "vic")
    old = tell_profile(team, "U0OLD", "Vic", "vic@example.com")
    with team.sessions() as session:
        deactivate(session, old.id, team.grace)
    new = identify(team, "U0NEW", "vic")
    user = tell_profile(team, "U0NEW", "Vic", "vic@example.com")
    assert (user.id, user.is_active, user.email) == (new.id, False, None)
    assert user.session_epoch == new.session_epoch + 1
    assert team.audit()[-1].subject == f"user {user.id}"
    assert team.problems() == []


def test_an_address_once_known_is_not_replaced(team: Team) -> None:
    identify(team, "U0NEW", "lin")
    tell_profile(team, "U0NEW", "Lin", "lin@example.com")
    user = tell_profile(team, "U0NEW", "Lin Clark", "other@example.com")
    assert (user.name, user.email) == ("Lin Clark", "lin@example.com")


def test_the_profile_of_somebody_unknown_is_dropped(team: Team) -> None:
    before = team.state()
    with team.sessions() as session, write_transaction(session):
        record_profile(session, "U0NOBODY", "Nobody", "nobody@example.com")
    assert team.state() == before


def test_admins_are_listed_and_people_named(team: Team) -> None:
    with team.sessions() as session:
        assert [user.name for user in list_admins(session)] == ["Grace"]
        ids = [team.ada.user_id, None, 999_999, team.bob.user_id, team.ada.user_id]
        assert names_by_id(session, ids) == {team.ada.user_id: "Ada", team.bob.user_id: "Bob"}


def test_any_name_is_kept_tidy_or_given_up(sqlite_url: str, postgres_url: str) -> None:
    with a_team(sqlite_url) as small, a_team(postgres_url) as large:

        @settings(max_examples=40)
        @given(st.text(max_size=200))
        def tidy(name: str) -> None:
            for team in (small, large):
                with team.sessions() as session, session.begin():
                    stored = add_slack_person(session, "U0NEW", name).name
                    assert stored
                    assert len(stored) <= NAME_LIMIT
                    assert stored.isprintable()
                    assert stored == stored.strip()
                    session.flush()
                    session.rollback()

        tidy()


def _identify_elsewhere(_number: int, database_url: str, slack_id: str) -> int:
    with connected(database_url) as sessions, sessions() as session:
        return identify_slack_person(session, slack_id, "lin").id
