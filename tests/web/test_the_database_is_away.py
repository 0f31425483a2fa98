"""What a page says while the database is away, and how what was typed comes through."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from incidentbot.config import ROOT
from incidentbot.extensions import db
from incidentbot.incidents.models import Incident
from incidentbot.users.models import Role
from incidentbot.web.errors import SECRETS

SignIn = Callable[[Role], FlaskClient]
TYPED = 'Checkout is "down" & <slow>'


@contextmanager
def away(app: Flask) -> Iterator[None]:
    """Have every question about who is signed in fail."""
    _execute(app, "ALTER TABLE users RENAME TO users_elsewhere")
    yield
    _execute(app, "ALTER TABLE users_elsewhere RENAME TO users")


def test_a_page_says_to_try_again(app: Flask, signed_in: SignIn) -> None:
    client = signed_in(Role.RESPONDER)
    with away(app):
        answer = client.get("/")
    assert answer.status_code == 503
    assert "try again" in answer.text
    assert client.get("/").status_code == 200


def test_a_form_can_be_sent_again_and_is_done_once(app: Flask, signed_in: SignIn) -> None:
    client = signed_in(Role.RESPONDER)
    form = client.get("/incidents/new").text
    fields = {
        "title": TYPED,
        "severity": "P3",
        "service": "payments",
        "commander": "1",
        "summary": "First line\nsecond line",
        "request_key": _value(form, "request_key"),
    }
    with away(app):
        answer = client.post("/incidents/new", data=fields)
    assert answer.status_code == 503
    assert '<form method="post" action="/incidents/new">' in answer.text
    kept = {name: _value(answer.text, name) for name in fields}
    assert kept == fields
    for _ in range(2):
        assert client.post("/incidents/new", data=kept).status_code == 302
    with app.app_context():
        assert db.session.scalars(select(Incident.title)).all() == [TYPED]


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def _execute(app: Flask, statement: str) -> None:
    with app.app_context():
        db.session.execute(text(statement))
        db.session.commit()


def test_a_password_is_never_shown_again(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    with away(app):
        answer = client.post("/sign-in", data={"email": "a@b.c", "password": "Open sesame 12"})
    assert answer.status_code == 503
    assert "Open sesame" not in answer.text
    assert "fill the form in once more" in answer.text
    assert "Send it again" not in answer.text


def test_every_field_that_hides_what_is_typed_is_a_secret() -> None:
    pages = [page.read_text() for page in (ROOT / "templates").rglob("*.html")]
    fields = [tag for page in pages for tag in re.findall(r"<input[^>]*>", page)]
    hidden = {re.search(r'name="(\w+)"', tag)[1] for tag in fields if 'type="password"' in tag}
    assert hidden == SECRETS
