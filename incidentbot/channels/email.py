"""Make each kind of e-mail delivery: one plain-text mail, by SMTP. No transaction is open meanwhile."""

import smtplib
import ssl
from contextlib import AbstractContextManager
from email.message import EmailMessage
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from incidentbot.config import Mail
from incidentbot.outbox.dispatch import Handler, Permanent, Receipt, Retry, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.users.links import LIFETIMES, make_sign_in_secret
from incidentbot.users.members import ACCOUNT_MAIL
from incidentbot.users.models import LinkPurpose, User

TIMEOUT_SECONDS = 15
NO_MAIL = "No e-mail is sent from here: SMTP_URL and MAIL_FROM are not set"

_SUBJECTS = {
    LinkPurpose.SIGN_IN: "Your link to sign in to incidentbot",
    LinkPurpose.INVITATION: "You are invited to incidentbot",
    LinkPurpose.RESET: "Choose a new password for incidentbot",
}
_REASONS = {
    LinkPurpose.SIGN_IN: "this link signs you in to incidentbot, once:",
    LinkPurpose.INVITATION: (
        "you are invited to incidentbot, where incidents are declared and followed.\n"
        "This link signs you in, once, and lets you choose a password:"
    ),
    LinkPurpose.RESET: (
        "somebody asked for a new password for your account at incidentbot.\n"
        "This link lets you choose one, once:"
    ),
}
_LIFETIMES = {
    LinkPurpose.SIGN_IN: "24 hours",
    LinkPurpose.INVITATION: "7 days",
    LinkPurpose.RESET: "1 hour",
}
_OTHERWISE = {
    LinkPurpose.SIGN_IN: "If you did not ask for it, you can ignore this mail.",
    LinkPurpose.INVITATION: "If it has run out, ask an admin for another one.",
    LinkPurpose.RESET: "If that was not you, ignore this mail: your password stays as it is.",
}
assert _LIFETIMES.keys() == LIFETIMES.keys()  # noqa: S101 - a purpose without words is found at start


def handlers(
    mail: Mail | None, sessions: sessionmaker[Session], base_url: str
) -> dict[str, Handler]:
    """Return a handler for each kind of e-mail. Without `mail` they skip what they are given."""
    send = partial(send_account_mail, mail, sessions, base_url) if mail else _skip
    return {ACCOUNT_MAIL: Handler(send)}


def send_account_mail(
    mail: Mail, sessions: sessionmaker[Session], base_url: str, delivery: Delivery
) -> Receipt:
    """Send a person a one-time link. It is made only now, and a second attempt makes another one."""
    purpose = LinkPurpose(delivery.payload["purpose"])
    with sessions() as session:
        user = session.get(User, delivery.payload["user_id"])
        if user is None or not user.is_active or user.email is None:
            raise Skip("the account is closed, or has no e-mail address any more")
        name, address = user.name, user.email
        secret = make_sign_in_secret(session, user, purpose)
    message = compose(mail.sender, address, name, purpose, f"{base_url}/sign-in/{secret}")
    _send(mail, message)
    return {"to": address}


def compose(sender: str, to: str, name: str, purpose: LinkPurpose, link: str) -> EmailMessage:
    """Return the mail that brings a one-time link."""
    message = EmailMessage()
    try:
        message["From"], message["To"] = sender, to
    except ValueError as error:  # a line break would begin a header of somebody else's
        raise Permanent("The e-mail address is none that mail can be sent to.") from error
    message["Subject"] = _SUBJECTS[purpose]
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        f"Hello {name},\n\n{_REASONS[purpose]}\n\n{link}\n\n"
        f"It works for {_LIFETIMES[purpose]}. {_OTHERWISE[purpose]}\n",
        cte="quoted-printable" if not name.isascii() else "7bit",
    )
    return message


def _send(mail: Mail, message: EmailMessage) -> None:
    """Hand the mail to the server. Raises Retry for what may pass, Permanent for what will not."""
    try:
        with _connect(mail) as server:
            # Nothing was accepted before this: until here no failure leaves doubt.
            _submit(server, message)
    except smtplib.SMTPAuthenticationError as error:
        raise _refusal(error.smtp_code, "the user name or password in SMTP_URL") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Permanent(f"The mail server cannot do what is needed: {error}") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, _words(error.smtp_error)) from error
    except ssl.SSLCertVerificationError as error:
        raise Permanent(f"The mail server's certificate is not trusted: {error.reason}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"The mail server cannot be reached: {error}") from error


def _connect(mail: Mail) -> AbstractContextManager[smtplib.SMTP]:
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if mail.is_tls:
        server = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_SECONDS)
    try:
        server.ehlo_or_helo_if_needed()
        is_encrypted = mail.is_tls
        if not is_encrypted and server.has_extn("starttls"):
            server.starttls(context=context)
            is_encrypted = True
        if mail.password is not None:
            if not is_encrypted:
                raise Permanent(
                    "The mail server offers no encryption, and SMTP_URL has a password: "
                    "it was not sent. Use a server that has STARTTLS, or smtps://."
                )
            server.login(mail.user or "", mail.password)
    except BaseException:
        server.close()
        raise
    return server


def _submit(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise _refusal(code, _words(text)) from error
    except smtplib.SMTPServerDisconnected as error:
        raise Retry("The mail server hung up.", in_doubt=True) from error
    except TimeoutError as error:
        raise Retry("The mail server did not answer in time.", in_doubt=True) from error


def _refusal(code: int, words: str) -> Retry | Permanent:
    """Return what a refusal means: codes from 500 on are for good."""
    sentence = f"The mail server refused ({code}): {words}"
    return Permanent(sentence) if code >= 500 else Retry(sentence)


def _words(text: bytes | str) -> str:
    return (text.decode(errors="replace") if isinstance(text, bytes) else text)[:300]


def _skip(_delivery: Delivery) -> Receipt:
    raise Skip(NO_MAIL)
