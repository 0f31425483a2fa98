"""Signing in by e-mail and password: what is taken, what is refused, and how slowly one may guess."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from incidentbot.incidents.errors import Conflict, InvalidInput, NotAllowed
from incidentbot.users import passwords, preferences
from incidentbot.users.links import make_sign_in_secret, redeem_link
from incidentbot.users.members import deactivate
from incidentbot.users.models import FailedSignIn, LinkPurpose, User
from incidentbot.users.passwords import hash_password
from incidentbot.users.preferences import set_password
from incidentbot.users.sign_in import (
    FAILURES_PER_EMAIL,
    FAILURES_PER_ORIGIN,
    TooManyFailures,
    WrongPassword,
    sign_in_with_password,
)
from tests.team import Processes, Team, connected, together
from tests.users.accounts import EMAIL, PASSWORD, account, user_of


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little work: what is tried here is not how slow argon2 is."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    passwords._nobodys.cache_clear()


def come_in(team: Team, email: str = EMAIL, password: str = PASSWORD, origin: str = "a") -> str:
    with team.sessions() as session:
        return sign_in_with_password(session, email, password, origin).name


def fail(team: Team, times: int, email: str = EMAIL, origin: str = "a") -> None:
    for _ in range(times):
        with pytest.raises(WrongPassword):
            come_in(team, email, "not the password", origin)


def failures(team: Team) -> int:
    with team.sessions() as session:
        return session.scalars(select(func.count(FailedSignIn.id))).one()


def test_the_right_password_signs_in_however_the_address_is_written(team: Team) -> None:
    account(team)
    assert come_in(team) == come_in(team, " LIN@Example.com ") == "Lin"
    assert [e.after for e in team.audit() if e.action == "sign_in"] == [{"way": "password"}] * 2
    assert team.problems() == []


def test_a_wrong_password_and_an_unknown_address_are_refused_in_the_same_words(team: Team) -> None:
    account(team)
    account(team, "no-password@example.com", None)
    told = set()
    for email in (EMAIL, "nobody@example.com", "no-password@example.com", "", "\x00", "\ud800"):
        with pytest.raises(WrongPassword) as refusal:
            come_in(team, email.encode("utf-8", "replace").decode().replace("\x00", ""), "wrong")
        told.add(str(refusal.value))
    assert told == {"The e-mail address or the password is wrong."}


def test_an_unknown_address_costs_as_much_work_as_a_known_one(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(team)
    checked: list[str] = []
    verify = passwords._hasher.verify

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            checked.append(str(hash).split(",p=")[0])
            return bool(verify(hash, password))

    monkeypatch.setattr(passwords, "_hasher", Counting(1, 8, 1))
    for email in (EMAIL, "nobody@example.com"):
        fail(team, 1, email)
    assert len(checked) == 2
    assert len(set(checked)) == 1


@pytest.mark.parametrize(
    "password,reason",
    [
        ("short", "at least 10"),
        ("x" * 201, "at most 200"),
        ("lin@example.com", "easy to guess"),
        ("Grace Hopper", "easy to guess"),
        ("gracehoppergracehopper", "easy to guess"),
        ("aaaaaaaaaaaa", "easy to guess"),
        (" " * 12, "easy to guess"),
    ],
)
def test_a_password_that_anybody_could_guess_is_refused(password: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refusal:
        passwords.check_new_password(password, "Grace Hopper", EMAIL)
    assert refusal.value.field == "password"


@pytest.mark.parametrize("password", [PASSWORD, "x y z " * 33, "日本語のパスワードです長い"])
def test_a_good_password_is_taken(password: str) -> None:
    passwords.check_new_password(password, "Grace Hopper", EMAIL)
    assert passwords.is_right(passwords.hash_password(password), password)


def test_a_hash_made_with_other_parameters_is_renewed_at_the_next_sign_in(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = account(team)
    before = user_of(team, actor.user_id).password_hash
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(2, 16, 1))
    come_in(team)
    after = user_of(team, actor.user_id).password_hash
    assert before
    assert after
    assert ("m=8,t=1" in before, "m=16,t=2" in after) == (True, True)
    assert come_in(team) == "Lin"


def test_a_closed_account_signs_nobody_in(team: Team) -> None:
    actor = account(team)
    with team.sessions() as session:
        deactivate(session, actor.user_id or 0, team.grace)
    with pytest.raises(NotAllowed, match="deactivated"):
        come_in(team)


def test_after_ten_failures_even_the_right_password_has_to_wait(
    team: Team, time_machine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    account(team)
    fail(team, FAILURES_PER_EMAIL)
    time_machine.shift(timedelta(minutes=5))
    for number in range(3):
        with caplog.at_level(logging.WARNING), pytest.raises(TooManyFailures) as refusal:
            come_in(team, origin=f"elsewhere {number}")
        assert refusal.value.minutes == 10
        assert "Wait 10 minutes" in str(refusal.value)
    assert "too many failed sign-ins" in caplog.text
    assert EMAIL not in caplog.text
    time_machine.shift(timedelta(minutes=10, seconds=1))
    assert come_in(team) == "Lin"
    assert failures(team) == 0


def test_an_unknown_address_is_throttled_like_a_known_one(team: Team) -> None:
    fail(team, FAILURES_PER_EMAIL, "nobody@example.com")
    with pytest.raises(TooManyFailures):
        come_in(team, "nobody@example.com")


def test_fifty_failures_from_one_place_close_it_for_every_address(team: Team) -> None:
    account(team)
    for number in range(FAILURES_PER_ORIGIN):
        fail(team, 1, f"nobody{number}@example.com", "192.0.2.66")
    with pytest.raises(TooManyFailures):
        come_in(team, origin="192.0.2.66")
    assert come_in(team, origin="192.0.2.67") == "Lin"


def test_success_forgets_the_failures_of_the_address(team: Team) -> None:
    account(team)
    fail(team, FAILURES_PER_EMAIL - 1)
    come_in(team)
    fail(team, FAILURES_PER_EMAIL - 1)
    assert come_in(team) == "Lin"


def test_a_link_still_works_for_who_is_throttled(team: Team) -> None:
    actor = account(team)
    fail(team, FAILURES_PER_EMAIL)
    with team.sessions() as session:
        secret = make_sign_in_secret(session, user_of(team, actor.user_id))
        found = redeem_link(session, secret, "here")
    assert found is not None
    assert found.user.name == "Lin"


def test_of_many_guesses_at_once_no_more_get_through_than_may(
    team: Team, processes: Processes
) -> None:
    account(team)
    guess: Callable[[], str] = lambda: come_in(team, password="not the password")  # noqa: E731
    kinds = [type(error) for error in together(*[guess] * 8)]
    assert set(kinds) == {WrongPassword}
    told = processes.together(_guess_elsewhere, team.database_url)
    outcomes = [outcome for by_one in told for outcome in by_one]
    # Each is counted before it is looked at: of many at one moment none may get through, and those
    # that may are left for later.
    through = outcomes.count("WrongPassword")
    assert through <= FAILURES_PER_EMAIL - 8
    assert outcomes.count("TooManyFailures") == len(outcomes) - through
    for _ in range(FAILURES_PER_EMAIL - 8 - through):
        with pytest.raises(WrongPassword):
            guess()
    with pytest.raises(TooManyFailures):
        guess()


def test_the_password_so_far_can_be_guessed_no_oftener_than_at_the_sign_in(team: Team) -> None:
    actor = account(team)
    fail(team, 1)

    def change(current: str) -> None:
        with team.sessions() as session:
            set_password(session, actor, "another fine word", current)

    for _ in range(FAILURES_PER_EMAIL - 1):
        with pytest.raises(InvalidInput, match="not your password"):
            change("wrong")
    with pytest.raises(TooManyFailures):
        change(PASSWORD)
    with pytest.raises(TooManyFailures):
        come_in(team)


def test_a_changed_password_forgets_the_failures_before_it(team: Team) -> None:
    actor = account(team)
    fail(team, 3)
    with team.sessions() as session:
        set_password(session, actor, "another fine word", PASSWORD)
    assert failures(team) == 0


def test_a_double_click_stores_a_password_once(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = account(team)
    epoch = user_of(team, actor.user_id).session_epoch

    def click(password: str, *, meanwhile: str = "") -> User:
        def hash_while_another_click_is_stored(wanted: str) -> str:
            monkeypatch.setattr(preferences, "hash_password", hash_password)
            if meanwhile:
                click(meanwhile)
            return hash_password(wanted)

        monkeypatch.setattr(preferences, "hash_password", hash_while_another_click_is_stored)
        with team.sessions() as session:
            return set_password(session, actor, password, None)

    user = click("another fine word", meanwhile="another fine word")
    assert user.session_epoch == user_of(team, actor.user_id).session_epoch == epoch + 1
    with pytest.raises(Conflict, match="changed just now"):
        click("a third fine word", meanwhile="a fourth fine word")
    assert user_of(team, actor.user_id).session_epoch == epoch + 2


def test_a_new_password_ends_the_sessions_and_every_link(team: Team) -> None:
    actor = account(team)
    with team.sessions() as session:
        user = user_of(team, actor.user_id)
        secrets = {p: make_sign_in_secret(session, user, p) for p in LinkPurpose}
        epoch = user_of(team, actor.user_id).session_epoch
        with pytest.raises(InvalidInput, match="not your password") as refusal:
            set_password(session, actor, "another fine word", "wrong")
        assert refusal.value.field == "current"
        set_password(session, actor, "another fine word", PASSWORD)
        assert user_of(team, actor.user_id).session_epoch == epoch + 1
        works = {p: redeem_link(session, s, "here") is not None for p, s in secrets.items()}
    assert works == {
        LinkPurpose.SIGN_IN: False,
        LinkPurpose.INVITATION: False,
        LinkPurpose.RESET: False,
    }
    assert come_in(team, password="another fine word") == "Lin"
    assert PASSWORD not in str(team.state())


def _guess_elsewhere(number: int, database_url: str) -> list[str]:
    outcomes = []
    with connected(database_url) as sessions:
        for _ in range(4):
            with sessions() as session:
                try:
                    sign_in_with_password(session, EMAIL, "a guess", f"origin {number}")
                except NotAllowed as refusal:
                    outcomes.append(type(refusal).__name__)
    return outcomes
