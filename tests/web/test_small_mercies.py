"""Where people end up by accident, and what they are told there."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.web.test_incident_page import told

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture
def reference(app: Flask) -> str:
    """Ada's incident, with a long summary."""
    with app.app_context():
        ada = invite(db.session(), "ada@example.com", Role.RESPONDER, "Ada Lovelace")
        declaration = Declaration("Checkout", "P1", "payments", summary="Slow. " * 1000 + "THE END")
        actor = actor_for(ada, Door.WEB, "192.0.2.7")
        return commands.declare(db.session(), declaration, actor).incident.reference


def test_declaring_says_everything_that_is_wrong_at_once(signed_in: SignIn) -> None:
    answer = signed_in(Role.RESPONDER).post("/incidents/new", data={"title": " "})
    assert answer.status_code == 422
    assert "4 things are missing or wrong" in answer.text
    for field in ("title", "severity", "service", "commander"):
        assert f'id="{field}-error"' in answer.text
    assert answer.text.count("autofocus") == 1


def test_only_who_may_command_is_offered_as_commander(signed_in: SignIn, app: Flask) -> None:
    with app.app_context():
        viewer = invite(db.session(), "vera@example.com", Role.VIEWER, "Vera Rubin")
        assert viewer.name == "Vera Rubin"
    assert "Vera Rubin" not in signed_in(Role.RESPONDER).get("/incidents/new").text


def test_the_command_handed_over_to_who_has_it_changes_nothing(
    signed_in: SignIn, reference: str
) -> None:
    admin, address = signed_in(Role.ADMIN), f"/incidents/{reference}"
    before = admin.get(f"{address}/live?after=0").headers["ETag"]
    form = {"commander": "Ada Lovelace", "override_reason": "She asked me to"}
    assert admin.post(f"{address}/hand-over", data=form).status_code == 302
    assert admin.get(f"{address}/live?after=0").headers["ETag"] == before


@pytest.mark.parametrize(
    "address", ["/incidents/{}/update", "/incidents/{}/", "/?q=1", "/?q=inc-1"]
)
def test_the_address_leads_to_the_incident(signed_in: SignIn, reference: str, address: str) -> None:
    answer = signed_in(Role.VIEWER).get(address.format(reference))
    assert answer.status_code == 302
    assert answer.location == f"/incidents/{reference}"


@pytest.mark.parametrize("address", ["/incidents/{}/nonsense", "/incidents/INC-9/update"])
def test_an_address_of_nothing_is_not_found(
    signed_in: SignIn, reference: str, address: str
) -> None:
    assert signed_in(Role.VIEWER).get(address.format(reference)).status_code == 404


def test_a_number_that_is_no_incident_is_searched_for(signed_in: SignIn) -> None:
    answer = signed_in(Role.VIEWER).get("/?q=4711")
    assert answer.status_code == 200
    assert "Nothing matches." in answer.text


def test_a_page_of_the_settings_says_who_the_admins_are(signed_in: SignIn) -> None:
    signed_in(Role.ADMIN)
    answer = signed_in(Role.VIEWER).get("/settings/services")
    assert answer.status_code == 403
    assert "Ask an admin." in told(answer)
    assert "admin@example.com" in answer.text
    assert "commander" not in told(answer)


def test_a_long_summary_is_folded_away_and_whole(signed_in: SignIn, reference: str) -> None:
    page = signed_in(Role.VIEWER).get(f"/incidents/{reference}").text
    head, _, folded = page.partition('<details class="long-text" id="summary">')
    assert "THE END" not in head
    assert "THE END" in folded.partition("</details>")[0]


def test_addresses_in_an_update_are_links(app: Flask, signed_in: SignIn, reference: str) -> None:
    address = "https://grafana.example/d/1?a=1&b=2"
    with app.app_context():
        ada = invite(db.session(), "ada@example.com", Role.RESPONDER, "Ada Lovelace")
        actor = actor_for(ada, Door.WEB, "192.0.2.7")
        commands.post_update(db.session(), reference, actor, f"See {address}.")
    page = signed_in(Role.VIEWER).get(f"/incidents/{reference}").text
    link = '<a href="https://grafana.example/d/1?a=1&amp;b=2" rel="noreferrer nofollow">'
    assert page.count(link) == 2  # the latest update, and the timeline


def test_joining_speaks_of_the_channel_only_to_who_is_in_slack(
    signed_in: SignIn, reference: str
) -> None:
    page = signed_in(Role.RESPONDER).get(f"/incidents/{reference}").text
    assert 'id="join"' in page
    assert "Joining invites you" not in page


def test_a_range_that_ends_before_it_begins_says_so(signed_in: SignIn) -> None:
    client = signed_in(Role.VIEWER)
    question = "from=2026-06-30&to=2026-06-01"
    assert "The first day comes after the last day." in client.get(f"/?{question}").text
    assert "the two are swapped" in client.get(f"/insights?{question}").text


def test_insights_say_when_other_days_are_shown_than_asked_for(signed_in: SignIn) -> None:
    page = told(signed_in(Role.VIEWER).get("/insights?from=1900-01-01&to=2999-12-31"))
    assert "Figures begin on 1 Jan 2000" in page
    assert "the last day is today" in page


@pytest.mark.usefixtures("reference")
def test_insights_compare_with_nothing_before_the_first_incident(signed_in: SignIn) -> None:
    page = told(signed_in(Role.VIEWER).get("/insights?period=30d"))
    assert "Median time to resolve" in page
    assert "days before" not in page


def test_everybody_sees_who_they_are(signed_in: SignIn) -> None:
    page = signed_in(Role.VIEWER).get("/").text
    assert re.search(r'<span class="who" dir="auto">[^<]*viewer[^<]*</span>', page)
