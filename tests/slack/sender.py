"""Requests as Slack sends them: form-encoded, signed, each with a trigger of its own."""

import json
import re
import time
from itertools import count
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from slack_sdk.signature import SignatureVerifier
from werkzeug.test import TestResponse

from incidentbot.sandbox.slack.typed import escape
from tests.installation import SIGNING_SECRET

_numbers = count(1)
_MENTION = re.compile(r"(?<![\w.])@(ada|bob|eve|grace)\b")


def signed_headers(body: str, *, age: float = 0, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """Return the headers with which Slack signs `body`, `age` seconds ago."""
    timestamp = str(int(time.time() - age))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    assert signature is not None
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }


def marked_up(typed: str) -> str:
    """Return what Slack makes of what a person types: escaped, and people mentioned by their id."""
    return _MENTION.sub(lambda who: f"<@U0{who[1].upper()}|{who[1]}>", escape(typed))


def slash(typed: str, *, user: str = "U0ADA", channel: str = "C0GENERAL", **more: str) -> str:
    """Return the body of `/incident {typed}`; `text` is what Slack sends of it, if that is to differ."""
    fields = {
        "command": "/incident",
        "text": marked_up(typed),
        "user_id": user,
        "user_name": user.removeprefix("U0").lower(),
        "channel_id": channel,
        "channel_name": "general",
        "team_id": "T0TEAM",
        "trigger_id": f"trigger-{next(_numbers)}",
        "response_url": "http://127.0.0.1:9/response",
        "api_app_id": "A0APP",
        **more,
    }
    return urlencode(fields, errors="replace")


def submission(
    callback_id: str,
    values: dict[str, str],
    *,
    user: str = "U0ADA",
    reference: str = "",
    view_id: str | None = None,
    home: str = "T0TEAM",
) -> str:
    """Return the body of a submitted modal whose fields hold `values`."""
    people = {"commander"}
    menus = {"severity", "service", "status", "template"}

    def element(field: str, value: str) -> dict[str, Any]:
        if field in people:
            return {"type": "users_select", "selected_user": value or None}
        if field in menus:
            option = {"text": {"type": "plain_text", "text": value}, "value": value}
            return {"type": "static_select", "selected_option": option if value else None}
        return {"type": "plain_text_input", "value": value or None}

    payload = {
        "type": "view_submission",
        "user": {"id": user, "username": user.removeprefix("U0").lower(), "team_id": home},
        "team": {"id": "T0TEAM", "domain": "test"},
        "trigger_id": f"trigger-{next(_numbers)}",
        "view": {
            "id": view_id or f"V{next(_numbers)}",
            "hash": "1.a",
            "type": "modal",
            "callback_id": callback_id,
            "private_metadata": reference,
            "blocks": [{"type": "input", "block_id": field} for field in values],
            "state": {
                "values": {
                    field: {"value": element(field, value)} for field, value in values.items()
                }
            },
        },
    }
    return urlencode({"payload": json.dumps(payload)})


def press(client: FlaskClient, button: str, reference: str, *, user: str = "U0ADA") -> TestResponse:
    """Press a button on an incident's card."""
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": user.removeprefix("U0").lower(), "team_id": "T0TEAM"},
        "team": {"id": "T0TEAM", "domain": "test"},
        "channel": {"id": "C0GENERAL"},
        "trigger_id": f"trigger-{next(_numbers)}",
        "actions": [
            {"type": "button", "action_id": button, "block_id": "actions", "value": reference}
        ],
    }
    return send(client, urlencode({"payload": json.dumps(payload)}))


def send(client: FlaskClient, body: str, **signing: Any) -> TestResponse:
    """Post a body to the Slack door, signed."""
    return client.post("/slack/events", data=body, headers=signed_headers(body, **signing))


def say(client: FlaskClient, typed: str, **more: str) -> str:
    """Type `/incident {typed}` and return the text of the answer."""
    response = send(client, slash(typed, **more))
    assert response.status_code == 200, response.text
    return str(response.json["text"]) if response.is_json and response.json else ""


def declare(
    client: FlaskClient, title: str = "Checkout is down", severity: str = "P3", **more: str
) -> str:
    """Declare an incident by the modal and return its reference."""
    fields = {
        "title": title,
        "severity": severity,
        "service": "payments",
        "commander": "U0ADA",
        "summary": "",
    }
    response = send(client, submission("declare", {**fields, **more}))
    assert response.status_code == 200, response.text
    answer = response.json
    assert answer is not None
    assert answer["response_action"] == "update", answer
    return str(answer["view"]["title"]["text"]).split()[0]
