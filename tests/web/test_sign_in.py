"""Signing in by link and password: the pages, the session, and where one lands."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask, request, request_started
from flask.testing import FlaskClient

from incidentbot import clock
from incidentbot.extensions import db
from incidentbot.incidents.errors import Conflict
from incidentbot.outbox.models import Delivery
from incidentbot.users import members, passwords
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.models import LinkPurpose, Role, User
from incidentbot.users.sign_in import FAILURES_PER_EMAIL
from incidentbot.web import auth, me
from incidentbot.web.auth import local_path
from tests.installation import install

EMAIL, PASSWORD = "lin@example.com", "plums and thunder"
HOSTILE = (
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\x00//evil.example",
    " //evil.example",
    "/\u2028/evil.example",
    "javascript:alert(1)",
    "//[evil",
    "http:evil.example",
    "evil.example",
    "",
)


@pytest.fixture
def plain(app: Flask) -> Flask:
    """The app without the forms' tokens, which have a test of their own."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def mailing_app(app: Flask) -> Flask:
    """Return an app with the same database that sends mail."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    mailing = install(url, smtp_url="smtp://127.0.0.1:9", mail_from="a@b.c")
    mailing.config["WTF_CSRF_ENABLED"] = False
    return mailing


def person(app: Flask, purpose: LinkPurpose = LinkPurpose.INVITATION, email: str = EMAIL) -> str:
    """Invite somebody and return the secret of their link."""
    with app.app_context():
        user = members.invite(db.session(), email, Role.RESPONDER, "Lin")
        return make_sign_in_secret(db.session(), user, purpose)


def with_password(app: Flask, email: str = EMAIL) -> FlaskClient:
    """Return a browser in which somebody has chosen their password."""
    client = app.test_client()
    assert client.post(f"/sign-in/{person(app, email=email)}").location == "/password"
    assert client.post("/password", data={"password": PASSWORD}).status_code == 302
    return client


def come_in(client: FlaskClient, password: str = PASSWORD, email: str = EMAIL) -> Any:
    return client.post("/sign-in", data={"email": email, "password": password})


def is_in(client: FlaskClient) -> bool:
    return client.get("/me").status_code == 200


@pytest.mark.parametrize("wanted", HOSTILE)
def test_no_address_leads_to_another_site(plain: Flask, wanted: str) -> None:
    assert local_path(wanted) == ""
    client = plain.test_client()
    client.get("/sign-in", query_string={"next": wanted})
    assert client.post(f"/sign-in/{person(plain, LinkPurpose.SIGN_IN)}").location == "/"


@pytest.mark.parametrize("wanted", ["/", "/incidents/INC-1?tab=people#e3", "/a%5Cb", "/?q=//x"])
def test_a_path_of_ours_is_where_one_lands(plain: Flask, wanted: str) -> None:
    assert local_path(wanted) == wanted
    client = plain.test_client()
    client.get("/sign-in", query_string={"next": wanted})
    assert client.post(f"/sign-in/{person(plain, LinkPurpose.SIGN_IN)}").location == wanted


def test_an_invitation_leads_to_a_password_that_signs_in(plain: Flask) -> None:
    client = plain.test_client()
    secret = person(plain)
    assert "Welcome to incidentbot" in client.get(f"/sign-in/{secret}").text
    client.get("/sign-in?next=/incidents/new")
    assert client.post(f"/sign-in/{secret}").location == "/password"
    refused = client.post("/password", data={"password": "short"})
    assert refused.status_code == 422
    assert "Use at least 10 characters." in refused.text
    assert client.post("/password", data={"password": PASSWORD}).location == "/incidents/new"
    assert is_in(client)
    assert client.get("/password").location == "/me#password", "the link counts once"
    other = plain.test_client()
    assert come_in(other).location == "/"
    assert is_in(other)
    client.post("/sign-out")
    assert not is_in(client)


def test_a_wrong_password_says_so_and_keeps_the_address(plain: Flask) -> None:
    with_password(plain)
    answer = come_in(plain.test_client(), "wrong")
    assert answer.status_code == 403
    assert "The e-mail address or the password is wrong." in answer.text
    assert f'value="{EMAIL}"' in answer.text


def test_too_many_wrong_passwords_say_how_long_to_wait(plain: Flask) -> None:
    with_password(plain)
    for _ in range(FAILURES_PER_EMAIL):
        come_in(plain.test_client(), "wrong")
    answer = come_in(plain.test_client())
    assert answer.status_code == 429
    assert re.search(r"Wait 1[45] minutes. Or ask an admin for a link", answer.text)
    assert "let us send" not in answer.text, "no mail is set up"
    mailing = mailing_app(plain)
    answer = come_in(mailing.test_client())
    assert re.search(r'Or <a href="/sign-in/forgot">let us send you a link</a>', answer.text)


def test_signing_in_begins_a_new_session(plain: Flask) -> None:
    with_password(plain)
    client = plain.test_client()
    with client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
        planted["came_by_link_at"] = 2**40
    come_in(client)
    with client.session_transaction() as now:
        assert "planted" not in now
        assert "came_by_link_at" not in now


def test_a_new_password_ends_every_other_session(plain: Flask) -> None:
    here, there = with_password(plain), plain.test_client()
    come_in(there)
    wrong = {"current": "wrong", "password": "another fine word"}
    answer = here.post("/me/password", data=wrong)
    assert (answer.status_code, "That is not your password." in answer.text) == (422, True)
    assert is_in(there)
    assert here.post("/me/password", data={**wrong, "current": PASSWORD}).location == "/me"
    assert is_in(here)
    assert not is_in(there)


def test_signing_out_everywhere_ends_every_session(plain: Flask) -> None:
    here, there = with_password(plain), plain.test_client()
    come_in(there)
    assert here.post("/me/sign-out-everywhere").location == "/sign-in"
    assert not is_in(here)
    assert not is_in(there)


def test_signing_out_everywhere_says_so_where_one_lands(plain: Flask) -> None:
    here = with_password(plain)
    page = here.post("/me/sign-out-everywhere", follow_redirects=True)
    assert page.request.path == "/sign-in"
    assert "You are signed out on every device." in page.text


def test_a_used_link_says_to_whom_is_in_that_they_are(plain: Flask) -> None:
    secret = person(plain, LinkPurpose.SIGN_IN)
    client = plain.test_client()
    client.post(f"/sign-in/{secret}")
    assert "You are signed in as" in client.get(f"/sign-in/{secret}").text
    assert "You are signed in" not in plain.test_client().get(f"/sign-in/{secret}").text


def test_a_new_password_speaks_of_other_devices_only_where_there_was_one_before(
    plain: Flask,
) -> None:
    client = with_password(plain)
    page = client.get("/me").text
    assert "Your password is stored." in page
    assert "signed out everywhere else" not in page.partition("<main")[2].partition("<section")[0]
    form = {"current": PASSWORD, "password": "another fine word"}
    page = client.post("/me/password", data=form, follow_redirects=True).text
    assert "Your new password is stored. You are signed out everywhere else." in page


def test_the_current_password_cannot_be_guessed_on_ones_own_page(plain: Flask) -> None:
    client = with_password(plain)
    form = {"current": "wrong", "password": "another fine word"}
    for _ in range(FAILURES_PER_EMAIL):
        assert client.post("/me/password", data=form).status_code == 422
    answer = client.post("/me/password", data={**form, "current": PASSWORD})
    assert answer.status_code == 429
    assert "There were too many wrong passwords. Wait" in answer.text


def test_a_closed_account_is_out_at_once(
    plain: Flask, signed_in: Callable[[Role], FlaskClient]
) -> None:
    client = with_password(plain)
    admin = signed_in(Role.ADMIN)
    number = user_id(plain)
    assert admin.post(f"/settings/members/{number}/deactivate").status_code == 302
    assert not is_in(client)
    assert "deactivated" in come_in(plain.test_client()).text
    assert admin.post(f"/settings/members/{number}/reactivate").status_code == 302
    assert come_in(plain.test_client()).status_code == 302


def test_a_merged_account_is_out_at_once(plain: Flask) -> None:
    client = with_password(plain)
    with plain.app_context():
        session = db.session()
        other = members.invite(session, "other@example.com", Role.VIEWER)
        session.get_one(User, user_id(plain)).merged_into_id = other.id
        session.commit()
    assert not is_in(client)


def test_forgetting_is_answered_the_same_for_everybody(plain: Flask) -> None:
    mailing = mailing_app(plain)
    person(plain)
    client = mailing.test_client()
    answers = {
        client.post("/sign-in/forgot", data={"email": email}).text
        for email in (EMAIL, "nobody@example.com", "nonsense", "")
    }
    (answer,) = answers
    assert "If there is an account with that address, a link is on its way." in answer
    with plain.app_context():
        mails = db.session().query(Delivery).filter_by(kind="email.account").all()
        assert [mail.target for mail in mails] == [EMAIL]
    assert "No e-mail is sent from here" in plain.test_client().get("/sign-in/forgot").text


def test_a_reset_link_leads_to_a_new_password_for_an_hour(plain: Flask, time_machine: Any) -> None:
    with_password(plain)
    late, secret = person(plain, LinkPurpose.RESET), person(plain, LinkPurpose.RESET)
    client = plain.test_client()
    assert "Choose a new password" in client.get(f"/sign-in/{secret}").text
    assert client.post(f"/sign-in/{secret}").location == "/password"
    assert client.get("/password").status_code == 200
    assert "Not now" not in client.get("/password").text
    client.post("/password", data={"password": "another fine word"})
    assert plain.test_client().get(f"/sign-in/{late}").status_code == 403, "used up with it"
    assert come_in(plain.test_client(), "another fine word").status_code == 302
    late = person(plain, LinkPurpose.RESET)
    time_machine.move_to(clock.now() + timedelta(hours=1, seconds=1))
    assert "does not work any more" in plain.test_client().post(f"/sign-in/{late}").text


def test_who_forgot_the_password_and_goes_back_is_still_led_on(plain: Flask) -> None:
    client = plain.test_client()
    client.get("/sign-in?next=/incidents/new")
    page = client.get("/sign-in/forgot").text
    assert 'href="/sign-in?next=/incidents/new">Back to sign in' in page
    assert 'href="/sign-in">Back to sign in' in plain.test_client().get("/sign-in/forgot").text


def test_a_password_that_was_changed_meanwhile_says_so(
    plain: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*_arguments: object) -> None:
        raise Conflict("Your password was changed just now.")

    monkeypatch.setattr(auth, "set_password", overtaken)
    monkeypatch.setattr(me, "set_password", overtaken)
    client = plain.test_client()
    client.post(f"/sign-in/{person(plain, LinkPurpose.RESET)}")
    for address in ("/password", "/me/password"):
        answer = client.post(address, data={"password": "another fine word"})
        assert answer.status_code == 409
        assert re.search(r'role="alert"[^>]*>Your password was changed just now', answer.text)


def test_without_a_link_a_password_needs_the_one_before(plain: Flask) -> None:
    client = with_password(plain)
    assert client.post("/password", data={"password": "another fine word"}).location == (
        "/me#password"
    )
    assert come_in(plain.test_client()).status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in",
        "/sign-in/forgot",
        "/sign-in/secret",
        "/sign-out",
        "/password",
        "/me/preferences",
        "/me/password",
        "/me/sign-out-everywhere",
        "/me/sign-ins/slack/unlink",
        "/me/sign-ins/1/unlink",
        "/me/action-items/INC-1/1",
        "/settings/members/invite",
        "/settings/members/1/role",
        "/settings/members/1/name",
        "/settings/members/1/deactivate",
        "/settings/members/1/reactivate",
        "/settings/members/1/send-link",
        "/settings/members/1/show-link",
    ],
)
def test_no_form_is_taken_without_its_token(
    app: Flask, signed_in: Callable[[Role], FlaskClient], path: str
) -> None:
    admin = signed_in(Role.ADMIN)
    app.config["WTF_CSRF_ENABLED"] = True
    answer = admin.post(path)
    assert answer.status_code == 400
    assert "This page was open for too long" in answer.text


def test_the_cookie_is_bound_to_this_host_where_there_is_https(sqlite_url: str) -> None:
    app = install(sqlite_url, base_url="https://incidents.example.com", secret_key="x" * 32)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    secret = person(app, LinkPurpose.SIGN_IN)
    answer = client.post(f"/sign-in/{secret}", base_url="https://incidents.example.com")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-incidentbot=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_behind_a_proxy_the_address_is_the_persons(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sixty times as slow as it is meant to be is too slow for a test.
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)
    monkeypatch.setattr(passwords, "_nobodys", lambda: quick.hash("the password of nobody"))
    app = install(sqlite_url, proxy_hops=1)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    for number in range(60):
        forwarded = {"X-Forwarded-For": f"192.0.2.{number}"}
        data = {"email": f"n{number}@example.com", "password": "wrong"}
        assert client.post("/sign-in", data=data, headers=forwarded).status_code == 403


def test_two_proxies_add_to_the_address_and_say_the_scheme_once(sqlite_url: str) -> None:
    """As on Fly.io and Render: the visitor, what the platform adds, and one X-Forwarded-Proto."""
    app = install(sqlite_url, proxy_hops=2)
    seen = {}

    def look(_app: Flask) -> None:
        seen.update(address=request.remote_addr, scheme=request.scheme, host=request.host)

    forwarded = {
        "X-Forwarded-For": "6.6.6.6, 192.0.2.7, 203.0.113.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
    }
    with request_started.connected_to(look, app):
        app.test_client().get("/sign-in", headers=forwarded, buffered=True)

    assert seen == {"address": "192.0.2.7", "scheme": "https", "host": "localhost"}


def user_id(app: Flask, email: str = EMAIL) -> int:
    with app.app_context():
        return db.session().query(User).filter_by(email=email).one().id
