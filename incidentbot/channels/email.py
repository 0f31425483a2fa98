"""Make each kind of e-mail delivery: one plain-text mail, by SMTP. No transaction is open meanwhile."""

from email.message import EmailMessage
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.smtp import NO_MAIL, identify, send
from incidentbot.config import Mail
from incidentbot.outbox.dispatch import Handler, Permanent, Receipt, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.users.links import LIFETIMES, make_sign_in_secret
from incidentbot.users.members import ACCOUNT_MAIL
from incidentbot.users.models import LinkPurpose, User

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
    make = partial(send_account_mail, mail, sessions, base_url) if mail else _skip
    return {ACCOUNT_MAIL: Handler(make)}


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
    # Tried again after days it brings a link in place of one that ran out: no mailbox may drop it.
    identify(message, mail, delivery, version=f"-{delivery.attempts}")
    send(mail, message)
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


def _skip(_delivery: Delivery) -> Receipt:
    raise Skip(NO_MAIL)
