"""Subscriptions from the form to the mailbox, with a real mail server between."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy import update as update_rows
from time_machine import TimeMachineFixture

from incidentbot import clock
from incidentbot.audit.models import AuditEntry
from incidentbot.database import write_transaction
from incidentbot.engine import build_dispatcher
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages import public_ids, subscribers
from incidentbot.status_pages.maintenance import MaintenanceFields
from incidentbot.status_pages.models import StatusPageSettings
from incidentbot.status_pages.subscribers import UPDATE
from incidentbot.users.actor import OPERATOR
from tests.servers.ports import free_port
from tests.status_pages.shown import switch_on
from tests.web.status_site import commander, declare, forget, status_app


class Mailbox:
    """Takes every mail, and keeps it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusal = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.refusal:
            return self.refusal.format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def take(self) -> list[EmailMessage]:
        taken, self.mails = self.mails, []
        return taken


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def app(sqlite_url: str, mailbox: Mailbox) -> Iterator[Flask]:
    port = free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    yield status_app(
        sqlite_url, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="status@acme.example"
    )
    server.stop()


def deliver(app: Flask) -> None:
    build_dispatcher(app).run_until_idle()


def link_in(mail: EmailMessage) -> str:
    found = re.search(r"http://localhost:8000(/status/\S+)", mail.get_content())
    assert found, mail.get_content()
    return found[1]


def subscribe(app: Flask, client: FlaskClient, mailbox: Mailbox, **fields: object) -> None:
    answer = client.post("/status/subscribe", data={"email": "kim@example.com", **fields})
    assert "Look into your mailbox" in answer.text
    deliver(app)
    (question,) = mailbox.take()
    assert "Confirm your subscription" in client.get(link_in(question)).text
    assert "You are subscribed" in client.post(link_in(question)).text


