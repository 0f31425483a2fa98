"""Each request has an id and one line in the log, with all that is known of it at its end."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.extensions import db
from incidentbot.ops import context
from incidentbot.ops.logs import JsonFormatter
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.installation import install
from tests.ops.prom import samples, total
from tests.slack.sender import declare, say

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return what gives the lines written since it was asked last."""
    written: list[dict[str, Any]] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(JsonFormatter().format(record)))

    def take() -> list[dict[str, Any]]:
        taken, written[:] = list(written), []
        return taken

    keeper, ours = Keeper(), logging.getLogger("incidentbot")
    ours.addHandler(keeper)
    yield take
    ours.removeHandler(keeper)
    context.end()


@pytest.fixture
def app(sqlite_url: str, lines: Lines) -> Iterator[Flask]:
    app = install(sqlite_url, log_level="DEBUG")
    lines()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def the_request(lines: Lines) -> dict[str, Any]:
    """Return the one line about a request."""
    (found,) = [line for line in lines() if line["message"] == "request"]
    return found


def get(client: FlaskClient, path: str, **headers: str) -> Any:
    """Ask for a page and read all of the answer, as a browser does."""
    response = client.get(path, headers=headers, buffered=True)
    response.close()
    return response


def test_a_sane_request_id_is_kept_and_sent_back(client: FlaskClient, lines: Lines) -> None:
    response = get(client, "/sign-in", **{"X-Request-Id": "edge-7f3a.91_x"})
    assert response.headers["X-Request-Id"] == "edge-7f3a.91_x"
    assert the_request(lines)["request"] == "edge-7f3a.91_x"


@pytest.mark.parametrize("given", ["short", "a" * 65, 'x" or 1=1 --', "новый-идентификатор", ""])
def test_another_one_is_replaced(client: FlaskClient, lines: Lines, given: str) -> None:
    header = given.encode().decode("latin-1")
    made = get(client, "/sign-in", **{"X-Request-Id": header}).headers["X-Request-Id"]
    assert made != header
    assert len(made) == 32
    assert the_request(lines)["request"] == made


def test_the_line_says_which_route_answered_how_and_for_how_long(
    client: FlaskClient, lines: Lines
) -> None:
    get(client, "/sign-in")
    line = the_request(lines)
    assert (line["level"], line["method"], line["route"]) == ("info", "GET", "/sign-in")
    assert (line["status"], line["client"]) == (200, "127.0.0.1")
    assert line["milliseconds"] > 0


def test_what_nobody_serves_has_a_line_too_without_its_path(
    client: FlaskClient, lines: Lines
) -> None:
    get(client, "/.env?password=hunter2")
    line = the_request(lines)
    assert (line["route"], line["status"]) == (None, 404)
    assert ".env" not in json.dumps(line)


def test_the_secret_of_a_link_is_in_no_line(app: Flask, client: FlaskClient, lines: Lines) -> None:
    with app.app_context():
        secret = make_sign_in_secret(db.session(), invite(db.session(), "a@x.example", Role.ADMIN))
    get(client, f"/sign-in/{secret}")
    found = lines()
    assert the_request(lambda: found)["route"] == "/sign-in/<secret>"
    assert secret not in json.dumps(found)


def test_probes_are_told_at_debug_until_they_fail(client: FlaskClient, lines: Lines) -> None:
    get(client, "/health")
    assert the_request(lines)["level"] == "debug"


def test_a_command_can_be_followed_from_slack_to_what_it_wrote(
    client: FlaskClient, lines: Lines
) -> None:
    declare(client)
    lines()
    say(client, "status INC-1 We see it")
    found = lines()
    line = the_request(lambda: found)
    assert (line["door"], line["incident"]) == ("slack", "INC-1")
    assert isinstance(line["actor"], int)
    written = next(entry for entry in found if entry["message"] == "deliveries written")
    audited = next(entry for entry in found if entry["message"] == "audit entry")
    assert written["deliveries"]
    assert written["request"] == audited["request"] == line["request"]
    assert (audited["action"], audited["subject"]) == ("post_update", "INC-1")
    assert "We see it" not in json.dumps(found), "what people write is no business of the log"


def test_requests_are_counted_by_endpoint_method_and_class_of_status(client: FlaskClient) -> None:
    def counted(*labels: str) -> float:
        shown = client.get("/metrics", buffered=True).text
        return total(samples(shown), "incidentbot_http_requests_total", *labels)

    before = counted("auth.welcome", "GET", "2xx"), counted("none", "other", "4xx")
    get(client, "/sign-in")
    client.open("/nowhere", method="BREW", buffered=True).close()
    assert counted("auth.welcome", "GET", "2xx") == before[0] + 1
    assert counted("none", "other", "4xx") == before[1] + 1
