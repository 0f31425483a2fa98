"""What an admin does with people's access, and that an admin is always left."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from incidentbot.database import write_transaction
from incidentbot.incidents.errors import (
    AlreadyDone,
    InvalidInput,
    InvalidMove,
    NotAllowed,
    NotFound,
)
from incidentbot.users import members
from incidentbot.users.actor import Actor
from incidentbot.users.links import find_link, make_sign_in_secret, redeem_link
from incidentbot.users.models import LinkPurpose, Role, User
from tests.team import Team, together
from tests.users.accounts import account, on_postgres, user_of, wait_until_waiting


def members_of(team: Team, **wanted: object) -> list[str]:
    with team.sessions() as session:
        return [user.name for user in members.list_members(session, **wanted)]  # type: ignore[arg-type]


def test_only_an_admin_may_do_any_of_it(team: Team) -> None:
    before = team.state()
    target = team.vera.user_id or 0
    with team.sessions() as session:
        for act in (
            lambda: members.invite(session, "x@example.com", Role.ADMIN, actor=team.bob),
            lambda: members.change_role(session, target, "admin", team.bob),
            lambda: members.rename(session, target, "X", team.bob),
            lambda: members.deactivate(session, target, team.bob),
            lambda: members.reactivate(session, target, team.bob),
            lambda: members.send_link(session, target, LinkPurpose.RESET, team.bob),
            lambda: members.show_link(session, target, team.bob),
        ):
            with pytest.raises(NotAllowed, match="Only an admin"):
                act()
    assert team.state() == before


def test_role_name_and_account_are_changed_and_audited(team: Team) -> None:
    bob = team.bob.user_id or 0
    with team.sessions() as session:
        members.change_role(session, bob, "viewer", team.grace)
        members.change_role(session, bob, "viewer", team.grace)
        members.rename(session, bob, " Bob  Ross ", team.grace)
        members.deactivate(session, bob, team.grace)
        members.reactivate(session, bob, team.grace)
    user = user_of(team, bob)
    assert (user.role, user.name, user.is_active) == (Role.VIEWER, "Bob Ross", True)
    actions = [e.action for e in team.audit() if e.subject == f"user {bob}"]
    assert actions == ["change_role", "rename", "deactivate", "reactivate"]
    assert team.problems() == []


@pytest.mark.parametrize("field,value", [("role", "king"), ("name", " \u202e ")])
def test_nonsense_is_refused_at_its_field(team: Team, field: str, value: str) -> None:
    act = members.change_role if field == "role" else members.rename
    with team.sessions() as session, pytest.raises(InvalidInput) as refusal:
        act(session, team.bob.user_id or 0, value, team.grace)
    assert refusal.value.field == field


def test_nobody_unknown_or_merged_can_be_changed(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        session.get_one(User, team.bob.user_id).merged_into_id = team.ada.user_id
    for number in (999, team.bob.user_id or 0):
        with team.sessions() as session, pytest.raises(NotFound):
            members.rename(session, number, "X", team.grace)
    assert "Bob" not in members_of(team)


def test_a_closed_account_loses_its_sessions_and_its_links(team: Team) -> None:
    actor = account(team)
    with team.sessions() as session:
        user = user_of(team, actor.user_id)
        secret = make_sign_in_secret(session, user)
        members.deactivate(session, user.id, team.grace)
        assert redeem_link(session, secret, "here") is None
        with pytest.raises(InvalidMove, match="is closed"):
            members.show_link(session, user.id, team.grace)
        with pytest.raises(InvalidInput, match="is closed"):
            members.invite(session, "lin@example.com", Role.VIEWER)
    closed = user_of(team, actor.user_id)
    assert not closed.is_active
    assert closed.session_epoch == user.session_epoch + 1


def test_the_last_admin_can_be_neither_demoted_nor_closed(team: Team) -> None:
    grace = team.grace.user_id or 0
    with team.sessions() as session:
        with pytest.raises(InvalidMove, match="Grace is the last admin"):
            members.change_role(session, grace, "responder", team.grace)
        with pytest.raises(InvalidMove, match="Grace is the last admin"):
            members.deactivate(session, grace, team.grace)
        closed = members.invite(session, "other@example.com", Role.ADMIN)
        members.deactivate(session, closed.id, team.grace)
        with pytest.raises(InvalidMove, match="last admin"):
            members.deactivate(session, grace, team.grace)
        members.reactivate(session, closed.id, team.grace)
        with pytest.raises(members.NotSure, match="signed out"):
            members.deactivate(session, grace, team.grace)
        members.deactivate(session, grace, team.grace, sure=True)
    assert not user_of(team, grace).is_active


def test_an_admin_who_gives_up_their_own_role_is_asked_first(team: Team) -> None:
    account(team, "other@example.com", None, Role.ADMIN)
    mine = account(team, "mine@example.com", None, Role.ADMIN)
    number = mine.user_id or 0
    with team.sessions() as session:
        with pytest.raises(members.NotSure, match="not be an admin any more"):
            members.change_role(session, number, "viewer", mine)
        with pytest.raises(InvalidInput, match="That is you"):
            members.invite(session, "mine@example.com", Role.VIEWER, actor=mine)
        assert user_of(team, number).role is Role.ADMIN
        assert members.change_role(session, number, "admin", mine).role is Role.ADMIN
        assert members.change_role(session, number, "viewer", mine, sure=True).role is Role.VIEWER


def test_two_admins_who_demote_each_other_at_once_leave_one(team: Team) -> None:
    other = account(team, "other@example.com", None, Role.ADMIN)

    def demote(by: Actor, whom: Actor) -> User:
        with team.sessions() as session:
            return members.change_role(session, whom.user_id or 0, "viewer", by)

    outcomes = together(lambda: demote(other, team.grace), lambda: demote(team.grace, other))
    assert [type(o) for o in outcomes].count(InvalidMove) == 1
    roles = {user_of(team, a.user_id).role for a in (other, team.grace)}
    assert roles == {Role.ADMIN, Role.VIEWER}


def test_admins_who_close_each_other_take_turns(team: Team) -> None:
    """Each locks the same rows in the same order: neither waits for the other while holding one."""
    others = [account(team, f"admin{n}@example.com", None, Role.ADMIN) for n in range(3)]
    admins = [team.grace, *others]

    def close(by: Actor, whom: Actor) -> User:
        with team.sessions() as session:
            return members.deactivate(session, whom.user_id or 0, by)

    ring = zip(admins, [*admins[1:], admins[0]], strict=True)
    outcomes = together(*[partial(close, by, whom) for by, whom in ring])
    assert sorted(type(o).__name__ for o in outcomes) == ["InvalidMove", "User", "User", "User"]


def test_a_link_asked_for_twice_by_one_form_is_sent_once(team: Team) -> None:
    lin = account(team, password=None).user_id or 0
    grace = replace(team.grace, request_id="form/1/key")
    with team.sessions() as session:
        members.send_link(session, lin, LinkPurpose.RESET, grace)
        with pytest.raises(AlreadyDone):
            members.send_link(session, lin, LinkPurpose.RESET, grace)
    assert len(team.deliveries(kind="email.account")) == 1


@on_postgres
def test_two_clicks_at_the_same_moment_send_one_link(team: Team) -> None:
    lin = account(team, password=None).user_id or 0
    grace = replace(team.grace, request_id="form/1/key")

    def click() -> None:
        with team.sessions() as session:
            members.send_link(session, lin, LinkPurpose.RESET, grace)

    with team.sessions() as session, ThreadPoolExecutor(2) as pool:
        with write_transaction(session):
            session.get(User, lin, with_for_update=True)
            clicks = [pool.submit(click) for _ in range(2)]
            wait_until_waiting(team, 2)
        errors = [each.exception(30) for each in clicks]
    assert sorted(type(error).__name__ for error in errors) == ["AlreadyDone", "NoneType"]
    assert len(team.deliveries(kind="email.account")) == 1


def test_people_are_found_by_name_or_address_and_paged_without_gaps(team: Team) -> None:
    for number in range(7):
        account(team, f"lin{number}@example.com", None)
    account(team, "100%@example.com", None)
    assert members_of(team, search="LIN3@ex") == ["Lin3"]
    assert members_of(team, search="%") == ["100%"]
    assert members_of(team, search="_") == []
    seen: list[str] = []
    after = None
    with team.sessions() as session:
        while page := members.list_members(session, "", after, 3):
            seen += [user.name for user in page]
            after = (page[-1].name, page[-1].id)
    assert seen == members_of(team, limit=100)
    assert len(seen) == len(set(seen)) >= 12


def test_a_link_is_shown_once_and_sent_without_a_secret_in_the_outbox(team: Team) -> None:
    actor = account(team, password=None)
    with team.sessions() as session:
        for user_id, purpose in (
            (actor.user_id, LinkPurpose.RESET),
            (team.bob.user_id, LinkPurpose.SIGN_IN),  # a password would be of no use to him
        ):
            secret, given = members.show_link(session, user_id or 0, team.grace)
            link = find_link(session, secret)
            assert link is not None
            assert link.purpose is given is purpose
        members.send_link(session, actor.user_id or 0, LinkPurpose.RESET, team.grace)
        with pytest.raises(InvalidMove, match="no e-mail address"):
            members.send_link(session, team.bob.user_id or 0, LinkPurpose.RESET, team.grace)
    (mail,) = team.deliveries(kind="email.account")
    assert mail.payload == {"user_id": actor.user_id, "purpose": "reset"}
    assert secret not in str(team.state())
    assert {"show_link", "send_link"} <= {entry.action for entry in team.audit()}


def test_who_forgets_again_and_again_gets_one_mail_and_an_unknown_address_none(team: Team) -> None:
    actor = account(team)

    def forget(email: str) -> None:
        with team.sessions() as session:
            members.ask_for_reset(session, email)

    for email in (" LIN@example.com", "nobody@example.com", "nonsense", "\x00", "a\nb@example.com"):
        forget(email)
        forget(email)
    together(*[lambda: forget("lin@example.com")] * 4)
    mails = team.deliveries(kind="email.account")
    assert {mail.payload["user_id"] for mail in mails} == {actor.user_id}
    assert len(mails) <= 2  # a new one every five minutes
