"""The settings' pages: what is wrong is said at its field, nothing typed is lost, others stay outside."""

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from incidentbot.extensions import db
from incidentbot.incidents.models import Service, SeveritySetting, Template
from incidentbot.routing.models import RoutingRule
from incidentbot.users.models import Role, User
from incidentbot.users.people import add_slack_person

SignIn = Callable[[Role], FlaskClient]
HOSTILE = "\"><img src=x onerror=alert(1)>'{{7*7}}"
SHOWN = "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;{{7*7}}"


@pytest.fixture
def admin(signed_in: SignIn) -> FlaskClient:
    return signed_in(Role.ADMIN)


@pytest.fixture
def ken(app: Flask) -> int:
    """Somebody known from Slack."""
    with app.app_context():
        user = add_slack_person(db.session(), "U0KEN0000A", "Ken Alvarez")
        db.session.commit()
        return user.id


def value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" (?:[a-z]+="[^"]*" )*value="([^"]*)"', page)
    found = found or re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found is not None, (name, page)
    return html.unescape(found[1])


def error_at(answer: TestResponse, field: str) -> str:
    """Return what is said at a field, which the page must mark as wrong."""
    assert answer.status_code == 422, answer.text
    assert re.search(
        rf'<(input|select|textarea)[^>]*id="{field}"[^>]*aria-invalid="true"', answer.text
    )
    found = re.search(rf'id="{field}-error">([^<]+)<', answer.text)
    assert found is not None, answer.text
    return html.unescape(found[1])


def test_the_settings_begin_with_the_services(admin: FlaskClient) -> None:
    assert admin.get("/settings").location == "/settings/services"
    page = admin.get("/settings/services").text
    assert 'aria-current="page">Services</a>' in page
    for title in ("Severities", "Routing", "Templates", "Slack", "Deliveries", "Audit log"):
        assert f">{title}</a>" in page


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RESPONDER])
def test_others_are_told_whom_to_ask_and_see_no_link(signed_in: SignIn, role: Role) -> None:
    person = signed_in(role)
    answer = person.get("/settings/routing")
    assert answer.status_code == 403
    assert "Only an admin can do that." in answer.text
    assert "Ask" in answer.text
    assert 'href="/settings"' not in person.get("/").text


# ---- services -----------------------------------------------------------------------------------


def test_a_service_is_added_renamed_and_archived(app: Flask, admin: FlaskClient, ken: int) -> None:
    form = admin.get("/settings/services/new").text
    key = value(form, "request_key")
    fields = {"name": "Mobile app", "owners": [str(ken)], "request_key": key}
    for _ in range(2):  # a double click
        assert admin.post("/settings/services/new", data=fields).status_code == 302
    listed = admin.get("/settings/services").text
    assert "The service is added" in listed
    assert listed.count(">Mobile app</a>") == 1
    assert "Ken Alvarez" in listed
    with app.app_context():
        service_id = db.session.scalars(
            select(Service.id).where(Service.slug == "mobile-app")
        ).one()
    edit = f"/settings/services/{service_id}"
    page = admin.get(edit).text
    assert re.search(rf'id="owner-1" value="{ken}" checked', page)
    renamed = {"name": "Apps", "seen": value(page, "seen"), "request_key": "another"}
    assert admin.post(edit, data=renamed).status_code == 302
    assert "Nobody" in admin.get("/settings/services").text
    assert admin.post(f"{edit}/archive").status_code == 302
    assert "Archived" in admin.get("/settings/services").text
    assert "Apps" not in admin.get("/incidents/new").text
    assert admin.post(f"{edit}/unarchive").status_code == 302
    assert "Apps" in admin.get("/incidents/new").text


def test_a_service_that_is_not_there_is_not_said_to_be_archived(admin: FlaskClient) -> None:
    assert admin.post("/settings/services/999/archive").status_code == 302
    page = admin.get("/settings/services").text
    assert re.search(r'alert-warning" role="alert" dir="auto">There is no such service', page)
    assert "is archived" not in page


def test_a_service_without_a_name_keeps_what_was_ticked(admin: FlaskClient, ken: int) -> None:
    answer = admin.post("/settings/services/new", data={"name": "  ", "owners": [str(ken)]})
    assert "write something" in error_at(answer, "name")
    assert re.search(rf'id="owner-1" value="{ken}" checked', answer.text)


