"""What declaring would do, as the modal tells it."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from sqlalchemy import select

from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.incidents.preview import Prospect
from incidentbot.incidents.queries import list_templates
from incidentbot.routing.preview import Preview
from incidentbot.slack import actions, modals
from incidentbot.slack.foreseen import in_words
from incidentbot.status_pages.models import ComponentStatus, Impact, Publication, PublicStatus
from incidentbot.status_pages.outlook import Outlook, Shown
from incidentbot.status_pages.publication import Words
from incidentbot.status_pages.standing import OWN_PAGE, STATUSPAGE
from incidentbot.users.actor import SYSTEM
from incidentbot.users.models import Role, User
from tests.slack.sender import say, send

TOLD = Preview(channels=(), people=(), spared=())
PLAIN = Prospect(
    severity=Severity.P2,
    service=Service(slug="payments", name="Payments"),
    is_private=False,
    channel_name="inc-20260102-payments",
    hears=TOLD,
    customers=Outlook(),
)


def words(has_mail: bool = False, **different: Any) -> list[str]:
    return in_words(replace(PLAIN, **different), has_mail=has_mail).split("\n")


def test_it_names_the_channel_and_who_is_invited_and_told() -> None:
    assert words() == [
        "*P2 on Payments*",
        "• opens the channel `#inc-20260102-payments`",
        "• tells nobody else",
    ]
    hears = Preview(
        channels=("#general", "C0INCIDENTS"), people=("Ada",), spared=("Bob",), invited=("Ada",)
    )
    assert words(hears=hears)[2:] == [
        "• invites Ada",
        "• tells #general, <#C0INCIDENTS>",
        "• sends a direct message to 1 person: Ada",
        "• leaves out Bob, who asked for no direct messages",
    ]


def test_nobody_is_taken_for_a_channel() -> None:
    hears = replace(TOLD, people=("GREGORY",), invited=("CATHERINE",))
    assert "<#" not in "".join(words(hears=hears))


def test_many_names_are_counted_and_none_can_say_something_else() -> None:
    hears = replace(TOLD, people=("<!channel>", *map(str, range(2, 12))))
    (line,) = (line for line in words(hears=hears) if "direct message" in line)
    assert line == (
        "• sends a direct message to 11 people: &lt;!channel&gt;, 2, 3, 4, 5, 6, 7, 8 and 3 more"
    )


def test_customers_are_told_what_the_rules_say() -> None:
    assert words(is_private=True)[-1] == "*Customers* are told nothing of a private incident."
    reach = (STATUSPAGE, OWN_PAGE)
    assert "do not know this service" in words(customers=Outlook(reach=reach))[-1]
    shown = (
        Shown(STATUSPAGE, "Cards & co", ComponentStatus.MAJOR_OUTAGE),
        Shown(OWN_PAGE, "Shop", ComponentStatus.DEGRADED, is_left=True),
    )
    silent = Outlook(reach=reach, components=shown)
    assert words(customers=silent)[3:] == [
        "*Customers*",
        "• Cards &amp; co shows as _major outage_ on Statuspage",
        "• Shop stays at _degraded performance_ on the status page, as somebody set it by hand",
        "• no text is published by itself",
    ]
    text = Words(
        "Outage", PublicStatus.INVESTIGATING, Impact.MAJOR, "We\nknow.", Publication.AUTOMATIC
    )
    loud = replace(silent, published=text, mails=2)
    assert words(has_mail=True, customers=loud)[6:] == [
        "• published by itself on Statuspage and the status page:",
        ">Outage",
        ">We know.",
        "• mail to 2 subscribers",
        "• Statuspage tells its own subscribers",
    ]
    assert not any("mail to" in line for line in words(has_mail=False, customers=loud))


def test_the_modal_ends_with_it_once_and_keeps_its_fields(app: Flask, client: FlaskClient) -> None:
    say(client, "list")  # who types is known from then on
    with app.app_context():
        session = db.session()
        opened = modals.declare_view(session, "U0ADA")
        chosen = {"severity": "P1", "service": "payments", "commander": "U0ADA"}
        text = actions.foresee(session, SYSTEM, chosen, has_mail=False)
        assert text.startswith("*P1 on payments*")
        once = modals.with_what_will_happen(opened, text)
        twice = modals.with_what_will_happen(once, "*P2 on payments*")
        assert once["blocks"][:-1] == twice["blocks"][:-1] == opened["blocks"]
        assert twice["blocks"][-1]["text"]["text"] == "*P2 on payments*"
        assert modals.says_what_will_happen(twice)
        assert modals.with_what_will_happen(twice, "")["blocks"] == opened["blocks"]
        assert actions.foresee(session, SYSTEM, {**chosen, "service": ""}, has_mail=False) == ""


def test_each_field_that_decides_is_told_to_the_app(app: Flask) -> None:
    with app.app_context():
        blocks = modals.declare_view(db.session(), "U0ADA")["blocks"]
    told = {block["block_id"] for block in blocks if block.get("dispatch_action")}
    assert told == {"template", "severity", "service", "commander", "is_private"}


def chosen(view: dict[str, Any], field: str, *, home: str = "T0TEAM", **values: str) -> str:
    """Return the body of a choice in an open modal whose fields hold `values`."""

    def element(name: str, value: str) -> dict[str, Any]:
        if name == "commander":
            return {"type": "users_select", "selected_user": value}
        if name == "is_private":
            return {"type": "checkboxes", "selected_options": [{"value": value}]}
        return {"type": "static_select", "selected_option": {"value": value}}

    state = {name: {"value": element(name, value)} for name, value in values.items()}
    payload = {
        "type": "block_actions",
        "user": {"id": "U0ADA", "username": "ada", "team_id": home},
        "team": {"id": "T0TEAM", "domain": "test"},
        "trigger_id": "trigger",
        "container": {"type": "view", "view_id": "V1"},
        "view": {**view, "id": "V1", "hash": "as opened", "state": {"values": state}},
        "actions": [{"type": "static_select", "action_id": "value", "block_id": field}],
    }
    return urlencode({"payload": json.dumps(payload)})


class Modal:
    """What Slack shows: an update that names the modal as it was before another one is refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[dict[str, Any]] = []
        monkeypatch.setattr(WebClient, "views_update", lambda _client, **asked: self.update(asked))

    def update(self, asked: dict[str, Any]) -> None:
        if asked.get("hash") == "as opened" and self.shown:
            raise SlackApiError("refused", {"ok": False, "error": "hash_conflict"})
        self.shown.append(asked["view"])

    @property
    def text(self) -> str:
        return str(self.shown[-1]["blocks"][-1]["text"]["text"])


