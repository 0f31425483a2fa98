"""What a page says while the database is away, and how what was typed comes through."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from incidentbot.extensions import db
from incidentbot.incidents.models import Incident
from incidentbot.users.models import Role

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
