"""Log lines: one JSON object each, and no secret in any of them."""

import json
import logging
import sys
from typing import Any

import pytest

from incidentbot.ops import context
from incidentbot.ops.logs import JsonFormatter, TextFormatter, configure_logging, redact
from incidentbot.ops.redaction import Redactor

# What stands in a log, and the part of it that nobody may read.
SECRETS = {
    "xoxb-123456-abcdef": "123456-abcdef",
    "xoxp-9-8-7-abc_def": "abc_def",
    "xoxe.xoxp-1-Mi0yLTk4": "Mi0yLTk4",
    "xapp-1-A0-123-abc": "A0-123-abc",
    "/sign-in/" + "aB3_-" * 9: "aB3_-aB3",
    "/status/unsubscribe/WzcsMTc5NTYyNjI5MV0.5zVJ7lGbh_mQi8sYn8uyj5XB61Q": "5zVJ7lGbh_mQi8sYn8uyj5",
    "a WzcsMTc5NTYyNjI5MSxbMV1d.awcVMw.aTMgzxkiBPtpGBzpPyul_1P_V1w": "aTMgzxkiBPtpGBzpPyul_1P_",
    "?token=hunter2": "hunter2",
    "?code=4/0AX4XfWh&state=af0ifjsldkj": "af0ifjsldkj",
    "Authorization: Bearer abc.def-123": "abc.def-123",
    "{'Authorization': 'OAuth 0123456789abcdef'}": "0123456789abcdef",
    "Basic aW5jaWRlbnRib3Q6aHVudGVyMg==": "aW5jaWRlbnRib3Q6aHVudGVyMg==",
    "{'password': 'correct horse battery'}": "correct horse",
    "password=hunter2": "hunter2",
    "postgresql://bot:hunter2@db/incidents": "hunter2",
    "Cookie: __Host-incidentbot=.eJwlzjEOwzAMQ9G7eM5gyZIs5zKBL": "eJwlzjEOwzAM",
    "https://hooks.slack.com/commands/T0/1/abcdefgh": "abcdefgh",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4": "SflKxwRJSMeKKF2QT4",
    "a-secret-of-the-settings": "a-secret-of-the-settings",
}
REDACTOR = Redactor(["a-secret-of-the-settings"])


@pytest.fixture(autouse=True)
def nothing_under_way() -> None:
    context.end()  # what an earlier test's client left unread


def record(message: str, *arguments: Any, error: bool = False, **extra: Any) -> logging.LogRecord:
    exc_info = sys.exc_info() if error else None
    made = logging.LogRecord("incidentbot.x", 30, "x.py", 1, message, arguments, exc_info)
    vars(made).update(extra)
    return made


@pytest.mark.parametrize("formatter", [JsonFormatter(REDACTOR), TextFormatter(REDACTOR)])
@pytest.mark.parametrize("secret,hidden", SECRETS.items())
def test_no_secret_is_logged_wherever_it_stands(
    formatter: logging.Formatter, secret: str, hidden: str
) -> None:
    try:
        raise ValueError(f"refused: {secret}")
    except ValueError:
        line = formatter.format(
            record("GET %s and %r", secret, {"a": secret}, error=True, url=secret, body=[secret])
        )
    assert hidden not in line
    assert line.count("[redacted]") >= 4


def test_what_is_no_secret_stays() -> None:
    text = "INC-1 xox and /sign-in/short, /incidents/INC-1?tokens=3, xoxo-kisses aside"
    assert redact("INC-1 and /sign-in/short?x=1&y=2") == "INC-1 and /sign-in/short?x=1&y=2"
    assert "tokens=3" in redact(text)


def test_a_json_line_says_when_how_bad_who_and_what() -> None:
    line = JsonFormatter().format(record('said "%s"\n', "hä", audit_seq=7, at=object))
    entry = json.loads(line)
    assert "\n" not in line
    assert entry["message"] == 'said "hä"\n'
    assert (entry["level"], entry["logger"], entry["audit_seq"]) == ("warning", "incidentbot.x", 7)
    assert entry["time"].endswith("+00:00")
    assert "exception" not in entry


def test_a_json_line_holds_the_whole_exception() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        entry = json.loads(JsonFormatter().format(record("failed", error=True)))
    assert entry["exception"].startswith("Traceback")
    assert entry["exception"].endswith("ValueError: no")


def test_a_line_for_people_shows_what_belongs_to_it() -> None:
    line = TextFormatter().format(record("delivery done", delivery=3))
    assert line.endswith("WARNING incidentbot.x: delivery done delivery=3")


def test_a_value_is_hidden_by_its_name_and_numbers_stay_numbers() -> None:
    made = record("x", password="short", form={"csrf_token": "t", "delivery": 7}, dedupe_key="a/b")
    entry = json.loads(JsonFormatter().format(made))
    assert entry["password"] == "[redacted]"
    assert entry["form"] == {"csrf_token": "[redacted]", "delivery": 7}
    assert entry["dedupe_key"] == "a/b"


def test_a_secret_of_the_settings_is_hidden_as_it_stands_in_an_address_too() -> None:
    redactor = Redactor(["s3cr3t/with slash"])
    assert redactor.text("at s3cr3t%2Fwith%20slash or s3cr3t/with slash") == (
        "at [redacted] or [redacted]"
    )


def test_what_is_under_way_stands_in_every_line() -> None:
    context.begin(request="r-1")
    with context.about(delivery=3):
        context.note(incident="INC-4")
        inner = json.loads(JsonFormatter().format(record("sending")))
    outer = json.loads(JsonFormatter().format(record("answered")))
    context.end()
    after = json.loads(JsonFormatter().format(record("idle")))
    assert (inner["request"], inner["delivery"], inner["incident"]) == ("r-1", 3, "INC-4")
    assert (outer["request"], "delivery" in outer) == ("r-1", False)
    assert "request" not in after


def test_libraries_do_not_write_down_whole_requests_at_debug() -> None:
    root, ours = logging.getLogger(), logging.getLogger("incidentbot")
    before = root.handlers, root.level, ours.level
    try:
        configure_logging("DEBUG", "json")
        assert ours.isEnabledFor(logging.DEBUG)
        for library in ("slack_sdk", "urllib3", "sqlalchemy.engine", "authlib"):
            assert not logging.getLogger(library).isEnabledFor(logging.DEBUG)
    finally:
        root.handlers = before[0]
        ours.setLevel(before[2])
        root.setLevel(before[1])
