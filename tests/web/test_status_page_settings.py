"""Settings, Status page: what an admin sees and does there."""

import re
from collections.abc import Callable
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from incidentbot import clock
from incidentbot.audit.models import AuditEntry
from incidentbot.extensions import db
from incidentbot.status_pages.models import Maintenance, MaintenanceStatus, PublicService
from incidentbot.status_pages.settings import get_page_settings
from incidentbot.users.models import Role
from tests.status_pages.shown import show, switch_on

SignIn = Callable[[Role], FlaskClient]
HERE = "/settings/status-page"
PAGE = {
    "is_on": "1",
    "title": "Acme status",
    "about": "",
    "host": "",
    "time_zone": "UTC",
    "weight": "30",
}


def seen_in(text: str, form: str) -> str:
    """Return what a form says its reader has seen."""
    found = re.search(rf'action="{form}".*?name="seen" value="(\w+)"', text, re.DOTALL)
    assert found
    return found[1]


def save_page(admin: FlaskClient, **changed: str) -> object:
    seen = seen_in(admin.get(HERE).text, HERE)
    return admin.post(HERE, data={**PAGE, "seen": seen, **changed}, follow_redirects=True)


def test_an_admin_switches_the_page_on_and_it_is_audited(app: Flask, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    assert "off: nobody sees anything of it" in admin.get(HERE).text
    assert app.test_client().get("/status").status_code == 404
    answer = save_page(admin, about="All of it.", time_zone="Europe/Berlin")
    assert "The status page is saved." in answer.text
    assert "All of it." in app.test_client().get("/status").text
    with app.app_context():
        entry = db.session().scalars(
            select(AuditEntry).where(AuditEntry.action == "edit_status_page")
        )
        (only,) = entry.all()
        assert (only.before["is_on"], only.after["is_on"]) == (False, True)


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    for field, typed in (
        ("title", " "),
        ("host", "not a host/path"),
        ("host", "localhost"),
        ("time_zone", "Mars/Olympus"),
        ("weight", "101"),
        ("weight", "-1"),
    ):
        answer = save_page(admin, **{field: typed, "about": "Typed before."})
        assert answer.status_code == 422, (field, typed)
        assert f'id="{field}-error"' in answer.text, (field, typed)
        assert "Typed before." in answer.text
        assert typed in answer.text


def test_the_apps_own_address_cannot_be_the_pages(app: Flask, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    app.extensions["settings"] = app.extensions["settings"].model_copy(
        update={"base_url": "https://incidents.acme.example"}
    )
    answer = save_page(admin, host="incidents.acme.example")
    assert "That is where incidentbot itself is" in answer.text


def test_who_was_slower_is_told_and_sees_what_it_says_now(app: Flask, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    old = seen_in(admin.get(HERE).text, HERE)
    save_page(admin, title="Quicker")
    answer = admin.post(HERE, data={**PAGE, "title": "Slower", "seen": old})
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text
    assert "<dd" in answer.text
    assert "Quicker" in answer.text
    with app.app_context():
        assert get_page_settings(db.session()).title == "Quicker"


def test_services_are_shown_under_public_names_and_hidden_again(
    app: Flask, signed_in: SignIn
) -> None:
    admin = signed_in(Role.ADMIN)
    save_page(admin)
    data = {"service": ["1", "2"], "shown-1": "1", "name-1": "Cards", "group-1": "Shop"}
    seen = seen_in(admin.get(HERE).text, f"{HERE}/services")
    admin.post(f"{HERE}/services", data={**data, "position-1": "3", "seen": seen})
    page = app.test_client().get("/status").text
    assert "Cards" in page
    assert "Shop" in page
    assert "search" not in page
    seen = seen_in(admin.get(HERE).text, f"{HERE}/services")
    bad = admin.post(f"{HERE}/services", data={**data, "name-1": "", "seen": seen})
    assert bad.status_code == 422
    assert 'id="name-1-error"' in bad.text
    admin.post(f"{HERE}/services", data={"service": ["1", "2"], "seen": seen})
    with app.app_context():
        assert db.session().scalars(select(PublicService)).all() == []
    assert "Cards" not in app.test_client().get("/status").text


def test_maintenance_is_scheduled_changed_and_called_off(app: Flask, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    with app.app_context():
        switch_on(db.session(), time_zone="Europe/Berlin")
        show(db.session())
    year = clock.now().year + 2
    data = {
        "title": "Upgrade",
        "body": "Search is slow.",
        "starts_at": f"{year}-07-01T10:00",
        "ends_at": f"{year}-07-01T11:00",
        "services": "2",
    }
    bad = admin.post(f"{HERE}/maintenance/new", data={**data, "starts_at": "soon"})
    assert bad.status_code == 422
    assert 'id="starts_at-error"' in bad.text
    assert "Search is slow." in bad.text
    for field in ("starts_at", "ends_at"):
        far = admin.post(f"{HERE}/maintenance/new", data={**data, field: "9999-12-31T23:59"})
        assert far.status_code == 422
        assert (
            f'id="{field.replace("_", "-")}-error"' in far.text or f'id="{field}-error"' in far.text
        )
    admin.post(f"{HERE}/maintenance/new", data=data)
    status = app.test_client().get("/status").text
    assert "Scheduled maintenance" in status
    assert f"1 Jul {year}, 10:00 CEST" in status
    form = admin.get(f"{HERE}/maintenance/1").text
    assert f'value="{year}-07-01T10:00"' in form
    seen = seen_in(form, f"{HERE}/maintenance/1")
    changed = {**data, "title": "Great upgrade", "seen": seen}
    assert admin.post(f"{HERE}/maintenance/1", data=changed).status_code == 302
    assert admin.post(f"{HERE}/maintenance/1", data=changed).status_code == 409
    assert "Great upgrade" in app.test_client().get("/status").text
    off = admin.post(f"{HERE}/maintenance/1/end", follow_redirects=True)
    assert "The maintenance is called off." in off.text
    assert "is over" in admin.post(f"{HERE}/maintenance/1/end", follow_redirects=True).text
    assert "Called off" in admin.get(HERE).text
    with app.app_context():
        assert db.session().get_one(Maintenance, 1).status is MaintenanceStatus.COMPLETED
    assert "This maintenance is over" in admin.get(f"{HERE}/maintenance/1").text
    late = admin.post(f"{HERE}/maintenance/1", data={**changed, "body": "It takes longer."})
    assert late.status_code == 409
    assert "This maintenance is over." in late.text
    assert "save again" not in late.text
    assert re.search(r'id="unsent-body"[^>]*readonly[^>]*>\nIt takes longer.<', late.text)
    assert admin.get(f"{HERE}/maintenance/99").status_code == 404


def test_the_badge_can_be_embedded_from_what_stands_there(app: Flask, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    save_page(admin, host="status.acme.example")
    with app.app_context():
        show(db.session())
    text = admin.get(HERE).text
    assert "http://status.acme.example:8000/status/badge.svg" in text
    assert len(re.findall(r"/status/badge/\w{12}\.svg", text)) == 2


def test_a_title_with_signs_in_it_breaks_no_badge(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    save_page(admin, title='Acme "live" [status] <now>')
    shown = [
        unescape(text) for text in re.findall(r"readonly>(.*?)</textarea>", admin.get(HERE).text)
    ]
    html, markdown = shown
    assert 'alt="Acme &#34;live&#34; [status] &lt;now&gt;" height' in html
    assert markdown.startswith(r'[![Acme "live" \[status\] \<now\>](http')


def test_an_address_that_is_not_subscribed_is_said_so(signed_in: SignIn) -> None:
    answer = signed_in(Role.ADMIN).post(
        f"{HERE}/subscribers/remove", data={"email": "kim@example.com"}
    )
    assert answer.status_code == 422
    assert "This address is not subscribed." in answer.text
