"""An admin who acts in the commander's place is asked in Slack why, and loses nothing they typed."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from slack_sdk import WebClient

from incidentbot.audit.models import AuditEntry
from incidentbot.extensions import db
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.queries import get_incident, list_timeline
from incidentbot.sandbox.slack.blocks import view_problems
from incidentbot.users.actor import SYSTEM
from incidentbot.users.models import Role
from incidentbot.users.people import identify_slack_person
from tests.slack.sender import declare, press, say, send, slash, submission

WHY = "Ada is on a plane"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The modals that Slack was asked to open."""
    views: list[dict[str, Any]] = []
    monkeypatch.setattr(WebClient, "views_open", lambda _self, *, view, **_: views.append(view))
    return views


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> str:
    """Grace, who is an admin, and an incident that Ada commands."""
    declare(client)
    with app.app_context():
        session = db.session()
        identify_slack_person(session, "U0GRACE", "grace").role = Role.ADMIN
        session.commit()
    return "U0GRACE"


def newest_entry(app: Flask) -> AuditEntry:
    with app.app_context():
        return (
            db.session().query(AuditEntry).order_by(AuditEntry.seq.desc()).first() or AuditEntry()
        )


def told(app: Flask) -> tuple[Status, str]:
    with app.app_context():
        incident = get_incident(db.session(), "INC-1", SYSTEM)
        return incident.status, list_timeline(db.session(), incident.id)[-1].text


def test_a_command_is_kept_until_the_reason_is_given(
    app: Flask, client: FlaskClient, admin: str, opened: list[dict[str, Any]]
) -> None:
    typed = "status INC-1\nmonitoring p95 < 2 s & falling, thanks @bob"
    assert send(client, slash(typed, user=admin)).text == ""
    (view,) = opened
    assert view_problems(view, "modal") == []
    assert "p95 &lt; 2 s" in json.dumps(view["blocks"])
    assert told(app)[0] is Status.DECLARED

    blank = submission(
        "override", {"override_reason": "  "}, user=admin, reference=view["private_metadata"]
    )
    answer = send(client, blank).json
    assert answer
    assert "Say why" in answer["errors"]["override_reason"]
    given = submission(
        "override", {"override_reason": WHY}, user=admin, reference=view["private_metadata"]
    )
    answer = send(client, given).json
    assert answer
    assert "is now monitoring" in json.dumps(answer["view"])
    assert told(app) == (Status.MONITORING, "p95 < 2 s & falling, thanks @bob")
    entry = newest_entry(app)
    assert (entry.override, entry.reason) == (True, WHY)
    assert entry.after["text"] == "p95 < 2 s & falling, thanks @bob"


def test_the_command_is_handed_over_by_an_admin_with_the_mention_kept(
    app: Flask, client: FlaskClient, admin: str, opened: list[dict[str, Any]]
) -> None:
    send(client, slash("commander INC-1 @bob", user=admin))
    kept = opened[0]["private_metadata"]
    send(client, submission("override", {"override_reason": WHY}, user=admin, reference=kept))
    with app.app_context():
        assert get_incident(db.session(), "INC-1", SYSTEM).commander.slack_user_id == "U0BOB"


def test_a_modal_asks_an_admin_from_the_start(
    app: Flask, client: FlaskClient, admin: str, opened: list[dict[str, Any]]
) -> None:
    for button in ("post_update", "change_severity", "resolve", "hand_over"):
        press(client, button, "INC-1", user=admin)
        press(client, button, "INC-1", user="U0ADA")
        theirs, own = opened[-2:]
        assert view_problems(theirs, "modal") == []
        assert theirs["blocks"][-1]["block_id"] == "override_reason"
        assert theirs["blocks"][:-1] == own["blocks"]
    values = {"message": "Rolled back", "override_reason": WHY}
    send(client, submission("resolve", values, user=admin, reference="INC-1"))
    assert told(app) == (Status.RESOLVED, "Rolled back")
    assert newest_entry(app).reason == WHY


def test_a_modal_opened_before_the_command_changed_hands_asks_when_it_is_sent(
    client: FlaskClient, admin: str
) -> None:
    body = submission("resolve", {"message": "Rolled back"}, user=admin, reference="INC-1")
    answer = send(client, body).json
    assert answer
    assert answer["response_action"] == "update"
    # What was typed stays: the block is the same.
    assert [b["block_id"] for b in answer["view"]["blocks"]] == ["message", "override_reason"]
    assert answer["view"].keys() <= {"type", "callback_id", "private_metadata", "blocks"}


def test_the_button_that_drafts_the_post_mortem_asks_too(
    app: Flask, client: FlaskClient, admin: str, opened: list[dict[str, Any]]
) -> None:
    say(client, "resolved INC-1")
    press(client, "draft_postmortem", "INC-1", user=admin)
    (view,) = opened
    given = submission(
        "override", {"override_reason": WHY}, user=admin, reference=view["private_metadata"]
    )
    answer = send(client, given).json
    assert answer
    assert "/incidents/INC-1/postmortem" in json.dumps(answer["view"])
    assert newest_entry(app).reason == WHY


def test_where_slack_opens_no_modal_the_web_page_is_named_and_nothing_typed_is_lost(
    client: FlaskClient, admin: str
) -> None:
    answer = say(client, "resolved INC-1 Rolled back", user=admin)  # nothing listens at Slack's API
    assert "http://localhost:8000/incidents/INC-1|" in answer
    assert "/incident resolved INC-1 Rolled back" in answer
    answer = say(client, "resolved INC-1 " + "long " * 700, user=admin)
    assert "too long" in answer
    assert "http://localhost:8000/incidents/INC-1|" in answer
