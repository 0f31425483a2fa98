"""What no request may hold: characters that cannot be kept, numbers that no row can have."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter

from incidentbot.users.models import Role
from incidentbot.web.requests import Number, number

SignIn = Callable[[Role], FlaskClient]


@pytest.mark.parametrize(
    "address",
    [
        "/incidents/INC-1%00",
        "/settings/members?q=a%00",
        "/settings/audit?action=%00",
        "/settings/audit/export.csv?subject=a%00b",
        "/incidents.csv?q=%00",
        "/?%00=1",
    ],
)
def test_an_address_with_a_nul_is_refused_with_words(signed_in: SignIn, address: str) -> None:
    answer = signed_in(Role.ADMIN).get(address)
    assert answer.status_code == 400
    assert "a character that cannot be kept" in answer.text


@pytest.mark.parametrize(
    "address, fields",
    [
        ("/sign-in", {"email": "a\0@example.com", "password": "x"}),
        ("/incidents/new", {"title": "x", "service": "pay\0ments"}),
        ("/incidents/new", {"title": "x", "request_key": "a\0b"}),
        ("/incidents/new", {"title\0": "x"}),
    ],
)
def test_a_form_with_a_nul_is_refused_with_words(
    signed_in: SignIn, address: str, fields: dict[str, str]
) -> None:
    answer = signed_in(Role.ADMIN).post(address, data=fields)
    assert answer.status_code == 400
    assert "a character that cannot be kept" in answer.text


@pytest.mark.parametrize(
    "text, meant",
    [
        ("0", 0),
        ("042", 42),
        (str(2**31 - 1), 2**31 - 1),
        (str(2**31), None),
        ("9" * 5_000, None),
        ("", None),
        (None, None),
        ("-1", None),
        ("1.5", None),
        (" 1", None),
        ("²", None),
        ("٣", None),
    ],
)
def test_a_number_is_what_a_row_can_have(text: str | None, meant: int | None) -> None:
    assert number(text) == meant


@pytest.mark.parametrize("number", [str(2**31), str(2**63), "9" * 30, "9" * 5_000])
def test_a_number_that_no_row_can_have_is_not_found(signed_in: SignIn, number: str) -> None:
    client = signed_in(Role.ADMIN)
    assert client.get(f"/settings/services/{number}").status_code == 404
    assert client.post(f"/settings/deliveries/{number}/retry").status_code == 404


def test_every_number_in_an_address_has_a_highest(app: Flask) -> None:
    converters = [c for rule in app.url_map.iter_rules() for c in rule._converters.values()]
    numbers = [converter for converter in converters if isinstance(converter, IntegerConverter)]
    assert numbers
    assert {type(converter) for converter in numbers} == {Number}
