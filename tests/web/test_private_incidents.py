"""A private incident, to who is not one of its people: it does not exist, at any door."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from slack_sdk import WebClient
from werkzeug.test import TestResponse

from incidentbot.extensions import db
from incidentbot.incidents import action_items, commands, people
from incidentbot.incidents.models import Incident
from incidentbot.slack.actions import BUTTONS
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role, User
from incidentbot.web.access import PERMISSIONS, Access
from incidentbot.web.actions import FORMS
from tests.slack.sender import send, slash, submission
from tests.web.test_access import LEAVES, PARTS

SECRET = "Payroll-of-everybody"
HIDDEN, MISSING = "INC-1", "INC-9"
# What a request names it by.
NAMES = (HIDDEN, "inc-1", "1")


@pytest.fixture
def commander(app: Flask) -> Actor:
    """Whoever declared it: everything that an incident can have is written by them."""
    with app.app_context():
        session = db.session()
        user = invite(session, "root@example.com", Role.ADMIN, "Root")
        actor = actor_for(user, Door.WEB, "192.0.2.1")
        declaration = commands.Declaration(
            title=SECRET, severity="P1", service="payments", summary=SECRET, is_private=True
        )
        commands.declare(session, declaration, actor)
        commands.post_update(session, HIDDEN, actor, SECRET)
        commands.add_note(session, HIDDEN, actor, SECRET)
        action_items.add_action_item(session, HIDDEN, actor, SECRET, actor.user_id)
        commands.resolve(session, HIDDEN, actor, SECRET)
        commands.draft_postmortem(session, HIDDEN, actor)
    return actor


def addresses(app: Flask, reference: str) -> Iterator[tuple[str, str, str]]:
    """Yield `(endpoint, method, address)` of everything that the app answers to."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        names = list(FORMS) if "name" in rule.arguments and "reference" in rule.arguments else [""]
        for name in names:
            parts = {part: PARTS[part] for part in rule.arguments}
            parts |= {"reference": reference} if "reference" in parts else {}
            parts |= {"name": name} if name else {}
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule.endpoint, method, adapter.build(rule.endpoint, parts, method)


_ITS_OWN = {"Content-Length", "Set-Cookie", "X-Request-Id"}


def said(answer: TestResponse, reference: str) -> str:
    """Return all that an answer says, but for what is new in each and the name that was asked for."""
    text = re.sub(r'name="(csrf_token|request_key)" value="[^"]*"', "", answer.text)
    headers = sorted((k, v) for k, v in answer.headers if k not in _ITS_OWN)
    return re.sub(re.escape(reference), "INC-n", f"{answer.status} {headers} {text}", flags=re.I)


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize("role", [Role.VIEWER, Role.RESPONDER])
def test_every_address_answers_as_if_it_were_not_there(
    app: Flask, signed_in: Callable[[Role], FlaskClient], role: Role
) -> None:
    person = signed_in(role)
    hidden, missing = (list(addresses(app, reference)) for reference in (HIDDEN, MISSING))
    walked = 0
    for (endpoint, method, address), (_, _, nowhere) in zip(hidden, missing, strict=True):
        if endpoint in LEAVES or PERMISSIONS[endpoint] is Access.PUBLIC:
            continue
        answer = person.open(address, method=method)
        assert SECRET not in answer.text, (method, address)
        if address != nowhere:
            walked += 1
            assert answer.status_code in {403, 404}, (method, address)
            assert said(answer, HIDDEN) == said(person.open(nowhere, method=method), MISSING)
    assert walked > 20


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize("name", NAMES)
def test_no_way_of_writing_its_reference_finds_it(
    signed_in: Callable[[Role], FlaskClient], name: str
) -> None:
    person = signed_in(Role.RESPONDER)
    assert person.get(f"/incidents/{name}").status_code == 404
    for address in (f"/?q={name}", f"/incidents.csv?q={name}"):
        answer = person.get(address)
        assert answer.status_code == 200
        assert SECRET not in answer.text


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize(
    "query", ["q=payroll", "status=resolved", "severity=P1", "service=payments", "before=9", ""]
)
def test_no_list_search_or_file_has_it(
    signed_in: Callable[[Role], FlaskClient], query: str
) -> None:
    person = signed_in(Role.VIEWER)
    for address in ("/", "/incidents.csv", "/incidents/cards"):
        answer = person.get(f"{address}?{query}")
        assert answer.status_code == 200
        assert SECRET not in answer.text
        assert "INC-1" not in answer.text


