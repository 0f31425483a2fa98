"""What declaring would do, as the modal tells it."""

from dataclasses import replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from incidentbot.extensions import db
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.incidents.preview import Prospect
from incidentbot.routing.preview import Preview
from incidentbot.slack import actions, modals
from incidentbot.slack.foreseen import in_words
from incidentbot.status_pages.models import ComponentStatus, Impact, Publication, PublicStatus
from incidentbot.status_pages.outlook import Outlook, Shown
from incidentbot.status_pages.publication import Words
from incidentbot.status_pages.standing import OWN_PAGE, STATUSPAGE
from incidentbot.users.actor import SYSTEM
from tests.slack.sender import say

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
