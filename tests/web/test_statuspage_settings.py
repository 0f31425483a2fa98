"""Settings, Statuspage, and the customers' panel: what people see and may do. Calls are in the scenarios."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.extensions import db
from incidentbot.incidents.commands import Declaration, declare
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import Connection, SeenComponent
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from incidentbot.web.settings import statuspage
from tests.installation import install
from tests.status_pages.shown import map_components

SignIn = Callable[[Role], FlaskClient]
SETTINGS = "/settings/statuspage"
TEXTS = {
    "publication": "automatic",
    "impact": "minor",
    "title": "{service} is slow",
    "opening": "We look.",
    "identified": "We know.",
    "monitoring": "We watch.",
    "resolved": "It works.",
}


def connected(app: Flask) -> str:
    """Connect a page that nobody asks, with a component for payments; declare an incident there."""
    with app.app_context():
        session = db.session()
        admin = actor_for(invite(session, "root@example.com", Role.ADMIN), Door.WEB, "192.0.2.7")
        connection.connect(session, admin, Connection("page1", "a-key"), "Acme <b>", "s")
        seen = [SeenComponent("c1", "Cards <b>", ComponentStatus.PARTIAL_OUTAGE)]
        map_components(session, admin, seen, {"c1": "payments"})
        wish = Declaration("Secret title", "P1", "payments")
        return declare(session, wish, admin).incident.reference


def test_before_it_is_connected_there_is_a_form(signed_in: SignIn) -> None:
    page = signed_in(Role.ADMIN).get(SETTINGS).text
    assert "Connect your page" in page
    assert "Changed by hand" not in page


def test_what_is_typed_wrong_is_said_at_its_field(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    answer = admin.post(f"{SETTINGS}/connect", data={"page_id": "no spaces", "api_key": "x"})
    assert answer.status_code == 422
    assert 'id="page-id-error"' in answer.text
    assert 'value="no spaces"' in answer.text
    answer = admin.post(f"{SETTINGS}/connect", data={"page_id": "abc", "api_key": "ключ"})
    assert 'id="api-key-error"' in answer.text
    assert "ключ" not in answer.text, "a key is not shown again"


def test_where_the_environment_names_the_page_there_is_no_form(sqlite_url: str) -> None:
    app = install(sqlite_url, statuspage_api_key="a-key", statuspage_page_id="page9")
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    with app.app_context():
        from incidentbot.users.links import make_sign_in_secret

        admin = invite(db.session(), "root@example.com", Role.ADMIN)
        secret = make_sign_in_secret(db.session(), admin)
    client.post(f"/sign-in/{secret}")
    page = client.get(SETTINGS).text
    assert "page9" in page
    assert "STATUSPAGE_PAGE_ID" in page
    assert "Connect your page" not in page
    assert "a-key" not in page
    assert client.post(f"{SETTINGS}/connect").status_code == 409


def test_a_change_by_hand_is_shown_with_what_can_be_done(app: Flask, signed_in: SignIn) -> None:
    reference = connected(app)
    admin = signed_in(Role.ADMIN)
    page = admin.get(SETTINGS).text
    assert "Cards &lt;b&gt;" in page
    assert "Partial outage" in page
    assert "Major outage" in page
    assert "on Statuspage by hand" in admin.get(f"/incidents/{reference}").text
    assert "Somebody set" in admin.get(f"/incidents/{reference}/customers").text
    leave = re.search(r'action="(/settings/statuspage/components/\d+/leave)"', page)
    assert leave is not None
    assert admin.post(leave[1]).status_code == 302
    assert "on Statuspage by hand" not in admin.get(f"/incidents/{reference}").text
    assert "Somebody set" not in admin.get(f"/incidents/{reference}/customers").text
    assert admin.post(f"{SETTINGS}/components/1/other").status_code == 404


def seen_of(admin: FlaskClient, severity: str) -> str:
    """Return what the form of a severity's rule says its reader has seen."""
    page = admin.get(f"{SETTINGS}/publication").text
    form = page.split(f'action="{SETTINGS}/publication/{severity}"')[1]
    found = re.search(r'name="seen" value="(\w+)"', form)
    assert found is not None
    return found[1]