def test_what_a_declaration_would_do_is_the_same_with_and_without_it(
    app: Flask, signed_in: Callable[[Role], FlaskClient], request: pytest.FixtureRequest
) -> None:
    person = signed_in(Role.RESPONDER)
    asked = "/incidents/new/preview?severity=P1&service=payments"
    before = person.get(asked).text
    assert re.search(r"#inc-\d{8}-payments<", before)
    request.getfixturevalue("commander")
    assert person.get(asked).text == before
    assert re.search(r"#inc-\d{8}-…<", person.get(f"{asked}&is_private=1").text)
    with app.app_context():
        hidden = db.session().query(Incident).one()
        assert re.fullmatch(r"inc-\d{8}-[a-z]{6}", hidden.slack_channel_name)


def test_its_people_and_admins_see_it_marked(
    app: Flask, commander: Actor, signed_in: Callable[[Role], FlaskClient]
) -> None:
    person, admin = signed_in(Role.RESPONDER), signed_in(Role.ADMIN)
    assert person.get("/incidents/INC-1").status_code == 404
    with app.app_context():
        session = db.session()
        user = session.query(User).filter_by(email="responder@example.com").one()
        people.add_person(session, HIDDEN, commander, user.id, "responder")
    for somebody in (person, admin):
        for address in ("/", "/incidents/INC-1", "/incidents.csv"):
            assert SECRET in somebody.get(address).text, address
        assert ">Private<" in somebody.get("/").text
    with app.app_context():
        people.remove_person(db.session(), HIDDEN, commander, user.id)
    assert person.get("/incidents/INC-1").status_code == 404


# Every sub-command, as somebody would type it with a reference.
TYPED = (
    "status {} hello",
    "status {} identified hello",
    "severity {} P2",
    "resolved {}",
    "reopen {} why",
    "cancel {} why",
    "commander {} @bob",
    "takeover {} why",
    "note {} text",
    "timeline {}",
    "postmortem {}",
    "show {}",
)


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize("typed", TYPED)
def test_every_slack_command_answers_as_if_it_were_not_there(
    client: FlaskClient, typed: str
) -> None:
    answer, nowhere = (
        send(client, slash(typed.format(reference), user="U0BOB")).text
        for reference in (HIDDEN, MISSING)
    )
    assert "There is no incident" in answer
    assert SECRET not in answer
    assert answer.replace(HIDDEN, "INC-n") == nowhere.replace(MISSING, "INC-n")


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize("typed", ["", "list", "help"])
def test_no_slack_list_has_it(
    app: Flask, client: FlaskClient, commander: Actor, typed: str
) -> None:
    with app.app_context():
        commands.reopen(db.session(), HIDDEN, commander, "again")
    assert SECRET not in send(client, slash(typed, user="U0BOB")).text


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize(
    "callback_id, values",
    [
        ("post_update", {"message": "hello", "status": "no_change"}),
        ("change_severity", {"severity": "P2", "reason": ""}),
        ("resolve", {"message": ""}),
        ("reopen", {"reason": "why"}),
        ("hand_over", {"commander": "U0BOB"}),
        ("take_over", {"reason": "why"}),
    ],
)
def test_every_slack_form_answers_as_if_it_were_not_there(
    client: FlaskClient, callback_id: str, values: dict[str, str]
) -> None:
    answer, nowhere = (
        send(client, submission(callback_id, values, user="U0BOB", reference=reference)).text
        for reference in (HIDDEN, MISSING)
    )
    assert "There is no incident" in answer
    assert answer.replace(HIDDEN, "INC-n") == nowhere.replace(MISSING, "INC-n")


@pytest.mark.usefixtures("commander")
@pytest.mark.parametrize("action_id", [*BUTTONS, "draft_postmortem"])
def test_every_slack_button_answers_as_if_it_were_not_there(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, action_id: str
) -> None:
    shown: list[str] = []
    for method in ("views_open", "chat_postEphemeral"):
        monkeypatch.setattr(
            WebClient, method, lambda _self, **given: shown.append(str(given.get("view", given)))
        )
    for reference in (HIDDEN, MISSING):
        payload = {
            "type": "block_actions",
            "user": {"id": "U0BOB", "username": "bob"},
            "team": {"id": "T0TEAM"},
            "channel": {"id": "C0GENERAL"},
            "trigger_id": f"trigger-{reference}",
            "actions": [
                {
                    "type": "button",
                    "action_id": action_id,
                    "block_id": f"actions:{reference}",
                    "value": reference,
                }
            ],
        }
        assert send(client, urlencode({"payload": json.dumps(payload)})).status_code == 200
    hidden, missing = shown
    assert "There is no incident" in hidden
    assert hidden.replace(HIDDEN, "INC-n") == missing.replace(MISSING, "INC-n")
