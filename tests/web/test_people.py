"""The field that picks a person, on every page that has one: light with thousands, exact with namesakes."""

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from incidentbot import clock
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.models import Incident, Service
from incidentbot.routing.models import RoutingRule
from incidentbot.users.actor import OPERATOR, Door, actor_for
from incidentbot.users.directory import Entry, store_directory
from incidentbot.users.members import deactivate, invite
from incidentbot.users.models import Role, User
from incidentbot.users.people import add_slack_person

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture
def admin(signed_in: SignIn) -> FlaskClient:
    return signed_in(Role.ADMIN)


@pytest.fixture
def ada(app: Flask) -> int:
    """Ada commands INC-1."""
    with app.app_context():
        user = invite(db.session(), "ada@example.com", Role.RESPONDER, "Ada")
        actor = actor_for(user, Door.WEB, "192.0.2.1")
        commands.declare(db.session(), Declaration("Checkout is down", "P3", "payments"), actor)
        return user.id


@pytest.fixture
def lins(app: Flask) -> list[int]:
    """Two people of one name."""
    with app.app_context():
        return [
            invite(db.session(), email, Role.RESPONDER, "Lin Clark").id
            for email in ("lin@example.com", "lin.clark@example.com")
        ]


def close(app: Flask, user_id: int) -> None:
    with app.app_context():
        deactivate(db.session(), user_id, OPERATOR)


def hire(app: Flask, number: int) -> None:
    """Give so many more people an account."""
    with app.app_context():
        first = db.session().query(User).count()
        many = [
            {"name": f"Person {n}", "email": f"p{n}@example.com", "created_at": clock.now()}
            for n in range(first, first + number)
        ]
        db.session.execute(insert(User), many)
        db.session.commit()


@pytest.mark.usefixtures("ada")
def test_no_page_grows_with_the_people_there_are(app: Flask, admin: FlaskClient) -> None:
    addresses = (
        "/",
        "/incidents/INC-1",
        "/incidents/INC-1/postmortem",
        "/incidents/new",
        "/settings/services/1",
        "/settings/routing/new?kind=person&severity=P1",
        "/settings/audit",
    )
    hire(app, 40)
    few = {address: len(admin.get(address).data) for address in addresses}
    hire(app, 5_000)
    with app.app_context():
        workspace = [
            Entry(f"U{n}", f"n{n}", f"Name {n}", f"n{n}@example.com") for n in range(5_000)
        ]
        store_directory(db.session(), workspace)
    many = {address: len(admin.get(address).data) for address in addresses}
    asks = 200  # bytes of what has HTMX ask as one types
    grown = {address: many[address] - few[address] for address in addresses}
    assert {address: more for address, more in grown.items() if more > asks} == {}


@pytest.mark.usefixtures("ada")
def test_a_page_has_one_list_of_people_for_all_its_fields(admin: FlaskClient) -> None:
    page = admin.get("/incidents/INC-1").text
    assert page.count("<datalist") == 1
    assert page.count('list="people-offered"') == 3
    assert 'data-hx-get="/people' not in page, "everybody is there already"


def test_people_are_suggested_as_one_types(app: Flask, signed_in: SignIn) -> None:
    hire(app, 100)
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/").text
    found = re.search(r'id="filter-commander"[^>]* data-hx-get="([^"]+)"', page)
    assert found is not None
    address = html.unescape(found[1])
    offered = viewer.get(f"{address}&commander=person+9").text
    assert offered.count("<option") == 11  # 9 and those from 90
    assert 'value="Person 99 (p99@example.com)"' in offered
    assert viewer.get(f"{address}&commander=").text.strip() == ""
    assert viewer.get("/people?q=p99").text.count("<option") == 1
    assert viewer.get("/people?q=p99&among=others").status_code == 422


@pytest.mark.usefixtures("ada")
def test_of_two_people_of_one_name_one_is_chosen(
    app: Flask, admin: FlaskClient, lins: list[int]
) -> None:
    typed = {"commander": "lin clark", "override_reason": "Ada asked me to"}
    answer = admin.post("/incidents/INC-1/hand-over", data=typed)
    assert answer.status_code == 422
    assert 'id="hand-over-commander-error">2 people match “lin clark”.' in answer.text
    assert 'value="lin clark"' in answer.text
    assert "Ada asked me to" in answer.text
    choices = re.findall(r'type="radio" name="commander_choice"[^>]* value="([^"]*)"', answer.text)
    assert choices == ["Lin Clark (lin.clark@example.com)", "Lin Clark (lin@example.com)", ""]
    chosen = {**typed, "commander_choice": choices[1]}
    assert admin.post("/incidents/INC-1/hand-over", data=chosen).status_code == 302
    with app.app_context():
        assert db.session.get_one(Incident, 1).commander_id == lins[0]


