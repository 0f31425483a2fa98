"""Signing in at a real OpenID Connect provider, and with Slack: every way in which it can go wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.extensions import db
from incidentbot.users.actor import OPERATOR
from incidentbot.users.identities import list_identities
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import deactivate, invite
from incidentbot.users.models import Role, User
from incidentbot.users.people import add_slack_person
from tests.installation import install
from tests.servers.oidc import CLIENT_ID, CLIENT_SECRET, Mode, Provider, oidc_provider

pytestmark = pytest.mark.server

TEAM = "T0OURS"
CALLBACK = "http://localhost:8000/sign-in/with/{}/callback"


@pytest.fixture(scope="module")
def okta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with oidc_provider(CALLBACK.format("oidc"), tmp_path_factory.mktemp("oidc")) as provider:
        yield provider


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder: Path = tmp_path_factory.mktemp("slack")
    with oidc_provider(CALLBACK.format("slack"), folder, TEAM) as provider:
        yield provider


@pytest.fixture
def app(sqlite_url: str, okta: Provider, slack: Provider) -> Flask:
    for provider in (okta, slack):
        provider.be(Mode.NORMAL)
    return make(sqlite_url, okta, slack)


def make(url: str, okta: Provider, slack: Provider, **more: Any) -> Flask:
    app = install(
        url,
        oidc_issuer=okta.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Okta",
        slack_issuer=slack.url,
        slack_client_id=CLIENT_ID,
        slack_client_secret=CLIENT_SECRET,
        **more,
    )
    app.extensions["slack_team"] = TEAM  # what Slack says of the bot token
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def answer_of(client: FlaskClient, key: str, person: str, query: str = "") -> str:
    """Go to the provider, be that person there, and return where the provider leads back to."""
    sent = client.get(f"/sign-in/with/{key}{query}")
    assert sent.status_code == 302, sent.text
    page = requests.get(sent.location, timeout=10)
    assert "Who are you?" in page.text, page.text
    back = requests.post(sent.location, data={"person": person}, allow_redirects=False, timeout=10)
    assert back.status_code == 302, back.text
    return back.headers["Location"].removeprefix("http://localhost:8000")


def come_in(client: FlaskClient, key: str = "oidc", person: str = "lin", query: str = "") -> Any:
    return client.get(answer_of(client, key, person, query))


def is_in(client: FlaskClient) -> bool:
    return client.get("/me").status_code == 200


def people(app: Flask) -> dict[str, Role]:
    with app.app_context():
        return {user.email: user.role for user in db.session().query(User) if user.email}


def test_the_page_offers_every_way_that_is_set_up(app: Flask) -> None:
    page = app.test_client().get("/sign-in").text
    assert re.findall(r"Sign in with (\w+)", page) == ["Slack", "Okta"]
    assert 'name="password"' in page


def test_somebody_new_comes_in_with_the_role_that_is_set(app: Flask) -> None:
    client = app.test_client()
    client.get("/sign-in?next=/incidents/new")
    assert come_in(client).location == "/incidents/new"
    assert is_in(client)
    assert people(app) == {"lin@example.com": Role.VIEWER}


def test_where_invitations_are_needed_somebody_new_is_refused(
    sqlite_url: str, okta: Provider, slack: Provider
) -> None:
    okta.be(Mode.NORMAL)
    app = make(sqlite_url, okta, slack, oidc_role="none")
    answer = come_in(app.test_client())
    assert answer.status_code == 403
    assert "Ask an admin for an invitation." in answer.text
    with app.app_context():
        invite(db.session(), "lin@example.com", Role.ADMIN)
    assert come_in(app.test_client()).status_code == 302


def test_state_nonce_and_pkce_go_along(app: Flask) -> None:
    asked = parse_qs(urlsplit(app.test_client().get("/sign-in/with/oidc").location).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge", "scope", "client_id"} <= asked.keys()


@pytest.mark.parametrize(
    "mode,words",
    [
        (Mode.UNVERIFIED, "Okta has not confirmed your e-mail address."),
        (Mode.WRONG_NONCE, "was not what we asked for"),
        (Mode.WRONG_AUDIENCE, "was not what we asked for"),
        (Mode.WRONG_ISSUER, "was not what we asked for"),
        (Mode.WRONG_KEY, "was not what we asked for"),
    ],
)
def test_what_cannot_be_trusted_signs_nobody_in(
    app: Flask, okta: Provider, mode: Mode, words: str
) -> None:
    okta.be(mode)
    client = app.test_client()
    answer = come_in(client)
    assert answer.status_code == 403
    assert words in answer.text
    assert 'name="password"' in answer.text, "the other ways are offered"
    assert not is_in(client)
    assert people(app) == {}


def test_a_provider_that_is_down_is_told_of_and_the_other_ways_are_offered(
    app: Flask, okta: Provider
) -> None:
    okta.be(Mode.DOWN)
    answer = app.test_client().get("/sign-in/with/oidc")
    assert answer.status_code == 502
    assert "Okta cannot be reached. Sign in another way, or try later." in answer.text
    assert "Sign in with Slack" in answer.text


def test_a_provider_that_goes_down_on_the_way_back_is_told_of(app: Flask, okta: Provider) -> None:
    client = app.test_client()
    back = answer_of(client, "oidc", "lin")
    okta.be(Mode.DOWN)
    answer = client.get(back)
    assert answer.status_code == 403
    assert "Sign in with Slack" in answer.text
    okta.be(Mode.NORMAL)
    assert come_in(client).status_code == 302


def test_the_answer_belongs_to_the_browser_that_asked_and_counts_once(app: Flask) -> None:
    client = app.test_client()
    back = answer_of(client, "oidc", "lin")
    assert app.test_client().get(back).status_code == 403, "another browser"
    assert client.get(back.replace("state=", "state=x")).status_code == 403
    back = answer_of(client, "oidc", "lin")
    assert client.get(back).status_code == 302
    client.post("/sign-out")
    assert client.get(back).status_code == 403, "a second time"


def test_many_tries_do_not_fill_the_cookie(app: Flask) -> None:
    client = app.test_client()
    for _ in range(30):
        answer = client.get("/sign-in/with/oidc")
    assert len(answer.headers["Set-Cookie"]) < 2000
    assert come_in(client).status_code == 302


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x&code=x", "?error=access_denied", "?error=%00&state[]=1"]
)
def test_nonsense_at_the_way_back_is_a_page_that_says_so(app: Flask, query: str) -> None:
    answer = app.test_client().get(f"/sign-in/with/oidc/callback{query}")
    assert answer.status_code == (400 if "%00" in query else 403)


def test_who_changes_their_mind_at_the_provider_comes_back_to_the_other_ways(app: Flask) -> None:
    answer = come_in(app.test_client(), person="")
    assert answer.status_code == 403
    assert "Okta did not let you in." in answer.text


def test_an_unknown_provider_is_not_found(app: Flask) -> None:
    assert app.test_client().get("/sign-in/with/elsewhere").status_code == 404


def test_slack_signs_in_the_person_slack_knows(app: Flask) -> None:
    with app.app_context():
        session = db.session()
        add_slack_person(session, "U0ADA0000A", "ada")
        session.commit()
    client = app.test_client()
    assert come_in(client, "slack", "U0ADA0000A").status_code == 302
    assert "U0ADA0000A" in client.get("/me").text
    assert people(app) == {}, "nobody new"


def test_another_slack_workspace_is_refused(app: Flask, slack: Provider) -> None:
    slack.be(Mode.WRONG_TEAM)
    answer = come_in(app.test_client(), "slack", "U0ADA0000A")
    assert answer.status_code == 403
    assert "That is another Slack workspace." in answer.text


def test_while_slack_cannot_say_which_workspace_is_ours_nobody_comes_in_by_it(app: Flask) -> None:
    app.extensions["slack_team"] = None
    answer = come_in(app.test_client(), "slack", "U0ADA0000A")
    assert answer.status_code == 403
    assert "Slack cannot be reached." in answer.text


def test_a_closed_account_comes_in_by_no_provider(app: Flask) -> None:
    come_in(app.test_client())
    with app.app_context():
        session = db.session()
        lin = session.query(User).filter_by(email="lin@example.com").one()
        deactivate(session, lin.id, OPERATOR)
    assert "deactivated" in come_in(app.test_client()).text


def signed_in(app: Flask, email: str) -> FlaskClient:
    with app.app_context():
        user = invite(db.session(), email, Role.RESPONDER)
        secret = make_sign_in_secret(db.session(), user)
    client = app.test_client()
    assert client.post(f"/sign-in/{secret}").status_code == 302
    return client


def test_my_page_links_and_unlinks_a_provider(app: Flask, okta: Provider) -> None:
    client = signed_in(app, "ada@example.com")
    okta.be(Mode.UNVERIFIED)  # who is signed in already needs no proven address
    assert come_in(client, query="?link=1").location == "/me"
    assert "Okta is linked." in client.get("/me").text
    other = app.test_client()
    assert come_in(other).location == "/"
    assert people(app) == {"ada@example.com": Role.RESPONDER}
    with app.app_context():
        ada = db.session().query(User).filter_by(email="ada@example.com").one()
        (identity,) = list_identities(db.session(), ada.id)
    unlink = f"/me/sign-ins/{identity.id}/unlink"
    assert "Set a password first" in client.post(unlink).text
    client.post("/me/password", data={"password": "plums and thunder"})
    assert client.post(unlink).location == "/me"


def test_another_site_cannot_begin_a_link(app: Flask) -> None:
    client = signed_in(app, "ada@example.com")
    forged = client.get("/sign-in/with/oidc?link=1", headers={"Sec-Fetch-Site": "cross-site"})
    assert forged.location == "/me"


def test_linking_slack_joins_the_two_accounts(app: Flask) -> None:
    with app.app_context():
        session = db.session()
        slack_person = add_slack_person(session, "U0ADA0000A", "ada").id
        session.commit()
    client = signed_in(app, "countess@example.com")
    assert come_in(client, "slack", "U0ADA0000A", "?link=1").location == "/me"
    assert "Slack is linked." in client.get("/me").text
    with app.app_context():
        countess = db.session().query(User).filter_by(email="countess@example.com").one()
        assert db.session().get_one(User, slack_person).merged_into_id == countess.id
        assert countess.slack_user_id == "U0ADA0000A"