def test_the_rules_are_edited_and_reset(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    texts = {**TEXTS, "seen": seen_of(admin, "P3")}
    assert admin.post(f"{SETTINGS}/publication/P3", data=texts).status_code == 302
    page = admin.get(f"{SETTINGS}/publication").text
    assert "{service} is slow" in page
    assert "Reset" in page
    wrong = admin.post(f"{SETTINGS}/publication/P3", data={**texts, "title": " "})
    assert wrong.status_code == 422
    assert 'id="p3-title-error"' in wrong.text
    seen = {"seen": seen_of(admin, "P3")}
    assert admin.post(f"{SETTINGS}/publication/P3/reset", data=seen).status_code == 302
    assert "{service} is slow" not in admin.get(f"{SETTINGS}/publication").text
    assert admin.post(f"{SETTINGS}/publication/P9", data=texts).status_code == 404


@pytest.mark.parametrize("act", ["", "/reset"])
def test_who_was_overtaken_in_a_rule_sees_both_texts(signed_in: SignIn, act: str) -> None:
    admin = signed_in(Role.ADMIN)
    old = {"seen": seen_of(admin, "P3")}
    admin.post(f"{SETTINGS}/publication/P3", data={**TEXTS, **old})
    mine = {**TEXTS, **old, "opening": "My own words."}
    answer = admin.post(f"{SETTINGS}/publication/P3{act}", data=mine)
    assert answer.status_code == 409
    assert "What it says now" in answer.text
    assert "We look." in answer.text
    assert "My own words." in answer.text
    again = re.search(r'name="seen" value="(\w+)"', answer.text.split("publication/P3")[1])
    assert again is not None
    mine["seen"] = again[1]
    assert admin.post(f"{SETTINGS}/publication/P3", data=mine).status_code == 302


def test_a_button_pressed_twice_is_no_error(app: Flask, signed_in: SignIn) -> None:
    connected(app)
    admin = signed_in(Role.ADMIN)
    component = re.search(r"/settings/statuspage/components/(\d+)/leave", admin.get(SETTINGS).text)
    assert component is not None
    presses = [
        f"{SETTINGS}/components/{component[1]}/take-over",
        f"{SETTINGS}/components/999/leave",
        f"{SETTINGS}/incidents/999/take-over",
        f"{SETTINGS}/disconnect",
        f"{SETTINGS}/disconnect",
    ]
    for number, address in enumerate(presses):
        for _ in range(2):  # a double click
            assert admin.post(address, data={"request_key": f"k{number}"}).status_code == 302
    page = admin.get(SETTINGS).text
    assert "The page is not connected any more" in page
    for late in ("No page on Statuspage is connected", "Nobody has changed this incident"):
        assert re.search(rf'alert-warning" role="alert" dir="auto">{late}', page)


@pytest.fixture
def on_statuspage(monkeypatch: pytest.MonkeyPatch) -> list[SeenComponent]:
    """Return the components that Statuspage would show, to be changed."""
    shown = [
        SeenComponent("c1", "Cards", ComponentStatus.OPERATIONAL),
        SeenComponent("c2", "Search", ComponentStatus.OPERATIONAL),
    ]
    monkeypatch.setattr(statuspage, "_read_components", lambda _number: (list(shown), False, ""))
    return shown


def test_a_component_that_is_gone_is_named_above_the_others(
    app: Flask, signed_in: SignIn, on_statuspage: list[SeenComponent]
) -> None:
    connected(app)
    admin = signed_in(Role.ADMIN)
    here = f"{SETTINGS}/components"
    seen = re.search(r'name="seen" value="(\w+)"', admin.get(here).text)
    assert seen is not None
    del on_statuspage[0]
    sent = {"service-c1": "search", "service-c2": "search", "seen": seen[1]}
    answer = admin.post(here, data=sent)
    assert answer.status_code == 422
    assert re.search(r'role="alert"[^>]*>Statuspage does not show this component', answer.text)
    assert '<option value="search" selected>' in answer.text, "what was chosen stays"


@pytest.mark.usefixtures("on_statuspage")
def test_a_stale_page_does_not_undo_what_another_admin_mapped(
    app: Flask, signed_in: SignIn
) -> None:
    connected(app)
    admin = signed_in(Role.ADMIN)
    here = f"{SETTINGS}/components"
    seen = re.search(r'name="seen" value="(\w+)"', admin.get(here).text)
    assert seen is not None
    sent = {"service-c1": "payments", "service-c2": "search", "seen": seen[1]}
    assert admin.post(here, data=sent).status_code == 302
    stale = {"service-c1": "payments", "service-c2": "", "seen": seen[1]}
    answer = admin.post(here, data=stale)
    assert answer.status_code == 409
    assert re.search(r'It says now: <span dir="auto">search<', answer.text, re.IGNORECASE)


def test_without_a_status_page_nobody_is_offered_to_tell_customers(
    app: Flask, signed_in: SignIn
) -> None:
    admin = signed_in(Role.ADMIN)
    with app.app_context():
        actor = actor_for(invite(db.session(), "a@example.com", Role.ADMIN), Door.WEB, "")
        declare(db.session(), Declaration("It broke", "P1", "payments"), actor)
    assert "Tell customers" not in admin.get("/incidents/INC-1").text
    page = admin.get("/incidents/INC-1/customers").text
    assert "No status page is switched on or connected" in page
    assert "Publish" not in page


def test_what_customers_would_read_has_no_word_of_the_teams(app: Flask, signed_in: SignIn) -> None:
    reference = connected(app)
    look = signed_in(Role.ADMIN).get(f"/incidents/{reference}/customers").text
    shown = look.split('class="panel as-read"')[1].split("</form>")[0]
    assert "Outage of Cards &lt;b&gt;" in shown
    assert "Secret title" not in shown


def test_a_viewer_reads_what_customers_would_but_cannot_publish(
    app: Flask, signed_in: SignIn
) -> None:
    reference = connected(app)
    viewer = signed_in(Role.VIEWER)
    look = viewer.get(f"/incidents/{reference}/customers").text
    assert "Viewers cannot tell customers" in look
    seen = re.search(r'name="seen" value="(\w+)"', look)
    assert seen is not None
    data = {"public": "Hello", "seen": seen[1]}
    answer = viewer.post(f"/incidents/{reference}/customers", data=data)
    assert answer.status_code == 403
    assert re.search(r'id="public" name="public"[^>]*>\nHello<', answer.text), "the text stays"


def test_a_text_for_customers_is_shown_when_there_is_no_page_for_it_any_more(
    app: Flask, signed_in: SignIn
) -> None:
    reference = connected(app)
    admin = signed_in(Role.ADMIN)
    assert admin.post(f"{SETTINGS}/disconnect").status_code == 302
    data = {"public": "Sorry", "seen": "old", "override_reason": "a test"}
    answer = admin.post(f"/incidents/{reference}/customers", data=data)
    assert answer.status_code in (409, 422)
    assert "Text for customers" in answer.text
    assert "Sorry" in answer.text


def test_a_text_for_customers_that_is_too_long_is_kept_and_said_at_its_field(
    app: Flask, signed_in: SignIn
) -> None:
    reference = connected(app)
    data = {"message": "internal", "public": "x" * 5001, "override_reason": "a test"}
    answer = signed_in(Role.ADMIN).post(f"/incidents/{reference}/update", data=data)
    assert answer.status_code == 422
    assert 'id="update-public-error"' in answer.text
    assert "x" * 5001 in answer.text
