"""The members page, and one's own page."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from incidentbot.database import now, write_transaction
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.action_items import add_action_item
from incidentbot.incidents.commands import Declaration
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.models import Role, User

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture
def admin(signed_in: SignIn) -> FlaskClient:
    return signed_in(Role.ADMIN)


def test_without_mail_an_invitation_is_a_link_to_hand_over(app: Flask, admin: FlaskClient) -> None:
    form = {"email": "Lin@example.com", "name": "Lin Clark", "role": "responder"}
    answer = admin.post("/settings/members/invite", data=form)
    found = re.search(r"http://localhost:8000(/sign-in/[\w-]+)", answer.text)
    assert found
    assert found[1] not in admin.get(f"/settings/members/{number_of(app, 'lin@example.com')}").text
    assert app.test_client().post(found[1]).location == "/password"


def test_a_wrong_invitation_is_told_at_its_field_and_keeps_what_was_typed(
    admin: FlaskClient,
) -> None:
    answer = admin.post(
        "/settings/members/invite", data={"email": "nonsense", "name": "Zoë", "role": "viewer"}
    )
    assert answer.status_code == 422
    assert "is no e-mail address" in answer.text
    assert 'value="Zoë"' in answer.text
    assert 'id="email-error"' in answer.text


def test_the_last_admin_reads_why_they_cannot_leave(app: Flask, admin: FlaskClient) -> None:
    mine = number_of(app, "admin@example.com")
    for path, data in (("role", {"role": "viewer"}), ("deactivate", {})):
        answer = admin.post(f"/settings/members/{mine}/{path}", data=data)
        assert answer.status_code == 409
        assert "is the last admin. Make somebody else admin first." in answer.text


def test_five_thousand_people_are_paged_and_searched(app: Flask, admin: FlaskClient) -> None:
    with app.app_context():
        session = db.session()
        with write_transaction(session):
            at = now(session)
            session.add_all(
                User(name=f"Person {n:04}", email=f"p{n}@example.com", created_at=at)
                for n in range(5000)
            )
        queries: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
    page = admin.get("/settings/members").text
    assert len(queries) <= 12
    assert page.count('<th scope="row">') == 50
    more = re.search(r'href="(/settings/members\?name=[^"]+)"', page)
    assert more
    second = admin.get(more[1].replace("&amp;", "&")).text
    assert not set(re.findall("Person [0-9]+", page)) & set(re.findall("Person [0-9]+", second))
    assert "Person 4321" in admin.get("/settings/members?q=p4321@").text
    assert "Nobody is called that" in admin.get("/settings/members?q=xyzzy").text


def test_my_page_shows_what_is_on_my_hands(app: Flask, signed_in: SignIn) -> None:
    client = signed_in(Role.RESPONDER)
    with app.app_context():
        session = db.session()
        me = session.get_one(User, number_of(app, "responder@example.com"))
        mine = actor_for(me, Door.WEB, "x")
        declared = commands.declare(session, Declaration("Checkout", "P3", "payments"), mine)
        reference = declared.incident.reference
        add_action_item(session, reference, mine, "Write it down", mine.user_id, "2026-12-31")
    page = client.get("/me").text
    assert "Checkout" in page
    assert "Write it down" in page
    action = re.search(r'action="(/me/action-items/[^"]+)"', page)
    assert action
    assert client.post(action[1]).location == "/me"
    assert "Write it down" not in client.get("/me").text
    assert "None is open. On an incident" in client.get("/me").text


def test_my_choices_are_kept_and_change_every_page(signed_in: SignIn) -> None:
    client = signed_in(Role.VIEWER)
    form = {
        "name": "Vera",
        "time_zone": "Asia/Tokyo",
        "theme": "dark",
        "direct_messages": "none",
    }
    assert client.post("/me/preferences", data=form).location == "/me"
    home = client.get("/").text
    assert 'data-theme="dark"' in home
    assert 'data-time-zone="Asia/Tokyo"' in home
    wrong = client.post("/me/preferences", data={**form, "time_zone": "Mars", "name": "V"})
    assert wrong.status_code == 422
    assert 'value="Mars"' in wrong.text
    assert 'id="time-zone-error"' in wrong.text


def number_of(app: Flask, email: str) -> int:
    with app.app_context():
        return db.session().query(User).filter_by(email=email).one().id
