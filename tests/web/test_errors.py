"""What a refusal or an error says, and the way on that it offers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from incidentbot.extensions import db, login
from incidentbot.users.models import Role, User

SignIn = Callable[[Role], FlaskClient]
WRITTEN = "Rolled back, declines are falling"


@contextmanager
def failing(app: Flask, endpoint: str, fail: Callable[[], None]) -> Iterator[None]:
    """Have a view make a mistake."""
    works = app.view_functions[endpoint]
    app.view_functions[endpoint] = fail
    yield
    app.view_functions[endpoint] = works


def raise_something(**_parts: str) -> None:
    raise RuntimeError("a mistake of ours")


def break_the_session(**_parts: str) -> None:
    db.session.add(User(name=None))  # type: ignore[arg-type]  # what the database refuses
    db.session.flush()


def ways(page: str) -> list[tuple[str, str]]:
    """Return the buttons that lead on from a page, each with its address and words."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return [
        (unescape(address), words)
        for address, words in re.findall(r'<a class="btn [^"]*" href="([^"]*)">([^<]*)</a>', main)
    ]


@pytest.mark.parametrize("fail", [raise_something, break_the_session])
def test_a_broken_page_can_be_tried_again_and_names_its_request_for_who_reads_the_log(
    app: Flask, signed_in: SignIn, fail: Callable[[], None]
) -> None:
    client = signed_in(Role.RESPONDER)
    with failing(app, "insights.index", fail):
        answer = client.get("/insights?days=30")
    assert answer.status_code == 500
    assert ways(answer.text) == [("/insights?days=30", "Try again"), ("/", "All incidents")]
    assert f"<code>{answer.headers['X-Request-Id']}</code>" in answer.text


def test_what_was_written_into_a_form_that_broke_is_shown(app: Flask, signed_in: SignIn) -> None:
    client = signed_in(Role.RESPONDER)
    with failing(app, "incidents.act", raise_something):
        answer = client.post("/incidents/INC-1/update", data={"message": WRITTEN})
    assert answer.status_code == 500
    assert WRITTEN in answer.text
    assert ways(answer.text)[0] == ("/incidents/INC-1/update", "Open the page")


@pytest.mark.parametrize(
    "method,path,status,page",
    [
        ("POST", "/incidents/INC-1/note", 413, "/incidents/INC-1/note"),
        ("POST", "/settings/severities/P1", 413, "/settings/severities"),
        ("GET", "/settings/severities/P1", 405, "/settings/severities"),
        ("GET", "/sign-out", 405, None),
    ],
)
def test_a_refused_form_offers_the_page_it_is_on(
    signed_in: SignIn, method: str, path: str, status: int, page: str | None
) -> None:
    sent = {"data": {"text": "x" * 3_000_000}} if method == "POST" else {}
    answer = signed_in(Role.ADMIN).open(path, method=method, **sent)
    assert answer.status_code == status
    offered = [] if page is None else [(page, "Open the page")]
    assert ways(answer.text) == [*offered, ("/", "All incidents")]


def test_no_way_on_leads_to_another_site(signed_in: SignIn) -> None:
    address = {"PATH_INFO": "//insights"}  # which a browser would take for a host
    answer = signed_in(Role.VIEWER).post(
        "/", data={"text": "x" * 3_000_000}, environ_overrides=address
    )
    assert answer.status_code == 413
    assert ways(answer.text)[0] == ("/insights", "Open the page")


def test_what_would_be_refused_again_is_not_offered(signed_in: SignIn) -> None:
    client = signed_in(Role.VIEWER)
    for path, status in (("/settings/services", 403), ("/incidents/INC-9", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert ways(answer.text) == [("/", "All incidents")]


def test_a_mistyped_address_is_said_while_the_database_is_away(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = signed_in(Role.RESPONDER)

    def away(_number: str) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(login, "_user_callback", away)
    answer = person.get("/no-such-page")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
