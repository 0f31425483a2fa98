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
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import LinkPurpose, Role, SignInLink, User
from incidentbot.users.people import add_slack_person

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


def test_an_invitation_sent_twice_is_made_once_and_the_second_says_so(
    app: Flask, admin: FlaskClient
) -> None:
    form = {"email": "lin@example.com", "role": "viewer", "request_key": "k1"}
    assert admin.post("/settings/members/invite", data=form).status_code == 200
    answer = admin.post("/settings/members/invite", data=form, follow_redirects=True)
    assert answer.request.full_path == "/settings/members?q=lin@example.com"
    assert "That form was sent before" in answer.text
    other = {**form, "email": "other@example.com"}
    assert admin.post("/settings/members/invite", data=other).status_code == 302
    with app.app_context():
        assert db.session().query(SignInLink).filter_by(purpose="invitation").count() == 1


def test_an_invitation_without_an_address_asks_for_one(admin: FlaskClient) -> None:
    answer = admin.post("/settings/members/invite", data={"email": "", "role": "viewer"})
    assert "Write an e-mail address." in answer.text


def test_an_admin_who_makes_themselves_viewer_is_asked_and_lands_where_they_may_look(
    app: Flask, admin: FlaskClient
) -> None:
    with app.app_context():
        invite(db.session(), "other@example.com", Role.ADMIN)
    path = f"/settings/members/{number_of(app, 'admin@example.com')}/role"
    asked = admin.post(path, data={"role": "viewer"})
    assert asked.status_code == 409
    assert "You would not be an admin any more" in asked.text
    assert '<option value="viewer" selected>' in asked.text
    assert 'name="sure" value="yes"' in asked.text
    landed = admin.post(path, data={"role": "viewer", "sure": "yes"}, follow_redirects=True)
    assert (landed.status_code, landed.request.path) == (200, "/")
    assert "You are a viewer now." in landed.text


def test_an_admin_who_closes_their_own_account_is_asked_first(
    app: Flask, admin: FlaskClient
) -> None:
    with app.app_context():
        invite(db.session(), "other@example.com", Role.ADMIN)
    path = f"/settings/members/{number_of(app, 'admin@example.com')}/deactivate"
    assert "You would be signed out" in admin.post(path).text
    landed = admin.post(path, data={"sure": "yes"}, follow_redirects=True)
    assert (landed.status_code, landed.request.path) == (200, "/sign-in")
    assert "Your account is closed." in landed.text


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


def test_a_link_for_who_has_no_address_signs_them_in_and_asks_for_no_password(
    app: Flask, admin: FlaskClient
) -> None:
    with app.app_context():
        session = db.session()
        ken = add_slack_person(session, "U0KEN0000A", "Ken Alvarez")
        session.commit()
        number = ken.id
        reset = make_sign_in_secret(session, ken, LinkPurpose.RESET)
    page = admin.post(f"/settings/members/{number}/show-link").text
    assert "for 24 hours" in page
    assert "without a password" in page
    secret = re.search(r"/sign-in/([\w-]+)</code>", page)
    assert secret is not None
    for link, landing in ((secret[1], "/"), (reset, "/password")):
        theirs = app.test_client()
        assert theirs.post(f"/sign-in/{link}").location == landing
        assert theirs.get("/password").location == "/"
        assert theirs.get("/").status_code == 200


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


def test_a_viewer_ticks_off_their_own_item_on_my_page_and_on_the_incidents(
    app: Flask, signed_in: SignIn
) -> None:
    client = signed_in(Role.VIEWER)
    signed_in(Role.RESPONDER)
    with app.app_context():
        session = db.session()
        ada = session.get_one(User, number_of(app, "responder@example.com"))
        by = actor_for(ada, Door.WEB, "x")
        commands.declare(session, Declaration("Checkout", "P3", "payments"), by)
        for text in ("Mine", "Also mine"):
            owner = number_of(app, "viewer@example.com")
            add_action_item(session, "INC-1", by, text, owner, "")
        add_action_item(session, "INC-1", by, "Somebody's", ada.id, "")
    mine, also_mine, others = 1, 2, 3
    assert client.post(f"/me/action-items/INC-1/{mine}").location == "/me"
    page = client.get("/incidents/INC-1").text
    assert (f'id="item-{also_mine}"' in page, f'id="item-{others}"' in page) == (True, False)
    refused = client.post(f"/me/action-items/INC-1/{others}")
    assert refused.status_code == 403
    assert "Viewers cannot tick off action items." in refused.text
    assert "My action items" in refused.text


def test_the_same_form_with_other_choices_is_asked_for_again(signed_in: SignIn) -> None:
    client = signed_in(Role.VIEWER)
    form = {"name": "Vera", "theme": "dark", "direct_messages": "all", "request_key": "k1"}
    assert client.post("/me/preferences", data=form).location == "/me"
    assert client.post("/me/preferences", data=form).location == "/me"
    again = client.post("/me/preferences", data={**form, "theme": "light"})
    assert again.status_code == 409
    assert "This form was sent once already" in again.text
    assert 'value="light" checked' in again.text
    assert 'name="request_key" value="k1"' not in again.text


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
