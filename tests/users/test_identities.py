"""Signing in with an account elsewhere, linking it, and two accounts that are one person's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from incidentbot.audit import log as audit
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
from incidentbot.users.models import DirectMessages, Role, User
from incidentbot.users.people import (
    add_slack_person,
    find_by_slack_id,
    identify_slack_person,
    record_profile,
)
from incidentbot.users.preferences import Preferences, change_preferences
from tests.team import Team, together
from tests.users.accounts import EMAIL, account, on_postgres, user_of, wait_until_waiting

LIN = Claims("Okta", "https://id.example.com", "sub-1", "Lin@Example.com", True, "Lin Clark")
IN_SLACK = replace(LIN, provider="Slack", issuer="https://slack.com", slack_user_id="U0LIN")
ADA_IN_SLACK = replace(IN_SLACK, slack_user_id="U0ADA")


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


def test_whose_account_is_closed_comes_in_neither_as_the_person_slack_knows(team: Team) -> None:
    actor = account(team)
    with team.sessions() as session:
        deactivate(session, actor.user_id or 0, team.grace)
    with pytest.raises(NotAllowed, match="deactivated"):
        come_in(team, replace(IN_SLACK, slack_user_id="U0ADA"))
    assert user_of(team, team.ada.user_id).is_active


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
        parted = find_by_slack_id(session, "U0ADA")
        assert parted is not None
        assert (parted.id == team.ada.user_id, parted.name) == (False, "Ada")
        with pytest.raises(NotFound):
            unlink_slack(session, team.ada)
    assert team.problems() == []


@pytest.mark.parametrize(
    "role,in_slack",
    [
        (Role.VIEWER, Role.VIEWER),
        (Role.RESPONDER, Role.RESPONDER),
        (Role.ADMIN, Role.RESPONDER),
    ],
)
def test_unlinking_slack_makes_nobody_more_than_they_were(
    team: Team, role: Role, in_slack: Role
) -> None:
    actor = account(team, role=role)
    link(team, actor, IN_SLACK)
    with team.sessions() as session:
        unlink_slack(session, actor)
        assert identify_slack_person(session, "U0LIN").role is in_slack
    assert come_in(team, IN_SLACK).id == actor.user_id, "one person again"
    assert user_of(team, actor.user_id).role is role


def test_an_account_keeps_its_role_when_it_becomes_one_with_its_person_in_slack(
    team: Team,
) -> None:
    actor = account(team, role=Role.VIEWER)
    link(team, actor, replace(IN_SLACK, slack_user_id="U0ADA"))
    assert user_of(team, actor.user_id).role is Role.VIEWER


def test_an_admin_known_from_slack_only_stays_admin_in_their_account(team: Team) -> None:
    actor = account(team, role=Role.VIEWER)
    link(team, actor, replace(IN_SLACK, slack_user_id="U0GRACE"))
    assert user_of(team, actor.user_id).role is Role.ADMIN, "else nobody would be left"


def test_what_was_chosen_in_either_account_is_kept(team: Team) -> None:
    actor = account(team)
    with team.sessions() as session:
        change_preferences(session, team.ada, Preferences("Ada", "Asia/Tokyo", "dark", "none"))
        change_preferences(session, actor, Preferences("Lin", "", "light", "all"))
    link(team, actor, replace(IN_SLACK, slack_user_id="U0ADA"))
    user = user_of(team, actor.user_id)
    assert (user.direct_messages, user.time_zone) == (DirectMessages.NONE, "Asia/Tokyo")
    assert (user.theme, user.name) == ("light", "Lin")


def test_linking_slack_makes_its_person_and_the_account_one(team: Team) -> None:
    actor = account(team)
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


def test_one_account_elsewhere_linked_twice_at_once_is_linked_once(team: Team) -> None:
    first, second = account(team), account(team, "second@example.com")

    def act(who: Actor) -> Callable[[], str]:
        return lambda: link(team, who, replace(LIN, email=None))

    said = together(act(first), act(first), act(second))
    assert {type(each) for each in said} <= {str, Conflict}, said
    assert [e.action for e in team.audit()].count("link_sign_in") == 1
    assert team.problems() == []


@on_postgres
def test_of_two_in_slack_linked_at_once_the_second_does_not_undo_the_first(team: Team) -> None:
    actor = account(team)

    def act(slack_user_id: str) -> str:
        return link(team, actor, replace(IN_SLACK, slack_user_id=slack_user_id, email=None))

    with team.sessions() as session, ThreadPoolExecutor(2) as pool:
        with write_transaction(session):
            lock(session, User.id == actor.user_id)
            first = pool.submit(act, "U0ONE")
            wait_until_waiting(team, 1)
            second = pool.submit(act, "U0TWO")
            wait_until_waiting(team, 2)
        outcomes = [first.exception(10), second.exception(10)]
    assert sorted(type(outcome) for outcome in outcomes if outcome is not None) == [Conflict]
    linked = "U0ONE" if outcomes[0] is None else "U0TWO"
    assert user_of(team, actor.user_id).slack_user_id == linked


def _tell(session: Session, slack_user_id: str = "U0ADA") -> None:
    with write_transaction(session):
        record_profile(session, slack_user_id, "Ada Byron", EMAIL)


CHANGES: dict[str, Callable[[Session, Actor, Actor], object]] = {
    "link": lambda session, actor, _linked: link_identity(session, actor, IN_SLACK),
    "merge": lambda session, actor, _linked: link_identity(session, actor, ADA_IN_SLACK),
    "sign in": lambda session, _actor, _linked: sign_in_with_identity(session, IN_SLACK, "x", None),
    "unlink": lambda session, _actor, linked: unlink_slack(session, linked),
    "profile": lambda session, _actor, _linked: _tell(session),
}


@on_postgres
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_is_linked_or_unlinked_waits_for_no_command_that_names_them(
    team: Team, change: Callable[[Session, Actor, Actor], object]
) -> None:
    """A command names its people in the timeline, and then in the audit log."""
    actor, linked = two_accounts(team)
    people = (actor, linked, team.ada)
    with (
        team.sessions() as command,
        team.sessions() as other,
        ThreadPoolExecutor(1) as pool,
        write_transaction(command),
    ):
        for person in people:
            name_in_timeline(command, person)
        pool.submit(change, other, actor, linked).result(10)
        for person in people:
            audit.append(command, person, "add_note", "INC-1", before={}, after={})
    assert team.problems() == []


@on_postgres
@pytest.mark.parametrize("is_ada_first", [True, False])
def test_two_who_become_one_are_named_by_the_same_command_in_any_order(
    team: Team, is_ada_first: bool
) -> None:
    """The merge holds both while a command has named one of them and names the other."""
    actor = account(team)
    first, second = (team.ada, actor) if is_ada_first else (actor, team.ada)
    with team.sessions() as command, team.sessions() as head, ThreadPoolExecutor(1) as pool:
        with write_transaction(head):
            audit.append(head, team.vera, "add_note", "INC-1", before={}, after={})
            with write_transaction(command):
                name_in_timeline(command, first)
                merging = pool.submit(link, team, actor, ADA_IN_SLACK)
                wait_until_waiting(team, 1)
                command.execute(text("SET LOCAL lock_timeout = '3s'"))
                name_in_timeline(command, second)
        merging.result(10)
    assert user_of(team, actor.user_id).slack_user_id == "U0ADA"
    assert team.problems() == []


@on_postgres
def test_a_merge_holds_nobody_while_it_waits_for_somebody_with_a_lower_id(team: Team) -> None:
    """As everyone does who locks several people: an admin who edits one locks all admins, by id."""
    actor = account(team)
    with team.sessions() as session, write_transaction(session):
        add_slack_person(session, "U0LATE")
    with team.sessions() as editing, team.sessions() as other, ThreadPoolExecutor(1) as pool:
        with write_transaction(editing):
            lock(editing, User.id == actor.user_id)
            merging = pool.submit(_tell, other, "U0LATE")
            wait_until_waiting(team, 1)
            editing.execute(text("SET LOCAL lock_timeout = '3s'"))
            lock(editing, User.slack_user_id == "U0LATE")
        merging.result(10)
    assert user_of(team, actor.user_id).slack_user_id == "U0LATE"


@on_postgres
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_is_linked_or_unlinked_while_they_wait_for_the_audit_log_ends_what_they_do(
    team: Team, change: Callable[[Session, Actor, Actor], object]
) -> None:
    """An audit entry names its person, who is changed by somebody that waits for the head as well."""
    actor, linked = two_accounts(team)
    with team.sessions() as first, team.sessions() as other, ThreadPoolExecutor(4) as pool:
        with write_transaction(first):
            audit.append(first, team.vera, "add_note", "INC-1", before={}, after={})
            waiting = [pool.submit(note, team, who) for who in (actor, linked, team.ada)]
            wait_until_waiting(team, 3)
            waiting.append(pool.submit(change, other, actor, linked))
            wait_until_waiting(team, 4)
        for each in waiting:
            each.result(30)
    assert team.problems() == []


def two_accounts(team: Team) -> tuple[Actor, Actor]:
    """Return somebody with an account, and somebody with one and Slack linked to it."""
    actor, linked = account(team), account(team, "linked@example.com")
    link(team, linked, replace(IN_SLACK, slack_user_id="U0LINKED"))
    return actor, linked


def name_in_timeline(session: Session, person: Actor) -> None:
    """Hold on to a person as an event of theirs in the timeline does."""
    held = select(User.id).where(User.id == person.user_id)
    session.execute(held.with_for_update(read=True, key_share=True))


def lock(session: Session, who: ColumnElement[bool]) -> None:
    """Hold on to a person as who changes them does."""
    session.execute(select(User.id).where(who).with_for_update(key_share=True))


def note(team: Team, person: Actor) -> None:
    with team.sessions() as session, write_transaction(session):
        audit.append(session, person, "add_note", "INC-1", before={}, after={})
