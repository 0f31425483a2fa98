"""Who may open what: every route there is, with nobody signed in and with every role."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.users.models import Role
from incidentbot.web.access import PUBLIC

FOR_ADMINS = {
    "deliveries.index",
    "deliveries.retry",
    "deliveries.retry_everything",
    "deliveries.skip",
}
PARTS = {"reference": "INC-1", "name": "note", "delivery_id": 1, "secret": "x", "filename": "x"}


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


def test_nothing_is_open_to_somebody_who_has_not_signed_in(app: Flask, client: FlaskClient) -> None:
    closed = [request for request in requests_of(app) if request[0] not in PUBLIC]
    assert len(closed) > 10
    for endpoint, method, address in closed:
        app.config["WTF_CSRF_ENABLED"] = False
        response = client.open(address, method=method)
        assert response.status_code == 302, (endpoint, method)
        assert response.location.startswith("/sign-in"), (endpoint, method)


def test_what_is_open_is_there(app: Flask) -> None:
    known = {endpoint for endpoint, *_ in requests_of(app)}
    assert known >= PUBLIC


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RESPONDER])
def test_what_is_for_admins_is_refused_to_others(
    app: Flask, signed_in: Callable[[Role], FlaskClient], role: Role
) -> None:
    person = signed_in(role)
    for endpoint, method, address in requests_of(app):
        if endpoint in FOR_ADMINS:
            assert person.open(address, method=method).status_code == 403, endpoint


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
        if endpoint != "auth.sign_out":
            assert person.open(address, method=method).status_code < 500, (endpoint, method)