@pytest.mark.usefixtures("lins")
def test_declaring_asks_which_of_two_and_loses_nothing(signed_in: SignIn) -> None:
    responder = signed_in(Role.RESPONDER)
    form = responder.get("/incidents/new").text
    assert re.search(r'name="commander" value="[^"]*\(responder@example.com\)"', form)
    typed = {"title": "Down", "severity": "", "service": "payments", "commander": "Lin"}
    answer = responder.post("/incidents/new", data=typed)
    assert answer.status_code == 422
    assert "2 things are missing or wrong" in answer.text
    assert "2 people match “Lin”" in answer.text
    assert 'value="Down"' in answer.text
    sent = {**typed, "severity": "P4", "commander_choice": "Lin Clark (lin@example.com)"}
    assert responder.post("/incidents/new", data=sent).status_code == 302


@pytest.mark.usefixtures("ada", "lins")
def test_people_are_added_and_given_tasks_by_name(admin: FlaskClient) -> None:
    form = {"person": "lin@example.com", "role": "scribe", "override_reason": "On a plane"}
    assert admin.post("/incidents/INC-1/add-person", data=form).status_code == 302
    form = {"text": "Alert", "owner": "ada"}
    assert admin.post("/incidents/INC-1/action-item", data=form).status_code == 302
    page = admin.get("/incidents/INC-1").text
    assert 'Lin Clark</span> <span class="facts role">Scribe' in page
    assert re.search(r'<span dir="auto">Ada</span>\s*</span>', page), "Ada has a task"


# ---- filters ------------------------------------------------------------------------------------


def test_the_list_is_filtered_by_a_name_and_its_address_keeps_the_id(
    signed_in: SignIn, ada: int
) -> None:
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/?commander=ada").text
    assert "Checkout is down" in page
    assert f'href="/incidents.csv?commander={ada}"' in page
    assert 'value="Ada (ada@example.com)"' in page
    assert "Nothing matches" in viewer.get("/?commander=viewer").text


@pytest.mark.usefixtures("ada", "lins")
def test_a_filter_that_means_several_asks_and_shows_no_file_of_everything(
    signed_in: SignIn,
) -> None:
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/?commander=lin").text
    assert "2 people match “lin”" in page
    assert 'name="commander_choice"' in page
    assert "Not understood and left out: commander “lin”." in page
    refused = viewer.get("/incidents.csv?commander=lin")
    assert refused.status_code == 422
    assert "Not understood: commander “lin”." in refused.text
    chosen = {"commander": "lin", "commander_choice": "Lin Clark (lin@example.com)"}
    assert "Nothing matches" in viewer.get("/", query_string=chosen).text


def test_who_has_left_can_still_be_looked_for(app: Flask, admin: FlaskClient, ada: int) -> None:
    close(app, ada)
    page = admin.get(f"/?commander={ada}").text
    assert "Not understood" not in page
    assert "Checkout is down" in page
    assert '<option value="Ada (ada@example.com)">has left</option>' in page
    file = admin.get(f"/incidents.csv?commander={ada}").text
    assert file.count("\n") == 2
    assert admin.get("/incidents.csv?commander=ada").text == file
    log = admin.get("/settings/audit?who=ada").text
    assert f'href="/settings/audit/export.csv?who={ada}"' in log
    assert '<option value="Ada (ada@example.com)">has left</option>' in log
    assert 'value="Ada (ada@example.com)"' in admin.get(f"/settings/audit?who={ada}").text


def test_who_has_left_is_given_nothing_new(app: Flask, admin: FlaskClient, lins: list[int]) -> None:
    close(app, lins[0])
    fields = {
        "title": "Down",
        "severity": "P4",
        "service": "payments",
        "commander": "lin@example.com",
    }
    answer = admin.post("/incidents/new", data=fields)
    assert "Lin Clark&#39;s account is closed." in answer.text
    assert answer.status_code == 422


# ---- owners of a service ------------------------------------------------------------------------


def owners_of(app: Flask) -> list[str]:
    with app.app_context():
        return [owner.name for owner in db.session.get_one(Service, 1).owners]


def own(app: Flask, *user_ids: int) -> None:
    with app.app_context():
        service = db.session.get_one(Service, 1)
        service.owners = [db.session.get_one(User, user_id) for user_id in user_ids]
        db.session.commit()


def fields_of(page: str) -> dict[str, list[str] | str]:
    """Return what a browser sends of the service's form."""
    ticked = re.findall(r'name="owners" id="[^"]+" value="([^"]+)" checked', page)
    found = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in ("name", "seen")}
    found["name"] = re.search(r'id="name" name="name" value="([^"]*)"', page)
    return {
        "owners": [html.unescape(one) for one in ticked],
        **{name: html.unescape(match[1]) for name, match in found.items() if match},
    }


def test_renaming_a_service_keeps_an_owner_who_has_left(
    app: Flask, admin: FlaskClient, ada: int, lins: list[int]
) -> None:
    own(app, ada, lins[0])
    close(app, ada)
    page = admin.get("/settings/services/1").text
    assert "has left" in page
    renamed = {**fields_of(page), "name": "Cards"}
    assert admin.post("/settings/services/1", data=renamed).status_code == 302
    assert owners_of(app) == ["Ada", "Lin Clark"]
    without = fields_of(admin.get("/settings/services/1").text)
    without["owners"] = without["owners"][1:]
    assert admin.post("/settings/services/1", data=without).status_code == 302
    assert owners_of(app) == ["Lin Clark"]