def test_who_confirms_gets_the_updates_until_they_leave(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    client.post("/status/subscribe", data={"email": "kim@example.com"})
    declare(app)
    deliver(app)
    (question,) = mailbox.take()
    assert question["To"] == "kim@example.com"
    assert question["Subject"] == "Acme status: confirm your subscription"
    client.get(link_in(question))  # what fetches links by itself confirms nothing
    with app.app_context():
        assert subscribers.count(db.session()) == subscribers.Count(0, 1, 0)
    client.post(link_in(question))

    with app.app_context():
        commands.post_update(db.session(), "INC-1", commander(), "secret", "Half of them work. Ä")
    deliver(app)
    (update,) = mailbox.take()
    assert update["Subject"] == "Acme status: Outage of Card payments (investigating)"
    assert update.get_content_type() == "text/plain"
    text = update.get_content()
    assert "Half of them work. Ä" in text
    assert "/status/incidents/INC-1" in text
    assert "secret" not in update.as_string()
    leave = update["List-Unsubscribe"].strip("<>")
    assert leave in text.replace("\n", "")
    assert update["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    path = urlsplit(leave).path
    assert "Unsubscribe" in client.get(path).text
    one_click = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200
    assert "Set-Cookie" not in one_click.headers
    with app.app_context():
        commands.resolve(db.session(), "INC-1", commander(), "x", "They work again.")
        assert subscribers.count(db.session()) == subscribers.Count(0, 0, 0)
    deliver(app)
    assert mailbox.take() == []


def test_of_a_maintenance_that_is_called_off_they_read_what_was_planned(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    subscribe(app, client, mailbox)
    begins = (clock.now() + timedelta(days=2)).replace(hour=9, minute=0)
    ends = begins + timedelta(hours=1)
    fields = MaintenanceFields("New disks", "Search is slow.", begins, ends, frozenset({2}))
    with app.app_context():
        works.schedule(db.session(), OPERATOR, fields)
        works.end(db.session(), 1, OPERATOR)
    deliver(app)
    update = mailbox.take()[-1]
    assert update["Subject"] == "Acme status: Maintenance is called off: New disks"
    planned = f"It was planned from {begins:%Y-%m-%d} 09:00 UTC to {ends:%Y-%m-%d} 10:00 UTC"
    assert planned in update.get_content()


def test_an_update_is_the_same_mail_at_each_attempt(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    subscribe(app, client, mailbox)
    declare(app)
    deliver(app)
    with app.app_context(), write_transaction(db.session()):
        db.session.execute(
            update_rows(Delivery).values(state="pending").where(Delivery.kind == UPDATE)
        )
    deliver(app)
    first, second = mailbox.take()
    assert first["Date"]
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@acme.example>")


def test_a_mailbox_that_refuses_everything_is_forgotten_after_a_while_and_never_named(
    app: Flask, client: FlaskClient, mailbox: Mailbox, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    subscribe(app, client, mailbox)

    def update_mailed(words: str) -> subscribers.Count:
        with app.app_context():
            commands.post_update(db.session(), "INC-1", commander(), "x", words)
        deliver(app)
        with app.app_context():
            return subscribers.count(db.session())

    declare(app)
    deliver(app)
    for _ in range(2):
        mailbox.refusal = "550 5.1.1 <{}> unknown"
        for words in ("One.", "Two.", "Three."):
            counted = update_mailed(words)
        assert counted == subscribers.Count(1, 0, 1), "three within minutes may be a mishap"
        mailbox.refusal = ""
        assert update_mailed("Four.") == subscribers.Count(1, 0, 0)
    mailbox.refusal = "550 5.1.1 <{}> unknown"
    update_mailed("Five.")
    update_mailed("Six.")
    time_machine.shift(timedelta(days=1))
    assert update_mailed("Seven.") == subscribers.Count(0, 0, 0)
    with app.app_context():
        told = db.session.scalars(select(Delivery).where(Delivery.kind == UPDATE)).all()
        assert {delivery.state.value for delivery in told} == {"done", "skipped"}
        entry = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "forget_subscriber")
        ).one()
        kept = [*(d.last_error or "" for d in told), entry.subject, str(entry.before)]
    assert "the recipient" in "".join(kept)
    assert "kim" not in "".join(kept)


def test_a_server_that_takes_nothing_from_us_costs_no_subscriber(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    subscribe(app, client, mailbox)
    mailbox.refusal = "554 5.7.1 <{}>: relay access denied"
    declare(app)
    deliver(app)
    with app.app_context():
        assert subscribers.count(db.session()) == subscribers.Count(1, 0, 0)
        (mail,) = db.session.scalars(select(Delivery).where(Delivery.kind == UPDATE))
        assert mail.state is DeliveryState.PARKED


def test_who_chose_services_hears_of_those_only(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    subscribe(app, client, mailbox, which="some", services=public_ids.service_id(2))
    declare(app)
    declare(app, public="Search is slow.", service="search")
    deliver(app)
    (update,) = mailbox.take()
    assert "Search is slow." in update.get_content()


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(client: FlaskClient) -> None:
    answer = client.post("/status/subscribe", data={"email": "kim@", "which": "all"})
    assert answer.status_code == 422
    assert 'value="kim@"' in answer.text
    assert "Write an e-mail address" in answer.text
    answer = client.post("/status/subscribe", data={"email": "kim@example.com", "which": "some"})
    assert "Choose at least one service" in answer.text
    data = {"email": "kim@example.com", "which": "some", "services": "nonsense"}
    assert client.post("/status/subscribe", data=data).status_code == 422


def test_nobody_can_have_many_mailboxes_filled(client: FlaskClient) -> None:
    codes = [
        client.post("/status/subscribe", data={"email": f"k{number}@example.com"}).status_code
        for number in range(22)
    ]
    assert codes == [200] * 20 + [429] * 2


def test_nobody_learns_who_is_subscribed(app: Flask, client: FlaskClient, mailbox: Mailbox) -> None:
    subscribe(app, client, mailbox)
    first = client.post("/status/subscribe", data={"email": "kim@example.com"})
    other = client.post("/status/subscribe", data={"email": "new@example.com"})
    assert first.text == other.text


def test_links_in_mails_lead_to_the_host_of_its_own(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    with app.app_context():
        switch_on(db.session(), host="status.acme.example")
        assert db.session().get_one(StatusPageSettings, 1).host
    forget(app)
    client.post("/status/subscribe", data={"email": "kim@example.com"})
    deliver(app)
    (question,) = mailbox.take()
    assert "http://status.acme.example:8000/status/confirm/" in question.get_content()


def test_no_mail_is_sent_of_a_page_that_is_off(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    subscribe(app, client, mailbox)
    declare(app)
    with app.app_context():
        switch_on(db.session(), is_on=False)
    deliver(app)
    assert mailbox.take() == []


def test_without_a_mail_server_nobody_is_offered_a_subscription(tmp_path: object) -> None:
    app = status_app(f"sqlite:///{tmp_path}/none.db")
    client = app.test_client()
    assert "Get updates" not in client.get("/status").text
    assert client.get("/status/subscribe").status_code == 404
