"""A session that ends while a page is open: nothing false is shown, and no text is lost."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.users.models import Role

SignIn = Callable[[Role], FlaskClient]
WRITTEN = "Rolled back </textarea><script>alert(1)</script>"


@pytest.mark.parametrize("path", ["/incidents/cards", "/incidents/INC-1/live", "/insights"])
def test_a_part_of_a_page_is_answered_401_and_nothing_to_swap_in(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.data == b""


@pytest.mark.parametrize("guarded", [True, False])
def test_what_was_written_is_shown_on_the_page_that_refuses_it(
    app: Flask, client: FlaskClient, guarded: bool
) -> None:
    app.config["WTF_CSRF_ENABLED"] = guarded
    answer = client.post(
        "/incidents/INC-1/update", data={"message": WRITTEN, "password": "hunter2"}
    )
    assert answer.status_code in (400, 401)
    assert WRITTEN in unescape(answer.text)
    assert WRITTEN not in answer.text
    assert "hunter2" not in answer.text
    assert 'href="/sign-in?next=/incidents/INC-1/update"' in answer.text


def test_a_page_that_was_open_for_too_long_shows_what_was_written(
    app: Flask, signed_in: SignIn
) -> None:
    client = signed_in(Role.RESPONDER)
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post("/incidents/new", data={"title": "Checkout", "summary": WRITTEN})
    assert answer.status_code == 400
    assert WRITTEN in unescape(answer.text)
    assert "<form" not in answer.text.partition("<main")[2].partition("</main>")[0]
    assert "Sign in" not in answer.text


@pytest.mark.parametrize(
    "path,page",
    [
        ("/settings/statuspage/publication/P1", "/settings/statuspage/publication"),
        ("/settings/templates/3", "/settings/templates/3"),
        ("/settings/severities/P1/reset", "/settings/severities"),
        ("/incidents/INC-1/customers", "/incidents/INC-1/customers"),
        ("/me/preferences", "/me"),
    ],
)
def test_every_text_is_shown_whatever_its_form_and_its_page_is_offered(
    app: Flask, client: FlaskClient, path: str, page: str
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sent = {
        "opening": "We look into it.",
        "name-4": "決済",
        "current": "a secret of words",
        "seen": "not a text",
        "service": "payments",
        "severity": "P1",
    }
    answer = client.post(path, data=sent)
    assert answer.status_code == 401
    assert re.findall(r'<label[^>]*for="written-\d"[^>]*>([^<]+)<', answer.text) == [
        "Opening",
        "Name 4",
    ]
    assert "We look into it." in answer.text
    assert "決済" in answer.text
    assert "a secret of words" not in answer.text
    assert f'href="/sign-in?next={page}"' in answer.text
    assert client.get(page).status_code == 302, "a page that asks to sign in, not 405"


def test_a_part_of_a_page_that_was_open_for_too_long_is_told_it_is_signed_out(
    app: Flask, client: FlaskClient
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    part = {"HX-Request": "true"}
    answer = client.post("/settings/audit/verify", data={"text": "a b"}, headers=part)
    assert (answer.status_code, answer.data) == (401, b"")


def test_a_form_without_a_text_leads_to_signing_in(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    assert client.post("/incidents/INC-1/join").status_code == 302
