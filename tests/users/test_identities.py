"""Signing in with an account elsewhere, linking it, and two accounts that are one person's."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from incidentbot.database import write_transaction
from incidentbot.incidents.action_items import add_action_item, list_open_of
from incidentbot.incidents.commanded import list_commanded
from incidentbot.incidents.errors import Conflict, InvalidMove, NotAllowed, NotFound
from incidentbot.incidents.models import Service
from incidentbot.incidents.people import add_person, list_incident_people
from incidentbot.users.actor import SYSTEM, Actor, Door, actor_for
from incidentbot.users.identities import (
    Claims,
    link_identity,
    list_identities,
    sign_in_with_identity,
    unlink_identity,
    unlink_slack,
)
from incidentbot.users.members import deactivate
from incidentbot.users.merging import merge
from incidentbot.users.models import Role, User
from incidentbot.users.people import find_by_slack_id
from tests.team import Team, together
from tests.users.accounts import EMAIL, account, user_of

LIN = Claims("Okta", "https://id.example.com", "sub-1", "Lin@Example.com", True, "Lin Clark")
IN_SLACK = replace(LIN, provider="Slack", issuer="https://slack.com", slack_user_id="U0LIN")


def come_in(team: Team, claims: Claims, new_role: Role | None = Role.VIEWER) -> User:
    with team.sessions() as session:
        return sign_in_with_identity(session, claims, "192.0.2.9", new_role)


def link(team: Team, actor: Actor, claims: Claims) -> str:
    with team.sessions() as session:
        return link_identity(session, actor, claims)


def test_a_proven_address_links_the_account_that_has_it(team: Team) -> None:
    actor = account(team)
    assert come_in(team, LIN).id == actor.user_id
    moved = replace(LIN, email="new@example.com", is_email_verified=False)
    assert come_in(team, moved).id == actor.user_id, "from now on the provider's own id counts"
    assert [e.action for e in team.audit()][-3:] == ["link_sign_in", "sign_in", "sign_in"]
    assert team.problems() == []


@pytest.mark.parametrize("email,verified", [(EMAIL, False), (None, True), ("no address", True)])
def test_an_address_that_is_not_proven_links_nothing(
    team: Team, email: str | None, verified: bool
) -> None:
    account(team)
    before = team.state()
    with pytest.raises(NotAllowed, match="Okta has not confirmed your e-mail address"):
        come_in(team, replace(LIN, email=email, is_email_verified=verified))
    assert team.state() == before


def test_somebody_new_gets_the_role_that_is_set_or_is_refused(team: Team) -> None:
    with pytest.raises(NotAllowed, match="Ask an admin for an invitation"):
        come_in(team, LIN, None)
    user = come_in(team, LIN, Role.VIEWER)
    assert (user.name, user.email, user.role) == ("Lin Clark", EMAIL, Role.VIEWER)
    assert come_in(team, LIN, None).id == user.id


def test_the_same_subject_at_another_issuer_is_somebody_else(team: Team) -> None:
    first = come_in(team, LIN)
    other = replace(LIN, issuer="https://other.example.com", email="other@example.com")
    assert come_in(team, other).id != first.id


def test_somebody_who_signs_in_many_times_at_once_is_one_person(team: Team) -> None:
    users = together(*[lambda: come_in(team, LIN)] * 4)
    assert len({user.id for user in users}) == 1


def test_slack_finds_its_person_by_id_then_by_address(team: Team) -> None:
    ada = replace(IN_SLACK, slack_user_id="U0ADA", email="ada@example.com")
    assert come_in(team, ada).id == team.ada.user_id
    actor = account(team)
    assert come_in(team, IN_SLACK).id == actor.user_id
    assert user_of(team, actor.user_id).slack_user_id == "U0LIN"
    with pytest.raises(NotAllowed, match="another person in Slack"):
        come_in(team, replace(IN_SLACK, slack_user_id="U0OTHER"))


def test_a_closed_account_comes_in_by_no_provider(team: Team) -> None:
    user = come_in(team, LIN)
    with team.sessions() as session:
        deactivate(session, user.id, team.grace)
    for claims in (LIN, IN_SLACK, replace(LIN, subject="another")):
        with pytest.raises(NotAllowed, match="deactivated"):
            come_in(team, claims)


def test_an_account_elsewhere_is_linked_and_unlinked_while_another_way_remains(team: Team) -> None:
    actor = account(team, password=None)
    assert link(team, actor, replace(LIN, email=None)) == "Okta is linked. You can sign in with it."
    assert link(team, actor, LIN) == "Okta is linked already."
    with pytest.raises(Conflict, match="signs somebody else in"):
        link(team, team.bob, LIN)
    with team.sessions() as session:
        (identity_id,) = [i.id for i in list_identities(session, actor.user_id or 0)]
        with pytest.raises(NotFound):
            unlink_identity(session, team.bob, identity_id)
        with pytest.raises(InvalidMove, match="Set a password first"):
            unlink_identity(session, actor, identity_id)
    account(team)  # has a password now
    with team.sessions() as session:
        unlink_identity(session, actor, identity_id)
        assert list_identities(session, actor.user_id or 0) == []


def test_slack_is_unlinked_while_another_way_remains(team: Team) -> None:
    with team.sessions() as session:
        with pytest.raises(InvalidMove):
            unlink_slack(session, team.ada)
        link_identity(session, team.ada, replace(LIN, email=None))
        unlink_slack(session, team.ada)
        assert find_by_slack_id(session, "U0ADA") is None
        with pytest.raises(NotFound):
            unlink_slack(session, team.ada)


def test_linking_slack_makes_its_person_and_the_account_one(team: Team) -> None:
    actor = account(team, role=Role.VIEWER)
    reference = team.declare(team.ada)
    both = team.declare(team.ada)
    bob = team.bob.user_id or 0
    for person in (team.ada.user_id or 0, actor.user_id or 0):
        team.do(add_person, both, team.grace, person, "responder")
    team.do(add_person, reference, team.grace, bob, "responder")
    team.do(add_action_item, reference, team.ada, "Mend it", team.ada.user_id)
    with team.sessions() as session, write_transaction(session):
        for service in session.scalars(select(Service)):
            service.owners = [session.get_one(User, team.ada.user_id)]
    history = [event.actor_id for event in team.timeline(reference)]

    ada_in_slack = replace(IN_SLACK, slack_user_id="U0ADA", email=None)
    assert link(team, actor, ada_in_slack) == "Slack is linked. You can sign in with it."

    merged, kept = user_of(team, team.ada.user_id), user_of(team, actor.user_id)
    assert (merged.merged_into_id, merged.slack_user_id, merged.is_active) == (kept.id, None, False)
    assert (kept.slack_user_id, kept.role, kept.email) == ("U0ADA", Role.RESPONDER, EMAIL)
    now = actor_for(kept, Door.WEB, "")
    with team.sessions() as session:
        assert {i.reference for i in list_commanded(session, now)} == {reference, both}
        assert [item.text for item in list_open_of(session, now)] == ["Mend it"]
        owners = [service.owners for service in session.scalars(select(Service))]
        assert {owner.id for several in owners for owner in several} == {kept.id}
        there = [p.user_id for p in list_incident_people(session, team.incident(both).id)]
        assert there.count(kept.id) == 1
        assert merged.id not in there
    assert [event.actor_id for event in team.timeline(reference)][: len(history)] == history
    assert team.audit()[-1].action == "merge_accounts"
    assert team.problems() == []
    assert come_in(team, ada_in_slack).id == kept.id


def test_a_sign_in_with_slack_brings_an_account_with_the_same_address_along(team: Team) -> None:
    actor = account(team)
    user = come_in(team, replace(IN_SLACK, slack_user_id="U0ADA"))
    assert user.id == actor.user_id
    assert user_of(team, team.ada.user_id).merged_into_id == actor.user_id


def test_two_accounts_that_both_are_whole_are_not_merged(team: Team) -> None:
    actor = account(team)
    link(team, actor, IN_SLACK)
    with pytest.raises(Conflict, match="another person in Slack"):
        link(team, actor, replace(IN_SLACK, slack_user_id="U0ADA"))
    with (
        team.sessions() as session,
        pytest.raises(Conflict, match="sign-ins of their own"),
        write_transaction(session),
    ):
        merge(session, team.ada.user_id or 0, actor.user_id or 0, SYSTEM)
    assert user_of(team, team.ada.user_id).is_active


def test_two_who_merge_the_same_accounts_at_once_merge_them_once(team: Team) -> None:
    actor = account(team)

    def act() -> str:
        return link(team, actor, replace(IN_SLACK, slack_user_id="U0ADA"))

    outcomes = together(*[act] * 3)
    assert all(isinstance(outcome, str) for outcome in outcomes), outcomes
    assert [e.action for e in team.audit()].count("merge_accounts") == 1
    assert user_of(team, actor.user_id).slack_user_id == "U0ADA"
