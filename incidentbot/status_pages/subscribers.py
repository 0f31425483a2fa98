"""Who gets mail of what the status page says: only who asked for it, confirmed it and has not left."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.models import Incident, Service
from incidentbot.incidents.settings import changing_setting
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import Effect, publish, wake
from incidentbot.status_pages.models import (
    PublicService,
    Subscriber,
    maintenance_services,
    subscriber_services,
)
from incidentbot.users.actor import SYSTEM, Actor

CONFIRM, UPDATE, FAN_OUT = "email.confirm", "email.update", "email.subscribers"
EMAIL_LIMIT = 254
CONFIRM_WITHIN = timedelta(days=7)
# A question that nobody answered is forgotten, and the address with it: when the link in its mail, which is
# tried for a day, works no more.
FORGET_AFTER = CONFIRM_WITHIN + timedelta(days=1)
# Nobody can have somebody else's mailbox filled with questions.
ASK_AGAIN_AFTER = timedelta(minutes=10)
ASKED_A_DAY = 3
# A mailbox that refused so many mails in a row, over so long, is gone.
REFUSALS = 3
REFUSED_FOR = timedelta(days=1)
BATCH = 200


@dataclass(frozen=True)
class Tokens:
    """Makes and reads what stands in the links of mails. Signed with the installation's secret.

    A token names a subscription, not only its number: SQLite gives the number of one that is gone to
    somebody else.
    """

    secret: str

    def to_confirm(self, subscriber: Subscriber, service_ids: Sequence[int]) -> str:
        """Return the token that confirms a subscription to these services (none named: to all)."""
        return self._timed().dumps([*_named(subscriber), list(service_ids)])

    def read_confirm(self, session: Session, token: str) -> tuple[Subscriber, Sequence[int]]:
        """Return whose it is, and the services. Raises NotFound when it is forged or too old."""
        gone = (
            "It is too old, was not copied whole, or you have unsubscribed since. "
            "Subscribe again to get a new one."
        )
        try:
            number, since, service_ids = self._timed().loads(
                token, max_age=int(CONFIRM_WITHIN.total_seconds())
            )
        except (BadSignature, ValueError, TypeError):
            raise NotFound(gone) from None
        subscriber = _find(session, number, since)
        if subscriber is None:
            raise NotFound(gone)
        return subscriber, service_ids

    def to_leave(self, subscriber: Subscriber) -> str:
        """Return the token that ends a subscription. It never runs out."""
        return self._plain().dumps(_named(subscriber))

    def read_leave(self, session: Session, token: str) -> Subscriber | None:
        """Return whose it is, None when they have left. Raises NotFound when it is forged."""
        try:
            number, since = self._plain().loads(token)
        except (BadSignature, ValueError, TypeError):
            raise NotFound("This link is not complete. Copy all of it from the mail.") from None
        return _find(session, number, since)

    def _timed(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="status-page-confirm")

    def _plain(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret, salt="status-page-unsubscribe")


def subscribe(session: Session, typed: str, service_ids: Collection[int] = ()) -> None:
    """Ask an address whether it wants mail; of all services when none is named. Raises InvalidInput.

    It does the same whoever asks and whoever is subscribed already, so nobody learns who is.
    """
    address = clean_address(typed)
    with suppress(IntegrityError):  # the same address came twice at one moment: one asks
        _ask(session, address, set(service_ids))
    wake(session)


def _ask(session: Session, address: str, service_ids: set[int]) -> None:
    with write_transaction(session):
        now = database.now(session)
        forget_unconfirmed(session)
        wanted = session.scalars(
            select(PublicService.service_id)
            .where(PublicService.service_id.in_(service_ids))
            .order_by(PublicService.service_id)
        ).all()
        if len(wanted) != len(service_ids):
            raise InvalidInput("services", "Choose services in the list.")
        subscriber = session.scalars(
            select(Subscriber).where(Subscriber.email == address).with_for_update()
        ).one_or_none()
        if subscriber is None:
            subscriber = Subscriber(email=address, created_at=now)
            session.add(subscriber)
            session.flush()
        elif _was_asked_enough(session, subscriber, now):
            return
        subscriber.asked_at = now
        publish(session, [_question(subscriber.id, list(wanted), now.isoformat())])


def confirm(session: Session, tokens: Tokens, token: str) -> None:
    """Have the updates mailed from now on. Doing it twice changes nothing. Raises NotFound."""
    with write_transaction(session):
        subscriber, service_ids = tokens.read_confirm(session, token)
        subscriber.confirmed_at = subscriber.confirmed_at or database.now(session)
        subscriber.services = list(
            session.scalars(select(Service).where(Service.id.in_(service_ids)))
        )


def unsubscribe(session: Session, tokens: Tokens, token: str) -> None:
    """Forget the address. Doing it twice changes nothing. Raises NotFound for a forged token."""
    with write_transaction(session):
        subscriber = tokens.read_leave(session, token)
        if subscriber is not None:
            session.delete(subscriber)


def remove(session: Session, actor: Actor, typed: str) -> None:
    """Forget an address for somebody who asked us to. Raises InvalidInput, NotAllowed.

    The audit log keeps that it was done, not the address: nothing is ever deleted there.
    """
    address = clean_address(typed)
    with changing_setting(session, actor, "remove_subscriber") as change:
        subscriber = session.scalars(
            select(Subscriber).where(Subscriber.email == address)
        ).one_or_none()
        if subscriber is None:
            raise InvalidInput("email", "This address is not subscribed.")
        number = subscriber.id
        session.delete(subscriber)
        change.record(f"subscriber {number}", {"subscribed": True}, {"subscribed": False})


@dataclass(frozen=True)
class Count:
    """How many subscribers there are: confirmed, not answered yet, of the confirmed those who refuse."""

    confirmed: int
    unanswered: int
    refusing: int


def count(session: Session) -> Count:
    """Return how many subscribers have confirmed, have not answered, and have mailboxes that refuse."""
    total, confirmed, refusing = session.execute(
        select(
            func.count(),
            func.count(Subscriber.confirmed_at),
            func.count(Subscriber.refused_since),
        ).select_from(Subscriber)
    ).one()
    return Count(confirmed, total - confirmed, refusing)


def note_delivered(session: Session, delivery: Delivery) -> None:
    """Note that a subscriber's mailbox took an update: what it refused before counts no more."""
    session.execute(
        update(Subscriber)
        .where(Subscriber.id == int(delivery.target), Subscriber.refusals > 0)
        .values(refusals=0, refused_since=None)
        .execution_options(synchronize_session=False)
    )