def test_an_owner_who_is_nobody_is_refused(admin: FlaskClient) -> None:
    answer = admin.post("/settings/services/new", data={"name": "Apps", "owners": ["x", "999"]})
    assert answer.status_code == 422
    assert 'id="owners-error">Nobody known here is called “x”.' in answer.text
    assert 'value="Apps"' in answer.text


def test_who_was_overtaken_sees_both_and_may_go_on(app: Flask, admin: FlaskClient) -> None:
    page = admin.get("/settings/services/1").text
    seen = value(page, "seen")
    admin.post("/settings/services/1", data={"name": "Theirs", "seen": seen})
    answer = admin.post("/settings/services/1", data={"name": "Mine", "seen": seen})
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text
    assert "Theirs" in answer.text
    assert value(answer.text, "name") == "Mine"
    again = {"name": "Mine", "seen": value(answer.text, "seen")}
    assert admin.post("/settings/services/1", data=again).status_code == 302
    with app.app_context():
        assert db.session.get_one(Service, 1).name == "Mine"


# ---- severities ---------------------------------------------------------------------------------


def test_new_words_are_read_on_the_declare_form_and_can_be_reset(
    app: Flask, admin: FlaskClient
) -> None:
    page = admin.get("/settings/severities").text
    assert "Reset" not in page
    fields = {"meaning": "The shop is down", "minutes": "15", "seen": value(page, "seen")}
    assert admin.post("/settings/severities/P1", data=fields).status_code == 302
    assert "The shop is down" in admin.get("/incidents/new").text
    page = admin.get("/settings/severities").text
    assert "Reset" in page
    reset = {"seen": value(page, "seen")}
    assert admin.post("/settings/severities/P1/reset", data=reset).status_code == 302
    assert "The shop is down" not in admin.get("/incidents/new").text
    with app.app_context():
        assert db.session.scalars(select(SeveritySetting)).all() == []


def test_what_is_wrong_with_a_severity_is_said_at_its_own_field(admin: FlaskClient) -> None:
    seen = value(admin.get("/settings/severities").text, "seen")
    fields = {"meaning": HOSTILE, "minutes": "soon", "seen": seen}
    answer = admin.post("/settings/severities/P2", data=fields)
    assert "number of minutes" in error_at(answer, "p2-minutes")
    assert SHOWN in answer.text
    assert HOSTILE not in answer.text
    assert admin.post("/settings/severities/P9", data=fields).status_code == 404


# ---- templates ----------------------------------------------------------------------------------


def test_a_template_is_added_changed_and_deleted(app: Flask, admin: FlaskClient) -> None:
    fields = {"name": "Disk full", "title": "A disk is full", "severity": "P3", "service": ""}
    assert admin.post("/settings/templates/new", data=fields).status_code == 302
    with app.app_context():
        added = db.session.scalars(select(Template).where(Template.name == "Disk full")).one().id
    edit = f"/settings/templates/{added}"
    page = admin.get(edit).text
    changed = {**fields, "title": "No space left", "seen": value(page, "seen")}
    assert admin.post(edit, data=changed).status_code == 302
    assert "No space left" in admin.get("/settings/templates").text
    seen = value(admin.get(edit).text, "seen")
    assert admin.post(f"{edit}/delete", data={"seen": seen}).status_code == 302
    assert "Disk full" not in admin.get("/settings/templates").text
    assert admin.get(edit).status_code == 404


@pytest.mark.parametrize(
    "field, wrong", [("name", ""), ("title", ""), ("severity", "P9"), ("service", "nonsense")]
)
def test_what_is_wrong_with_a_template_is_said_at_its_field(
    admin: FlaskClient, field: str, wrong: str
) -> None:
    fields = {"name": "Disk full", "title": HOSTILE, "severity": "P3", "summary": HOSTILE}
    answer = admin.post("/settings/templates/new", data={**fields, field: wrong})
    assert error_at(answer, field)
    assert HOSTILE not in answer.text
    assert SHOWN in answer.text


def test_what_was_typed_into_a_template_that_is_gone_is_shown(admin: FlaskClient) -> None:
    seen = value(admin.get("/settings/templates/1").text, "seen")
    assert admin.post("/settings/templates/1/delete", data={"seen": seen}).status_code == 302
    fields = {"name": "Disk", "title": "Full", "severity": "P3", "summary": HOSTILE, "seen": seen}
    answer = admin.post("/settings/templates/1", data=fields)
    assert answer.status_code == 404
    assert "There is no such template" in answer.text
    assert SHOWN in answer.text
    assert HOSTILE not in answer.text


