"""A form that another site sends in a person's name is refused, whichever form it is."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from incidentbot.extensions import db
from incidentbot.users.models import Role
from tests.web.test_access import requests_of

# These prove who asks by something that no other site can send along.
PROVED_OTHERWISE = {"slack.events", "slack.commands", "slack.interactions"}
# Customers have no account that another site could use; their pages keep no cookie.
NOBODYS = "status_page."


@pytest.fixture
def admin(app: Flask, signed_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    person = signed_in(Role.ADMIN)
    app.config["WTF_CSRF_ENABLED"] = True
    return person


def test_every_form_asks_for_its_token(app: Flask, admin: FlaskClient) -> None:
    walked = 0
    for endpoint, method, address in requests_of(app):
        if endpoint.startswith(NOBODYS):
            continue
        if method == "POST" and endpoint not in PROVED_OTHERWISE:
            answer = admin.post(address, data={"csrf_token": "forged"})
            assert answer.status_code == 400, endpoint
            assert "This page was open for too long" in answer.text, endpoint
            walked += 1
    assert walked >= 8


def test_nothing_changes_by_being_looked_at(app: Flask, admin: FlaskClient) -> None:
    """A link or an image on another site makes a GET, which no token guards."""
    before = everything(app)
    for endpoint, method, address in requests_of(app):
        if method == "GET":
            admin.get(address, buffered=True)
            assert everything(app) == before, endpoint


def everything(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    with app.app_context():
        return {
            table.name: [tuple(row) for row in db.session.execute(select(table))]
            for table in db.metadata.sorted_tables
        }
