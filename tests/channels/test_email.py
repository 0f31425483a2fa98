"""E-mail, to a real SMTP server: what is sent, what is tried again, and what is given up."""

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from sqlalchemy import func, select

from incidentbot import clock
from incidentbot.channels.email import NO_MAIL, compose, handlers
from incidentbot.channels.smtp import NoSuchMailbox
from incidentbot.config import Mail
from incidentbot.outbox.dispatch import Handler, Permanent, Retry, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.users import members
from incidentbot.users.links import find_link
from incidentbot.users.models import LinkPurpose, SignInLink
from tests.servers.ports import free_port
from tests.team import Team
from tests.users.accounts import account

SENDER = "incidentbot@example.com"
BASE_URL = "https://incidents.example.com"


class Postbox:
    """What takes the mail; `refusal` is what it answers instead, to RCPT or to DATA."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuse_recipient = ""
        self.refuse_data = ""
        self.goodbye = "221 Bye"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse_data:
            return self.refuse_data
        self.mails.append(envelope)
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return self.goodbye


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[Controller]:
    controller = Controller(postbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def mail_to(port: int, password: str | None = None, *, is_tls: bool = False) -> Mail:
    user = "bot" if password else None
    return Mail("127.0.0.1", port, is_tls, user, password, SENDER)


def handler(team: Team, mail: Mail | None) -> Handler:
    return handlers(mail, team.sessions, BASE_URL)["email.account"]


@pytest.fixture
def invitation(team: Team) -> Delivery:
    account(team, password=None)
    with team.sessions() as session:
        members.invite(session, "lin@example.com", members.Role.RESPONDER, by_mail=True)
    (delivery,) = team.deliveries(kind="email.account")
    return delivery


def test_an_invitation_brings_a_link_that_works(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox
) -> None:
    assert handler(team, mail_to(server.port)).send(invitation) == {"to": "lin@example.com"}
    (mail,) = postbox.mails
    assert (mail.mail_from, mail.rcpt_tos) == (SENDER, ["lin@example.com"])
    text = mail.content.decode()
    assert "Subject: You are invited to incidentbot" in text
    assert "Hello Lin," in text
    assert "It works for 7 days." in text
    found = re.search(rf"{BASE_URL}/sign-in/(\S+)", text)
    assert found
    with team.sessions() as session:
        link = find_link(session, found[1])
        assert link is not None
        assert link.purpose is LinkPurpose.INVITATION


def test_no_secret_lies_in_the_outbox_and_each_attempt_makes_a_link_of_its_own(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox
) -> None:
    assert set(invitation.payload) == {"user_id", "purpose"}
    for _ in range(2):
        handler(team, mail_to(server.port)).send(invitation)
    first, second = (re.findall(r"/sign-in/(\S+)", m.content.decode())[0] for m in postbox.mails)
    assert first != second
    assert first not in str(team.state())


@pytest.mark.parametrize(
    "where,answer,outcome",
    [
        ("refuse_recipient", "550 no such mailbox", Permanent),
        ("refuse_recipient", "450 mailbox busy", Retry),
        ("refuse_data", "554 looks like spam", Permanent),
        ("refuse_data", "451 try again later", Retry),
    ],
)
def test_a_refusal_for_good_is_given_up_and_a_passing_one_tried_again(
    team: Team,
    invitation: Delivery,
    server: Controller,
    postbox: Postbox,
    where: str,
    answer: str,
    outcome: type[Exception],
) -> None:
    setattr(postbox, where, answer)
    with pytest.raises(outcome, match=f"refused \\({answer[:3]}\\): .*{answer[4:]}"):
        handler(team, mail_to(server.port)).send(invitation)


def test_every_mail_has_a_date_and_an_id_that_another_attempt_does_not_share(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox
) -> None:
    for invitation.attempts in (1, 2):
        handler(team, mail_to(server.port)).send(invitation)
    first, second = (message_from_bytes(mail.content) for mail in postbox.mails)
    sent = parsedate_to_datetime(first["Date"])
    assert abs((clock.now() - sent).total_seconds()) < 60
    assert re.fullmatch(r"<delivery-\d+-\d+-1@example\.com>", first["Message-ID"])
    assert first["Message-ID"] != second["Message-ID"]  # the second brings another link


def test_a_goodbye_that_goes_wrong_does_not_have_the_mail_sent_again(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox
) -> None:
    postbox.goodbye = "451 not now"
    handler(team, mail_to(server.port)).send(invitation)
    assert len(postbox.mails) == 1


@pytest.mark.parametrize("where", ["refuse_recipient", "refuse_data"])
def test_the_address_that_a_refusal_quotes_is_not_kept(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox, where: str
) -> None:
    setattr(postbox, where, "550 5.1.1 <LIN@example.com>: no user lin here, only linda")
    with pytest.raises(Permanent) as refused:
        handler(team, mail_to(server.port)).send(invitation)
    said = str(refused.value)
    assert "5.1.1 <the recipient>: no user the recipient here, only linda" in said
    assert refused.value.__suppress_context__  # a traceback would have it


@pytest.mark.parametrize(
    "answer,is_gone",
    [
        ("550 5.1.1 unknown user", True),
        ("550 no such mailbox", True),
        ("552 5.2.2 mailbox full", True),
        ("550 5.4.1 recipient address rejected: access denied", True),
        ("554 5.7.1 relay access denied", False),
        ("550 relay not permitted", False),
        ("550 5.1.8 the sender's domain does not exist", False),
        ("554 your address is on a list", False),
    ],
)
def test_a_mailbox_that_is_gone_is_told_from_a_server_that_takes_nothing_from_us(
    team: Team,
    invitation: Delivery,
    server: Controller,
    postbox: Postbox,
    answer: str,
    is_gone: bool,
) -> None:
    postbox.refuse_recipient = answer
    with pytest.raises(Permanent) as refused:
        handler(team, mail_to(server.port)).send(invitation)
    assert isinstance(refused.value, NoSuchMailbox) is is_gone


def test_a_server_that_is_away_is_tried_again(team: Team, invitation: Delivery) -> None:
    with pytest.raises(Retry, match="cannot be reached"):
        handler(team, mail_to(free_port())).send(invitation)


def test_a_password_is_not_sent_in_the_clear(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox
) -> None:
    with pytest.raises(Permanent, match="no encryption"):
        handler(team, mail_to(server.port, "hunter2")).send(invitation)
    assert postbox.mails == []


def test_a_server_whose_certificate_nobody_signed_is_not_trusted(
    team: Team, invitation: Delivery, postbox: Postbox, tls: Callable[[], Any]
) -> None:
    controller = Controller(postbox, hostname="127.0.0.1", port=free_port(), tls_context=tls())
    controller.start()
    try:
        with pytest.raises(Permanent, match="certificate is not trusted"):
            handler(team, mail_to(controller.port)).send(invitation)
    finally:
        controller.stop()
    assert postbox.mails == []


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("password,outcome", [("hunter2", None), ("wrong", Permanent)])
def test_with_encryption_it_logs_in(
    team: Team,
    invitation: Delivery,
    postbox: Postbox,
    tls: Callable[[], Any],
    password: str,
    outcome: type[Exception] | None,
) -> None:
    def check(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        is_right = (given.login, given.password) == (b"bot", b"hunter2")
        return AuthResult(success=is_right, handled=False)

    controller = Controller(
        postbox,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=tls(),
        authenticator=check,
        auth_required=True,
    )
    controller.start()
    try:
        send = handler(team, mail_to(controller.port, password)).send
        if outcome is None:
            send(invitation)
            assert len(postbox.mails) == 1
        else:
            with pytest.raises(outcome, match="SMTP_URL"):
                send(invitation)
    finally:
        controller.stop()


def test_without_a_mail_server_it_is_left_out_and_says_why(
    team: Team, invitation: Delivery
) -> None:
    with pytest.raises(Skip, match=NO_MAIL):
        handler(team, None).send(invitation)
    with team.sessions() as session:
        assert session.scalars(select(func.count(SignInLink.id))).one() == 0


def test_who_was_sent_away_meanwhile_gets_no_link(
    team: Team, invitation: Delivery, server: Controller, postbox: Postbox
) -> None:
    with team.sessions() as session:
        members.deactivate(session, invitation.payload["user_id"], team.grace)
    with pytest.raises(Skip, match="closed"):
        handler(team, mail_to(server.port)).send(invitation)
    assert postbox.mails == []


def test_no_name_and_no_address_begins_a_header_of_its_own() -> None:
    for to in ("a@example.com\nBcc: all@example.com", "a@example.com\r\n\r\nHello"):
        with pytest.raises(Permanent):
            compose(SENDER, to, "Lin", LinkPurpose.RESET, "https://x")
    mail = compose(
        SENDER, "a@example.com", "Lin\nBcc: x@example.com", LinkPurpose.RESET, "https://x"
    )
    assert mail["Bcc"] is None
    assert set(mail.keys()) >= {"From", "To", "Subject"}
    for purpose in LinkPurpose:
        text = compose(SENDER, "a@example.com", "Zoë 🦊", purpose, "https://x").as_bytes()
        assert text.isascii()