def test_a_template_that_somebody_changed_is_not_deleted(admin: FlaskClient) -> None:
    answer = admin.post("/settings/templates/1/delete", data={"seen": "old"})
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text


# ---- routing ------------------------------------------------------------------------------------


def test_a_rule_is_added_changed_and_deleted(app: Flask, admin: FlaskClient, ken: int) -> None:
    form = admin.get("/settings/routing/new?severity=P2&kind=person").text
    assert "Ken Alvarez" in form
    fields = {
        "kind": "person",
        "person": str(ken),
        "severity": "P2",
        "service": "payments",
        "moments": ["start", "update"],
    }
    assert admin.post("/settings/routing/new", data=fields).status_code == 302
    page = admin.get("/settings/routing?severity=P2&service=payments").text
    assert page.count("Direct message to Ken Alvarez") == 2  # at the start and at each update
    other = admin.get("/settings/routing/preview?severity=P2&service=search").text
    assert "Ken Alvarez" not in other
    with app.app_context():
        rule_id = db.session.scalars(
            select(RoutingRule.id).where(RoutingRule.target == "U0KEN0000A")
        ).one()
    edit = f"/settings/routing/{rule_id}"
    page = admin.get(edit).text
    assert value(page, "person") == "Ken Alvarez (U0KEN0000A)"
    calmer = {**fields, "moments": ["end"], "seen": value(page, "seen")}
    assert admin.post(edit, data=calmer).status_code == 302
    seen = value(admin.get(edit).text, "seen")
    assert admin.post(f"{edit}/delete", data={"seen": "old"}).status_code == 409
    assert admin.post(f"{edit}/delete", data={"seen": seen}).status_code == 302
    assert admin.get(edit).status_code == 404


@pytest.mark.parametrize(
    "field, wrong",
    [("channel", HOSTILE), ("severity", ""), ("service", "nonsense")],
)
def test_what_is_wrong_with_a_rule_is_said_at_its_field(
    admin: FlaskClient, field: str, wrong: str
) -> None:
    fields = {"kind": "channel", "channel": "#ops", "severity": "P2", "moments": ["start"]}
    answer = admin.post("/settings/routing/new", data={**fields, field: wrong})
    assert error_at(answer, field)
    assert HOSTILE not in answer.text


def test_a_rule_that_tells_of_nothing_is_refused(admin: FlaskClient) -> None:
    fields = {"kind": "channel", "channel": "#ops", "severity": "P2"}
    answer = admin.post("/settings/routing/new", data=fields)
    assert answer.status_code == 422
    assert 'id="moments-error">Choose at least one moment' in answer.text


def test_nobody_is_chosen_where_a_person_is_needed(admin: FlaskClient) -> None:
    fields = {"kind": "person", "person": "", "severity": "P2", "moments": ["start"]}
    answer = admin.post("/settings/routing/new", data=fields)
    assert "Write the name of a person" in error_at(answer, "person")


def test_the_preview_names_who_asked_to_be_spared(app: Flask, admin: FlaskClient, ken: int) -> None:
    fields = {"kind": "person", "person": str(ken), "severity": "P2", "moments": ["start"]}
    admin.post("/settings/routing/new", data=fields)
    with app.app_context():
        db.session.get_one(User, ken).direct_messages = "none"
        db.session.commit()
    page = admin.get("/settings/routing/preview?severity=P2&service=payments").text
    assert "Not told by their own choice: Ken Alvarez" in page


# ---- Slack --------------------------------------------------------------------------------------


def test_slack_that_is_away_is_said_and_the_manifest_is_there(admin: FlaskClient) -> None:
    page = admin.get("/settings/slack").text
    assert "https://api.slack.com/apps?new_app=1&amp;manifest_json=" in page
    assert "&#34;chat:write&#34;" in page
    answer = admin.post("/settings/slack")
    assert answer.status_code == 200
    assert "Slack cannot be reached" in answer.text
    part = admin.post("/settings/slack", headers={"HX-Request": "true"}).text
    assert "Slack cannot be reached" in part
    assert "<html" not in part