@pytest.mark.usefixtures("ada", "lins")
def test_owners_are_added_by_name_one_after_another(app: Flask, admin: FlaskClient) -> None:
    form = fields_of(admin.get("/settings/services/1").text)
    added = admin.post("/settings/services/1", data={**form, "owner": "ada", "add": "1"})
    assert added.status_code == 200
    assert owners_of(app) == [], "nothing is saved yet"
    again = fields_of(added.text)
    assert len(again["owners"]) == 1
    several = admin.post("/settings/services/1", data={**again, "owner": "lin", "add": "1"})
    assert several.status_code == 422
    assert "2 people match “lin”" in several.text
    assert fields_of(several.text)["owners"] == again["owners"]
    part = admin.post(
        "/settings/services/1",
        data={**again, "owner": "lin", "add": "1"},
        headers={"HX-Request": "true"},
    )
    assert part.status_code == 200, "HTMX swaps in nothing else"
    chosen = {**again, "owner": "lin", "owner_choice": "Lin Clark (lin@example.com)"}
    assert admin.post("/settings/services/1", data=chosen).status_code == 302
    assert owners_of(app) == ["Ada", "Lin Clark"]


# ---- a rule about somebody -----------------------------------------------------------------------


def test_a_rule_about_somebody_who_has_left_can_be_changed(app: Flask, admin: FlaskClient) -> None:
    with app.app_context():
        ken = add_slack_person(db.session(), "U0KEN0000A", "Ken Alvarez")
        db.session.commit()
        ken_id = ken.id
    rule = {"kind": "person", "person": "ken", "severity": "P2", "moments": ["start"]}
    assert admin.post("/settings/routing/new", data=rule).status_code == 302
    close(app, ken_id)
    with app.app_context():
        address = "/settings/routing/{}".format(
            db.session.scalars(
                select(RoutingRule.id).where(RoutingRule.target == "U0KEN0000A")
            ).one()
        )
    page = admin.get(address).text
    shown = re.search(r'name="person" value="([^"]*)"', page)
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert shown is not None
    assert seen is not None
    changed = {**rule, "person": shown[1], "moments": ["end"], "seen": seen[1]}
    assert admin.post(address, data=changed).status_code == 302
    refused = admin.post("/settings/routing/new", data={**rule, "severity": "P3"})
    assert "Ken Alvarez&#39;s account is closed." in refused.text


# ---- people whom only Slack's directory knows ----------------------------------------------------


@pytest.fixture
def ken(app: Flask) -> None:
    """Somebody in Slack who has never used incidentbot."""
    with app.app_context():
        entry = Entry("U0KEN0000A", "ken", "Ken Alvarez", "ken@example.com")
        store_directory(db.session(), [entry])


@pytest.mark.usefixtures("ken")
def test_a_new_admin_gives_the_first_service_an_owner_by_name(
    app: Flask, admin: FlaskClient
) -> None:
    page = admin.get("/settings/services/1").text
    assert 'value="ken (Ken Alvarez, ken@example.com)"' in page
    form = fields_of(page)
    added = admin.post("/settings/services/1", data={**form, "owner": "alvarez", "add": "1"})
    with app.app_context():
        assert db.session.scalars(select(User).where(User.name == "ken")).all() == []
    assert admin.post("/settings/services/1", data=fields_of(added.text)).status_code == 302
    with app.app_context():
        (owner,) = db.session.get_one(Service, 1).owners
        assert (owner.slack_user_id, owner.role) == ("U0KEN0000A", Role.RESPONDER)
    assert ">Create account</span>" in admin.get("/settings/audit?action=create_account").text


@pytest.mark.usefixtures("ken")
def test_somebody_from_slack_commands_from_the_start_and_a_preview_makes_nobody(
    app: Flask, signed_in: SignIn
) -> None:
    responder = signed_in(Role.RESPONDER)
    fields = {"severity": "P4", "service": "payments", "commander": "Ken Alvarez"}
    preview = responder.get("/incidents/new/preview", query_string=fields)
    assert preview.status_code == 200
    with app.app_context():
        assert db.session.scalars(select(User).where(User.name == "ken")).all() == []
    sent = {**fields, "title": "Down", "request_key": "k" * 32}
    for _ in range(2):  # a double click
        assert responder.post("/incidents/new", data=sent).status_code == 302
    with app.app_context():
        (incident,) = db.session.scalars(select(Incident)).all()
        assert incident.commander.slack_user_id == "U0KEN0000A"


@pytest.mark.usefixtures("ken")
def test_the_page_about_slack_says_when_its_directory_was_read(
    app: Flask, admin: FlaskClient
) -> None:
    assert "1 person can be picked by name" in admin.get("/settings/slack").text
    with app.app_context():
        store_directory(db.session(), [])
    assert "directory was not read yet" in admin.get("/settings/slack").text
