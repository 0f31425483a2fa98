"""Log lines: one JSON object each, and no secret in any of them."""

import json
import logging
import sys
from typing import Any

import pytest

from incidentbot.ops.logs import JsonFormatter, TextFormatter, redact

SECRETS = [
    "xoxb-123456-abcdef",
    "xoxp-9-8-7-abc_def",
    "xapp-1-A0-123-abc",
    "/sign-in/" + "aB3_-" * 9,
    "?token=hunter2",
]


def record(message: str, *arguments: Any, error: bool = False, **extra: Any) -> logging.LogRecord:
    exc_info = sys.exc_info() if error else None
    made = logging.LogRecord("incidentbot.x", 30, "x.py", 1, message, arguments, exc_info)
    vars(made).update(extra)
    return made


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_token_is_logged_wherever_it_stands(formatter: logging.Formatter, secret: str) -> None:
    hidden = secret.removeprefix("/sign-in/").removeprefix("?token=")
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
