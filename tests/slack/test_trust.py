"""Who is let in at the Slack door: only Slack, only now, only once."""

from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from incidentbot.audit.models import AuditEntry
from incidentbot.extensions import db
from incidentbot.incidents.models import Incident
from incidentbot.users.actor import OPERATOR
from incidentbot.users.members import deactivate
from incidentbot.users.people import find_by_slack_id, identify_slack_person
from tests.slack.sender import declare, say, send, signed_headers, slash, submission


def changes(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0


FORM = {"title": "Down", "severity": "P1", "service": "payments", "commander": "U0ADA"}


@pytest.mark.parametrize("path", ["/slack/events", "/slack/commands", "/slack/interactions"])
def test_an_unsigned_request_is_refused_at_each_address(
    app: Flask, client: FlaskClient, path: str
) -> None:
    assert client.post(path, data=submission("declare", FORM)).status_code == 401
    assert changes(app) == 0


def test_a_forged_signature_is_refused(app: Flask, client: FlaskClient) -> None:
    assert send(client, submission("declare", FORM), secret="guessed").status_code == 401
    assert changes(app) == 0


def test_a_body_changed_after_signing_is_refused(app: Flask, client: FlaskClient) -> None:
    headers = signed_headers(submission("declare", FORM))
    other = submission("declare", {**FORM, "title": "Other"})
    assert client.post("/slack/events", data=other, headers=headers).status_code == 401
    assert changes(app) == 0


@pytest.mark.parametrize("age", [301, 86_400, -301])
def test_a_stale_request_is_refused(app: Flask, client: FlaskClient, age: float) -> None:
    assert send(client, submission("declare", FORM), age=age).status_code == 401
    assert changes(app) == 0


def test_a_replayed_request_is_refused(app: Flask, client: FlaskClient) -> None:
    body = submission("declare", FORM)
    headers = signed_headers(body)
    assert client.post("/slack/events", data=body, headers=headers).status_code == 200
    before = changes(app)
    assert client.post("/slack/events", data=body, headers=headers).status_code == 401
    assert changes(app) == before


@pytest.mark.parametrize(
    "body",
    [
        "",
        "payload=",
        "payload=not json",
        "payload=[]",
        "payload=3",
        "payload=null",
        urlencode({"payload": '{"type": "view_submission"}'}),
        urlencode({"payload": '{"type": "view_submission", "view": {"callback_id": "declare"}}'}),
        urlencode({"payload": '{"type": "view_submission", "view": {"callback_id": "resolve"}}'}),
        urlencode({"payload": '{"type": "view_submission", "view": [], "user": []}'}),
        urlencode({"payload": '{"type": "block_actions", "actions": []}'}),
        urlencode({"payload": '{"type": "block_actions", "actions": [{"action_id": "resolve"}]}'}),
        urlencode({"payload": '{"type": "no_such_thing", "user": {"id": "U0ADA"}}'}),
        urlencode({"command": "/other", "user_id": "U0ADA"}),
        urlencode({"command": "/incident", "text": "list"}),
        urlencode({"command": "/incident", "text": "list", "user_id": "'; DROP TABLE users"}),
    ],
)
def test_a_signed_but_malformed_request_is_refused(
    app: Flask, client: FlaskClient, body: str
) -> None:
    response = send(client, body)
    assert response.status_code == 400, response.text
    assert changes(app) == 0


def test_a_malformed_json_event_is_refused(client: FlaskClient) -> None:
    headers = {**signed_headers("{"), "Content-Type": "application/json"}
    assert client.post("/slack/events", data="{", headers=headers).status_code == 400


def test_a_modal_submitted_twice_declares_once(app: Flask, client: FlaskClient) -> None:
    first = send(client, submission("declare", FORM, view_id="V1"))
    second = send(client, submission("declare", FORM, view_id="V1"))
    assert first.json is not None
    assert second.json is not None
    assert first.json["view"]["title"] == second.json["view"]["title"]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Incident)) == 1


def test_a_modal_submitted_twice_posts_one_update(client: FlaskClient) -> None:
    declare(client)
    body = {"message": "Rolling back", "status": "no_change"}
    for _ in range(2):
        response = send(client, submission("post_update", body, reference="INC-1", view_id="V1"))
        assert response.status_code == 200
    assert say(client, "timeline INC-1").count("INC-1") == 1
    assert send(client, slash("timeline INC-1")).text.count("Rolling back") == 1


def test_somebody_whose_account_is_closed_is_refused(app: Flask, client: FlaskClient) -> None:
    declare(client)
    with app.app_context():
        session = db.session()
        person = identify_slack_person(session, "U0ADA")
        deactivate(session, person.id, OPERATOR)
    before = changes(app)
    assert "Your account was deactivated." in say(client, "note INC-1 I am still here")
    assert changes(app) == before


def test_somebody_of_another_workspace_does_nothing_here(app: Flask, client: FlaskClient) -> None:
    declare(client)
    stranger = submission(
        "take_over", {"reason": "Mine"}, user="U0STRANGER", reference="INC-1", home="T0OTHER"
    )
    assert "You belong to another Slack workspace" in send(client, stranger).text
    with app.app_context():
        assert find_by_slack_id(db.session(), "U0STRANGER") is None
