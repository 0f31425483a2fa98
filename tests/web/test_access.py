"""Who may open what: every route there is, with nobody signed in and with every role."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.users.models import Role
from incidentbot.web.access import PERMISSIONS, Access

# What each part of an address is, in the walk over all of them.
PARTS = {
    "reference": "INC-1",
    "name": "note",
    "delivery_id": 1,
    "secret": "x",
    "filename": "x",
    "provider": "oidc",
    "user_id": 1,
    "service_id": 1,
    "severity": "P1",
    "rule_id": 1,
    "template_id": 1,
    "identity_id": 1,
    "item_id": 1,
    "document": "summary",
    "service": "x",
    "token": "x",
    "maintenance_id": 1,
    "row_id": 1,
    "choice": "leave",
    "incident_id": 1,
}
REACHES = {
    Role.VIEWER: Access.SIGNED_IN,
    Role.RESPONDER: Access.RESPONDER,
    Role.ADMIN: Access.ADMIN,
}
REFUSALS = ("Viewers cannot do that.", "Only an admin can do that.", "This is open to nobody.")
# Leaving ends the walk.
LEAVES = {"auth.sign_out", "me.end_sessions"}


def requests_of(app: Flask) -> list[tuple[str, str, str]]:
    """Return `(endpoint, method, address)` of everything that the app answers to."""
    adapter = app.url_map.bind("localhost")
    return [
        (
            rule.endpoint,
            method,
            adapter.build(rule.endpoint, {part: PARTS[part] for part in rule.arguments}, method),
        )
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def test_every_route_has_a_row_and_every_row_a_route(app: Flask) -> None:
    assert {endpoint for endpoint, *_ in requests_of(app)} == set(PERMISSIONS)


def test_nothing_is_open_to_somebody_who_has_not_signed_in(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    for endpoint, method, address in requests_of(app):
        response = client.open(address, method=method)
        closed = response.status_code == 302 and response.location.startswith("/sign-in?")
        closed = closed or response.location == "/sign-in"
        assert closed is (PERMISSIONS[endpoint] is not Access.PUBLIC), (endpoint, method)


@pytest.mark.parametrize("role", Role)
def test_every_role_gets_where_its_row_says_and_no_further(
    app: Flask, signed_in: Callable[[Role], FlaskClient], role: Role
) -> None:
    person = signed_in(role)
    for endpoint, method, address in requests_of(app):
        if endpoint in LEAVES:
            continue
        answer = person.open(address, method=method, buffered=True)
        at_the_door = answer.status_code == 403 and any(words in answer.text for words in REFUSALS)
        assert at_the_door is (PERMISSIONS[endpoint] > REACHES[role]), (endpoint, method)


def test_a_route_without_a_row_opens_for_nobody(
    app: Flask, signed_in: Callable[[Role], FlaskClient]
) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = signed_in(Role.ADMIN).get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_an_admin_sees_the_deliveries(signed_in: Callable[[Role], FlaskClient]) -> None:
    admin = signed_in(Role.ADMIN)
    assert "Everything that could be delivered was" in admin.get("/settings/deliveries").text
    assert admin.post("/settings/deliveries/retry-all").status_code == 302
    assert admin.post("/settings/deliveries/99/retry").status_code == 404


@pytest.mark.parametrize("role", Role)
def test_no_route_fails_for_anybody(
    app: Flask, signed_in: Callable[[Role], FlaskClient], role: Role
) -> None:
    person = signed_in(role)
    for endpoint, method, address in requests_of(app):
        if endpoint not in LEAVES:
            assert person.open(address, method=method, buffered=True).status_code < 500, (
                endpoint,
                method,
            )
