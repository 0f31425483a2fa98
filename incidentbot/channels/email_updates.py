"""The mails of the status page: the question to a new subscriber, and each update. Plain text."""

from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.smtp import NoSuchMailbox, identify, send
from incidentbot.config import Mail
from incidentbot.incidents.models import Incident
from incidentbot.outbox.dispatch import Receipt, Skip
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages.maintenance import is_called_off
from incidentbot.status_pages.models import (
    Maintenance,
    PublicIncident,
    PublicService,
    PublicUpdate,
    StatusPageSettings,
    Subscriber,
)
from incidentbot.status_pages.settings import address_of, by_clock, get_page_settings
from incidentbot.status_pages.subscribers import Tokens, note_refused, recipient

_MOMENTS = {
    "scheduled": "Maintenance is scheduled",
    "changed": "Scheduled maintenance has changed",
    "started": "Maintenance has begun",
    "completed": "Maintenance is over",
    "called_off": "Maintenance is called off",
}


@dataclass(frozen=True)
class Post:
    """What every mail needs: the mail server, a way to read the database, our address, our secret."""

    mail: Mail
    sessions: sessionmaker[Session]
    base_url: str
    tokens: Tokens


def send_question(post: Post, delivery: Delivery) -> Receipt:
    """Ask whether somebody wants the updates. The link is made only now: it runs out."""
    with post.sessions() as session:
        settings = _page(session)
        subscriber = _recipient(session, delivery)
        service_ids = delivery.payload["services"]
        link = f"{address_of(post.base_url, settings.host)}/status/confirm/"
        link += post.tokens.to_confirm(subscriber, service_ids)
        names = ", ".join(_names(session, service_ids)) or "all services"
        message = _message(
            post, delivery, subscriber.email, f"{settings.title}: confirm your subscription"
        )
        message.set_content(
            f"Somebody, hopefully you, asked for mail about {settings.title}: {names}.\n\n"
            f"To get it, open this page and confirm:\n\n{link}\n\n"
            "The link works for 7 days. If it was not you, do nothing: you will get no mail.\n"
        )
    try:
        send(post.mail, message)
    except NoSuchMailbox as error:
        raise Skip(str(error)) from None  # who mistyped an address asks again, and is forgotten
    return {"subscriber": int(delivery.target)}


def send_update(post: Post, delivery: Delivery) -> Receipt:
    """Mail a subscriber one update of an incident, or one moment of a maintenance."""
    with post.sessions() as session:
        settings = _page(session)
        subscriber = _recipient(session, delivery)
        if subscriber.confirmed_at is None:
            raise Skip("the subscription was not confirmed")
        address = address_of(post.base_url, settings.host)
        zone = ZoneInfo(settings.time_zone)
        if "maintenance" in delivery.payload:
            subject, text = _maintenance(session, delivery, address, zone)
        else:
            subject, text = _update(session, delivery, address, zone)
        leave = f"{address}/status/unsubscribe/{post.tokens.to_leave(subscriber)}"
        message = _message(post, delivery, subscriber.email, f"{settings.title}: {subject}")
        message["List-Unsubscribe"] = f"<{leave}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["List-Id"] = f"Status updates <status.{post.mail.sender.rpartition('@')[2]}>"
        message.set_content(f"{text}\n\n-- \nTo get no more of these mails:\n{leave}\n")
    try:
        send(post.mail, message)
    except NoSuchMailbox as error:
        raise Skip(str(error), note_refused) from None
    return {"subscriber": int(delivery.target)}


def _update(session: Session, delivery: Delivery, address: str, zone: ZoneInfo) -> tuple[str, str]:
    incident_id, seq = delivery.payload["incident"], delivery.payload["seq"]
    update = session.scalars(
        select(PublicUpdate).where(PublicUpdate.incident_id == incident_id, PublicUpdate.seq == seq)
    ).one_or_none()
    incident = session.get(Incident, incident_id)
    known = session.get(PublicIncident, incident_id)
    if update is None or known is None or incident is None or incident.is_private:
        raise Skip("customers are not told of the incident any more")
    status = update.status.value.capitalize()
    names = ", ".join(_names(session, [incident.service_id]))
    facts = [f"{status}, {by_clock(update.at, zone)}", f"Service: {names}" if names else ""]
    link = f"{address}/status/incidents/{incident.reference}"
    text = "\n".join([known.title, *filter(None, facts), "", update.body, "", link])
    return f"{known.title} ({status.lower()})", text


def _maintenance(
    session: Session, delivery: Delivery, address: str, zone: ZoneInfo
) -> tuple[str, str]:
    maintenance = session.get(Maintenance, delivery.payload["maintenance"])
    if maintenance is None:
        raise Skip("there is no such maintenance any more")
    names = ", ".join(_names(session, [service.id for service in maintenance.services]))
    is_off = is_called_off(maintenance)
    until = maintenance.ends_at if is_off else maintenance.ended_at or maintenance.ends_at
    begins, ends = by_clock(maintenance.starts_at, zone), by_clock(until, zone)
    facts = [
        _MOMENTS[delivery.payload["moment"]] + ".",
        f"It was planned from {begins} to {ends}" if is_off else f"From {begins} to {ends}",
        f"Services: {names}" if names else "",
    ]
    text = "\n".join(
        [maintenance.title, *filter(None, facts), "", maintenance.body, "", f"{address}/status"]
    )
    return f"{_MOMENTS[delivery.payload['moment']]}: {maintenance.title}", text


def _message(post: Post, delivery: Delivery, to: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    identify(message, post.mail, delivery)
    message["From"], message["To"] = post.mail.sender, to
    message["Subject"] = " ".join(subject.split())
    message["Auto-Submitted"] = "auto-generated"
    return message


def _page(session: Session) -> StatusPageSettings:
    settings = get_page_settings(session)
    if not settings.is_on:
        raise Skip("the status page is switched off")
    return settings


def _recipient(session: Session, delivery: Delivery) -> Subscriber:
    subscriber = recipient(session, delivery)
    if subscriber is None:
        raise Skip("the subscription has ended")
    return subscriber


def _names(session: Session, service_ids: Iterable[int]) -> list[str]:
    """Return what customers call these services; those they are not shown are left out."""
    rows = session.scalars(
        select(PublicService.name)
        .where(PublicService.service_id.in_(list(service_ids)))
        .order_by(PublicService.position, func.lower(PublicService.name))
    )
    return list(rows)