@pytest.fixture
def modal(monkeypatch: pytest.MonkeyPatch) -> Modal:
    return Modal(monkeypatch)


@pytest.fixture
def opened(app: Flask, client: FlaskClient) -> dict[str, Any]:
    say(client, "list")
    with app.app_context():
        return modals.declare_view(db.session(), "U0ADA")


ALL = {"severity": "P1", "service": "payments", "commander": "U0ADA"}


def test_of_two_quick_choices_the_second_is_told_of(
    client: FlaskClient, opened: dict[str, Any], modal: Modal
) -> None:
    assert send(client, chosen(opened, "service", **ALL)).status_code == 200
    assert (
        send(client, chosen(opened, "is_private", **ALL, is_private="private")).status_code == 200
    )
    assert "opens the private channel" in modal.text


def test_a_template_fills_the_form_even_right_after_another_choice(
    app: Flask, client: FlaskClient, opened: dict[str, Any], modal: Modal
) -> None:
    with app.app_context():
        template = str(list_templates(db.session())[0].id)
    send(client, chosen(opened, "service", **ALL))
    send(client, chosen(opened, "template", **ALL, template=template))
    assert f"title@{template}" in [block["block_id"] for block in modal.shown[-1]["blocks"]]
    # A choice that Slack sent before it was filled in does not empty it.
    send(client, chosen(opened, "severity", **ALL, template=template))
    assert len(modal.shown) == 2


def test_whoever_may_not_declare_learns_nothing(
    app: Flask, client: FlaskClient, opened: dict[str, Any], modal: Modal
) -> None:
    assert send(client, chosen(opened, "service", **ALL, home="T0ELSE")).status_code == 200
    with app.app_context():
        session = db.session()
        with write_transaction(session):
            session.scalars(
                select(User).where(User.slack_user_id == "U0ADA")
            ).one().role = Role.VIEWER
    assert send(client, chosen(opened, "service", **ALL)).status_code == 200
    assert modal.shown == []


def test_a_commander_whom_nobody_has_met_is_invited_too(
    client: FlaskClient, opened: dict[str, Any], modal: Modal
) -> None:
    send(client, chosen(opened, "service", **{**ALL, "commander": "U0NEVERMET"}))
    assert "invites U0NEVERMET, ada" in modal.text
