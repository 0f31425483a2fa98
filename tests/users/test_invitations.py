"""Accounts by e-mail address, and the links that sign a person in once."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from incidentbot.users.links import LIFETIMES, find_link, make_sign_in_secret, redeem_link
from incidentbot.users.members import NotAnAddress, invite, invite_by_hand
from incidentbot.users.models import LinkPurpose, Role, SignInLink, User
from tests.team import Processes, Team, connected, together


def invited(team: Team, email: str, role: Role = Role.RESPONDER, name: str = "") -> User:
    with team.sessions() as session:
        return invite(session, email, role, name)


@pytest.fixture
def secret(team: Team) -> str:
    with team.sessions() as session:
        return make_sign_in_secret(session, session.get_one(User, team.ada.user_id))


def redeem(team: Team, secret: str) -> str | None:
    with team.sessions() as session:
        link = redeem_link(session, secret, "here")
        return link.user.name if link else None


def test_an_invitation_makes_an_account(team: Team) -> None:
    user = invited(team, " Lin@Example.com ", Role.VIEWER, "Lin  Clark")
    assert (user.email, user.name, user.role) == ("lin@example.com", "Lin Clark", Role.VIEWER)
    assert user.slack_user_id is None


def test_who_has_no_name_is_called_by_their_address(team: Team) -> None:
    for number, name in enumerate(("", "  ", "\u202e\x00")):
        address = f"lin{number}@example.com"
        assert invited(team, address, name=name).name == address


def test_inviting_somebody_again_changes_their_role_and_nothing_else(team: Team) -> None:
    first = invited(team, "lin@example.com", Role.VIEWER, "Lin")
    again = invited(team, "LIN@example.com", Role.ADMIN, "Somebody else")
    assert (again.id, again.name, again.role) == (first.id, "Lin", Role.ADMIN)


def test_inviting_somebody_twice_at_once_makes_one_account(
    team: Team, processes: Processes
) -> None:
    users = together(*[lambda: invited(team, "lin@example.com", Role.ADMIN)] * 4)
    assert [user.email for user in users] == ["lin@example.com"] * 4
    ids = processes.together(_invite_elsewhere, team.database_url)
    assert len(set(ids)) == 1


def test_a_link_signs_its_person_in_once(team: Team, secret: str) -> None:
    assert redeem(team, secret) == "Ada"
    assert redeem(team, secret) is None


def test_of_two_who_open_a_link_at_once_one_is_signed_in(team: Team, secret: str) -> None:
    answers = together(*[lambda: redeem(team, secret)] * 4)
    assert sorted(answers, key=str) == ["Ada", None, None, None]


def test_a_link_of_yesterday_signs_nobody_in(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    with team.sessions() as session:
        ada = session.get_one(User, team.ada.user_id)
        early, late = make_sign_in_secret(session, ada), make_sign_in_secret(session, ada)
    time_machine.shift(LIFETIMES[LinkPurpose.SIGN_IN])
    assert redeem(team, early) == "Ada"
    time_machine.shift(timedelta(seconds=1))
    assert redeem(team, late) is None


def test_an_unknown_link_signs_nobody_in(team: Team, secret: str) -> None:
    for unknown in ("", "x", "'; --", "é" * 50, "\x00", secret[:-1], secret + "x"):
        assert redeem(team, unknown) is None
    assert redeem(team, secret) == "Ada"


def test_only_a_hash_of_the_secret_is_kept(team: Team, secret: str) -> None:
    with team.sessions() as session:
        (link,) = session.scalars(select(SignInLink))
    assert link.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(team.state())
    assert len(secret) >= 40


def test_each_link_is_another_one(team: Team) -> None:
    with team.sessions() as session:
        ada = session.get_one(User, team.ada.user_id)
        secrets = {make_sign_in_secret(session, ada) for _ in range(3)}
        assert len(secrets) == session.scalars(select(func.count(SignInLink.id))).one() == 3


def _invite_elsewhere(_number: int, database_url: str) -> int:
    with connected(database_url) as sessions, sessions() as session:
        return invite(session, "grace@example.com", Role.ADMIN).id


def test_an_invitation_and_a_change_of_role_are_audited_and_a_second_invitation_is_not(
    team: Team,
) -> None:
    for role in (Role.RESPONDER, Role.RESPONDER, Role.ADMIN):
        with team.sessions() as session:
            invite(session, "grace@example.com", role)
    made, changed = [entry for entry in team.audit() if entry.action == "invite"]
    assert (made.before, made.after) == ({}, {"role": "responder"})
    assert (changed.before, changed.after) == ({"role": "responder"}, {"role": "admin"})
    assert changed.actor_name == "operator"
    assert team.problems() == []


@pytest.mark.parametrize("address", ["grace", "grace@", "a b@example.com", "x" * 254 + "@a.b"])
def test_what_is_no_address_is_refused(team: Team, address: str) -> None:
    with team.sessions() as session, pytest.raises(NotAnAddress, match="no e-mail address"):
        invite(session, address, Role.RESPONDER)


def test_no_address_at_all_is_asked_for(team: Team) -> None:
    with team.sessions() as session, pytest.raises(NotAnAddress, match="Write an e-mail address"):
        invite(session, "  ", Role.RESPONDER)


def test_a_form_sent_twice_sends_one_invitation(team: Team) -> None:
    grace = replace(team.grace, request_id="form/1/key")

    def send(email: str = "lin@example.com") -> User:
        with team.sessions() as session:
            return invite(session, email, Role.VIEWER, "", grace, by_mail=True)

    invited(team, "lin@example.com", Role.VIEWER)
    outcomes = [*together(send, send), *together(send, lambda: send("new@example.com"))]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyDone"] * 3 + ["User"]
    assert len(team.deliveries(kind="email.account")) == 1
    assert team.audit()[-1].after == {"role": "viewer", "link": "mailed"}
    assert team.problems() == []


def test_an_invitation_to_hand_over_comes_with_its_link(team: Team) -> None:
    with team.sessions() as session:
        user, secret = invite_by_hand(session, "lin@example.com", Role.VIEWER, "", team.grace)
        link = find_link(session, secret)
        assert link is not None
        assert (link.user_id, link.purpose) == (user.id, LinkPurpose.INVITATION)
    assert team.audit()[-1].after == {"role": "viewer", "link": "shown"}