def note_refused(session: Session, delivery: Delivery) -> None:
    """Count an update that a subscriber's mailbox refused for good; forget one that is gone.

    Three updates may follow each other within minutes, and a provider be confused for so long: that
    alone is not enough. The audit log keeps that somebody was forgotten, not the address.
    """
    subscriber = recipient(session, delivery)
    if subscriber is None:
        return
    now = database.now(session)
    subscriber.refusals += 1
    subscriber.refused_since = subscriber.refused_since or now
    if subscriber.refusals < REFUSALS or now - subscriber.refused_since < REFUSED_FOR:
        return
    session.delete(subscriber)
    session.flush()
    audit.append(
        session,
        SYSTEM,
        "forget_subscriber",
        f"subscriber {subscriber.id}",
        before={"subscribed": True, "refusals": subscriber.refusals},
        after={"subscribed": False},
        reason="the mailbox refuses every mail",
    )


def forget_unconfirmed(session: Session) -> int:
    """Forget who was asked and did not answer in time, in the caller's transaction; return how many."""
    asked_at = func.coalesce(Subscriber.asked_at, Subscriber.created_at)
    unanswered = delete(Subscriber).where(
        Subscriber.confirmed_at.is_(None), asked_at < database.now(session) - FORGET_AFTER
    )
    return database.count_changed(session, unanswered)


def count_readers(session: Session, service_ids: Collection[int]) -> int:
    """Return how many subscribers get mail of what concerns these services."""
    wanted = select(func.count()).select_from(Subscriber).where(_gets_mail_of(service_ids))
    return session.scalar(wanted) or 0


def _gets_mail_of(service_ids: Collection[int]) -> ColumnElement[bool]:
    """Return the condition for who has confirmed, and asked for one of these services, or for all."""
    return and_(
        Subscriber.confirmed_at.is_not(None),
        or_(
            ~exists().where(subscriber_services.c.subscriber_id == Subscriber.id),
            exists().where(
                subscriber_services.c.subscriber_id == Subscriber.id,
                subscriber_services.c.service_id.in_(service_ids),
            ),
        ),
    )


