"""Nothing that was written for the team reaches a customer: canary words in every internal field."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy import Enum, String, Text, inspect, select

from incidentbot.channels.own_page import handlers
from incidentbot.database import write_transaction
from incidentbot.engine import sessions_of
from incidentbot.extensions import db
from incidentbot.incidents import action_items, commands
from incidentbot.incidents.commands import Declaration, record_parked
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import Incident, Service
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.status_pages import public_ids, subscribers
from incidentbot.status_pages.models import Subscriber
from incidentbot.status_pages.subscribers import Tokens
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.servers.ports import free_port
from tests.status_pages.shown import show, switch_on, tell
from tests.web.status_site import forget, status_app
from tests.web.test_status_page import EVERYTHING

CANARY = "kanarie"
# What customers are meant to read, planted beside the canaries: the walk must find it.
PUBLIC = "Some payments fail for now."


class Mails:
    """Keeps every mail as one text, its headers and its body decoded."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
        self.texts.append(f"{headers}\n{mail.get_content()}")  # type: ignore[attr-defined]  # by the policy
        return "250 OK"


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
def app(sqlite_url: str, mails: Mails) -> Iterator[Flask]:
    """An incident told to customers, with a canary in all that is the team's."""
    port = free_port()
    server = Controller(mails, hostname="127.0.0.1", port=port)
    server.start()
    app = status_app(
        sqlite_url, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="status@acme.example"
    )
    with app.app_context():
        plant(app)
    forget(app)
    yield app
    server.stop()


def plant(app: Flask) -> None:
    session = db.session()
    word = (f"{CANARY}{number}" for number in range(100))
    ada = invite(session, f"ada@{next(word)}.example", Role.ADMIN, f"Ada {next(word)}")
    bob = invite(session, f"bob@{next(word)}.example", Role.RESPONDER, f"Bob {next(word)}")
    with write_transaction(session):
        service = session.get_one(Service, 1)
        service.name, service.slug = f"Ledger {next(word)}", next(word)
        hidden = Service(name=f"Hidden {next(word)}", slug=next(word))
        session.add(hidden)
    switch_on(session)
    show(session, {service.slug: ("Card payments", "Shop"), "search": ("Product search", "")})
    tokens = Tokens(app.config["SECRET_KEY"])
    subscribers.subscribe(session, "kim@example.com")
    kim = session.scalars(select(Subscriber)).one()
    subscribers.confirm(session, tokens, tokens.to_confirm(kim, []))

    actor = actor_for(ada, Door.WEB, f"{next(word)} 192.0.2.7")
    for on in (service.slug, hidden.slug):
        told = Declaration(
            title=f"Ledger {next(word)}",
            severity="P1",
            service=on,
            summary=f"Summary {next(word)}",
        )
        reference = commands.declare(session, told, actor).incident.reference
        tell(session, reference, actor, PUBLIC)
        commands.post_update(session, reference, actor, f"Update {next(word)}")
        commands.post_update(session, reference, actor, f"Update {next(word)}", f"{PUBLIC} More.")
        commands.add_note(session, reference, actor, f"Note {next(word)}")
        commands.change_severity(session, reference, actor, "P2", f"Reason {next(word)}")
        commands.move_to(session, reference, actor, Status.IDENTIFIED, f"Cause {next(word)}")
        commands.hand_over(session, reference, actor, bob.id)
        commands.take_over(session, reference, actor, f"Reason {next(word)}")
        commands.resolve(session, reference, actor, f"Done {next(word)}")
        commands.reopen(session, reference, actor, f"Again {next(word)}")
        commands.resolve(session, reference, actor, f"Done {next(word)}")
        action_items.add_action_item(session, reference, actor, f"Do {next(word)}", bob.id)
        report = commands.draft_postmortem(session, reference, actor).incident
        with write_transaction(session):
            locked = session.get_one(Incident, report.id)
            locked.slack_channel_name = f"inc-{next(word)}"
            locked.slack_channel_id = f"C{next(word)}"
    # Told to nobody, and private.
    for fields in ({}, {"is_private": True}):
        silent = Declaration(f"Silent {next(word)}", "P4", service.slug, **fields)  # type: ignore[arg-type]  # one flag
        commands.declare(session, silent, actor)
    # Open ones too, so that what is shown while it lasts is looked at.
    open_one = Declaration(f"Open {next(word)}", "P1", service.slug)
    tell(session, commands.declare(session, open_one, actor).incident.reference, actor, PUBLIC)


def everything_public(app: Flask) -> dict[str, str]:
    """Return what every public address answers, headers and all."""
    client = app.test_client()
    addresses = [
        *EVERYTHING,
        "/status/subscribe",
        "/status/confirm/x",
        "/status/unsubscribe/x",
        *(f"/status/incidents/INC-{number}" for number in range(1, 7)),
        *(f"/status/badge/{public_ids.service_id(number)}.svg" for number in range(1, 5)),
    ]
    answers = {}
    for address in addresses:
        answer = client.get(address)
        answers[address] = f"{answer.headers}\n{answer.text}"
    refused = client.post("/status/subscribe", data={"email": "x"})
    return answers | {"refused": f"{refused.headers}\n{refused.text}"}


def test_no_public_answer_holds_what_was_written_for_the_team(app: Flask) -> None:
    answers = everything_public(app)
    for address, text in answers.items():
        assert CANARY not in text.lower(), address
    for address in ("/status", "/status.atom", "/api/v2/incidents.json", "/status/incidents/INC-1"):
        assert PUBLIC in answers[address], address


def test_no_mail_holds_what_was_written_for_the_team(app: Flask, mails: Mails) -> None:
    sessions = sessions_of(app)
    Dispatcher(
        sessions, handlers(app.extensions["settings"], sessions), record_parked
    ).run_until_idle()
    assert sum(PUBLIC in text for text in mails.texts) >= 5
    for text in mails.texts:
        assert CANARY not in text.lower()


def test_the_canaries_are_in_every_internal_field(app: Flask) -> None:
    """Whoever adds a field of words to an incident plants a canary in it."""
    with app.app_context():
        incident = db.session().scalars(select(Incident).where(Incident.number == 1)).one()
        without = {
            column.key
            for column in inspect(Incident).column_attrs
            if isinstance(column.columns[0].type, String | Text)
            and not isinstance(column.columns[0].type, Enum)
            and CANARY not in str(getattr(incident, column.key))
        }
    assert without == set()


def test_the_walk_over_public_addresses_misses_none(app: Flask) -> None:
    known = {
        "status_page.index",
        "status_page.incident",
        "status_page.history",
        "status_page.feed",
        "status_page.api",
        "status_page.badge",
        "status_page.service_badge",
        "status_page.subscribe_form",
        "status_page.subscribe",
        "status_page.confirm_form",
        "status_page.confirm",
        "status_page.unsubscribe_form",
        "status_page.unsubscribe",
    }
    found = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert {endpoint for endpoint in found if endpoint.startswith("status_page.")} == known


def test_public_ids_are_not_made_of_names(app: Flask) -> None:
    components: Any = json.loads(app.test_client().get("/api/v2/components.json").data)
    ids = [component["id"] for component in components["components"]]
    assert all(len(one) == 12 for one in ids)
