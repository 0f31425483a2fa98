"""Make each kind of delivery of the status page of our own: its clock, and the mail to subscribers."""

from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.email_updates import Post, send_question, send_update
from incidentbot.channels.smtp import NO_MAIL
from incidentbot.config import Settings
from incidentbot.outbox.dispatch import Handler, Receipt, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages.maintenance import CLOCK, follow_clock
from incidentbot.status_pages.subscribers import (
    CONFIRM,
    FAN_OUT,
    UPDATE,
    Tokens,
    fan_out,
    note_delivered,
)


def handlers(settings: Settings, sessions: sessionmaker[Session]) -> dict[str, Handler]:
    """Return a handler for each kind. Without a mail server those of mail skip what they are given."""
    always = {CLOCK: Handler(_nothing, _move)}
    if settings.mail is None:
        return always | {kind: Handler(_skip) for kind in (FAN_OUT, CONFIRM, UPDATE)}
    tokens = Tokens(settings.secret_key.get_secret_value())
    post = Post(settings.mail, sessions, settings.base_url, tokens)
    return always | {
        FAN_OUT: Handler(_nothing, fan_out),
        CONFIRM: Handler(partial(send_question, post)),
        UPDATE: Handler(partial(send_update, post), note_delivered),
    }


def _nothing(_delivery: Delivery) -> Receipt:
    """Reach nobody outside: all there is to do is in the transaction that ends the delivery."""
    return {}


def _move(session: Session, delivery: Delivery) -> None:
    follow_clock(session, int(delivery.target))


def _skip(_delivery: Delivery) -> Receipt:
    raise Skip(NO_MAIL)