def fan_out(session: Session, delivery: Delivery) -> None:
    """Publish one mail per subscriber of the next batch, and what does the batch after it.

    Inside the caller's transaction: the one that ends the delivery, never the incident's.
    """
    after, what = delivery.payload.get("after", 0), _what(delivery)
    service_ids = _services_of(session, delivery)
    batch = session.scalars(
        select(Subscriber.id)
        .where(_gets_mail_of(service_ids), Subscriber.id > after)
        .order_by(Subscriber.id)
        .limit(BATCH)
    ).all()
    root = delivery.payload.get("root", delivery.id)
    publish(session, [_mail(subscriber_id, what, root) for subscriber_id in batch])
    if len(batch) == BATCH:
        publish(
            session,
            [
                Effect(
                    kind=FAN_OUT,
                    target=delivery.target,
                    stream=delivery.stream,
                    dedupe_key=f"{FAN_OUT}/{root}/{batch[-1]}",
                    payload={**delivery.payload, "after": batch[-1], "root": root},
                    incident_id=delivery.incident_id,
                )
            ],
        )


def recipient(session: Session, delivery: Delivery) -> Subscriber | None:
    """Return whom a mail is for; None when they have left since."""
    subscriber = session.get(Subscriber, int(delivery.target))
    # Whoever came later has only the number of somebody who has left.
    is_they = subscriber is not None and subscriber.created_at <= delivery.created_at
    return subscriber if is_they else None


def _named(subscriber: Subscriber) -> list[int]:
    return [subscriber.id, int(subscriber.created_at.timestamp())]


def _find(session: Session, number: int, since: int) -> Subscriber | None:
    subscriber = session.get(Subscriber, number, with_for_update=True, populate_existing=True)
    is_they = subscriber is not None and _named(subscriber) == [number, since]
    return subscriber if is_they else None


def _what(delivery: Delivery) -> dict[str, Any]:
    """Return what the mails tell of: an incident's update, or a moment of a maintenance."""
    if "maintenance" in delivery.payload:
        return {name: delivery.payload[name] for name in ("maintenance", "moment")}
    # What was written before it had both numbers has the update's alone.
    number = delivery.payload.get("update", delivery.payload["seq"])
    return {"incident": delivery.incident_id, "seq": number}


def _services_of(session: Session, delivery: Delivery) -> Sequence[int]:
    if "maintenance" in delivery.payload:
        return session.scalars(
            select(maintenance_services.c.service_id).where(
                maintenance_services.c.maintenance_id == delivery.payload["maintenance"]
            )
        ).all()
    return session.scalars(
        select(Incident.service_id).where(Incident.id == delivery.incident_id)
    ).all()


def _mail(subscriber_id: int, what: dict[str, Any], root: int) -> Effect:
    # Not the incident's: a mailbox that is gone is no event of its story.
    return Effect(
        kind=UPDATE,
        target=str(subscriber_id),
        stream=f"subscriber/{subscriber_id}",
        dedupe_key=f"{UPDATE}/{root}/{subscriber_id}",
        payload=what,
    )


def _question(subscriber_id: int, service_ids: Sequence[int], when: str) -> Effect:
    return Effect(
        kind=CONFIRM,
        target=str(subscriber_id),
        stream=f"subscriber/{subscriber_id}",
        dedupe_key=f"{CONFIRM}/{subscriber_id}/{when}",
        payload={"services": list(service_ids)},
        priority=4,
    )


def _was_asked_enough(session: Session, subscriber: Subscriber, now: datetime) -> bool:
    """Whether the address was asked a moment ago, or several times today."""
    asked = session.scalars(
        select(Delivery.created_at)
        .where(
            Delivery.incident_id.is_(None),
            Delivery.kind == CONFIRM,
            Delivery.target == str(subscriber.id),
            Delivery.created_at >= subscriber.created_at,
            Delivery.created_at > now - timedelta(days=1),
        )
        .order_by(Delivery.id.desc())
        .limit(ASKED_A_DAY)
    ).all()
    return len(asked) == ASKED_A_DAY or any(at > now - ASK_AGAIN_AFTER for at in asked)


def clean_address(typed: str) -> str:
    """Return an e-mail address as it is kept. Raises InvalidInput for field email."""
    address = typed.strip().lower()
    name, at, host = address.rpartition("@")
    is_one = at and name and "." in host.strip(".") and address.isprintable() and address.isascii()
    if not is_one or len(address) > EMAIL_LIMIT or set(address) & set(' <>(),;:\\"[]'):
        raise InvalidInput("email", "Write an e-mail address like ada@example.com.")
    return address
