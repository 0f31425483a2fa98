"""Make each kind of Slack delivery. Nothing here holds a database transaction while it calls Slack."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from incidentbot import database
from incidentbot.channels.slack import blocks
from incidentbot.channels.slack.api import SlackApi, SlackRefusal
from incidentbot.channels.slack.directory import entry_of
from incidentbot.channels.slack.find import Places, find_channel, find_message
from incidentbot.incidents.channel_names import with_suffix
from incidentbot.incidents.commands import record_war_room
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from incidentbot.incidents.queries import get_event, latest_update
from incidentbot.outbox.dispatch import Handler, Permanent, Receipt, Skip, Wait
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import publish
from incidentbot.routing.plan import ENDS, WAR_ROOM, pin
from incidentbot.routing.route import next_message_at
from incidentbot.users.people import record_profile

METADATA_TYPE = "incidentbot_delivery"


@dataclass(frozen=True)
class Slack:
    """What every sender needs: Slack's API, a way to read the database, the address of our pages.

    `conversations` are the direct messages opened so far, by person. They stay the same; to open
    one again each time its message has to wait would use up what Slack allows. `places` are where
    looks through many channels were broken off.
    """

    api: SlackApi
    sessions: sessionmaker[Session]
    base_url: str
    conversations: dict[str, str] = field(default_factory=dict)
    places: Places = field(default_factory=Places)


def handlers(slack: Slack | None) -> dict[str, Handler]:
    """Return a handler for each kind of Slack delivery. Without `slack` they skip what they are given."""
    return {
        kind: Handler(partial(send, slack) if slack else _skip, record)
        for kind, (send, record) in _SENDERS.items()
    }


def send_war_room(slack: Slack, delivery: Delivery) -> Receipt:
    """Create the incident's channel: its name, else one with a short suffix."""
    with _incident(slack, delivery) as (_session, incident):
        name, number, known, is_private = (
            incident.slack_channel_name,
            incident.number,
            incident.slack_channel_id,
            incident.is_private,
        )
    if known:
        return {"channel": known, "name": name}
    names = [name, with_suffix(name, str(number)), f"inc-{number}"]
    names.append(with_suffix(name, secrets.token_hex(2)))
    if delivery.in_doubt:
        # The names are this incident's alone: a channel of ours with one of them is the one we made.
        found = find_channel(slack.api, slack.places, names[:3], delivery.created_at)
        if found:
            return {"channel": found["id"], "name": found["name"]}
    refusal: SlackRefusal | None = None
    for candidate in names:
        try:
            answer = slack.api.call("conversations_create", name=candidate, is_private=is_private)
        except SlackRefusal as error:
            if error.error != "name_taken" and not error.error.startswith("invalid_name"):
                raise
            refusal = error
        else:
            channel = answer["channel"]
            return {"channel": channel["id"], "name": channel["name"]}
    raise Permanent(f"No name for the channel was accepted. {refusal}")


def send_invite(slack: Slack, delivery: Delivery) -> Receipt:
    """Invite people; one who cannot be invited does not keep the others out."""
    channel = _war_room(slack, delivery)
    users = ",".join(delivery.payload["users"])
    try:
        slack.api.call("conversations_invite", channel=channel, users=users, force=True)
    except SlackRefusal as error:
        # With force, Slack invites the valid ones and lists the others with their errors.
        failed = error.answer.get("errors") or [{"error": error.error}]
        serious = [e for e in failed if e.get("error") not in _HARMLESS_INVITE_ERRORS]
        if serious and len(serious) == len(delivery.payload["users"]):
            raise
        return {"channel": channel, "not_invited": serious}
    return {"channel": channel}


def send_remove(slack: Slack, delivery: Delivery) -> Receipt:
    """Take a person out of the incident's channel; one who is not in it is out already."""
    channel = _war_room(slack, delivery)
    try:
        slack.api.call("conversations_kick", channel=channel, user=delivery.payload["user"])
    except SlackRefusal as error:
        if error.error != "not_in_channel":
            raise
    return {"channel": channel}


def send_topic(slack: Slack, delivery: Delivery) -> Receipt:
    """Set the channel's topic to the incident's state as it is now."""
    with _incident(slack, delivery) as (_session, incident):
        channel, topic = _channel_of(incident), blocks.topic(incident, slack.base_url)
    slack.api.call("conversations_setTopic", channel=channel, topic=topic)
    return {"channel": channel}


def send_bookmark(slack: Slack, delivery: Delivery) -> Receipt:
    """Bookmark the incident's page in its channel."""
    with _incident(slack, delivery) as (_session, incident):
        channel, title = _channel_of(incident), f"{incident.reference} in incidentbot"
        url = blocks.incident_url(slack.base_url, incident)
    if delivery.in_doubt:
        listed = slack.api.call("bookmarks_list", channel_id=channel)["bookmarks"]
        if any(bookmark.get("link") == url for bookmark in listed):
            return {"channel": channel}
    slack.api.call("bookmarks_add", channel_id=channel, title=title, type="link", link=url)
    return {"channel": channel}


def send_card(slack: Slack, delivery: Delivery) -> Receipt:
    """Show the incident as it is now on the card in its channel."""
    with _incident(slack, delivery) as (session, incident):
        channel = _channel_of(incident)
        message = _message(incident, blocks.card, session, slack.base_url)
        before = _card_so_far(session, delivery, incident)
    return _show_card(slack, delivery, channel, message, before)


def pin_new_card(session: Session, delivery: Delivery) -> None:
    """Have a card that was posted just now pinned."""
    receipt = delivery.receipt or {}
    if receipt.get("is_new"):
        incident = session.get_one(Incident, delivery.incident_id)
        publish(session, [pin(incident.id, incident.reference, receipt, delivery.priority)])


def send_pin(slack: Slack, delivery: Delivery) -> Receipt:
    """Pin the card in the incident's channel."""
    channel, ts = delivery.payload["channel"], delivery.payload["ts"]
    try:
        slack.api.call("pins_add", channel=channel, timestamp=ts)
    except SlackRefusal as error:
        if error.error != "already_pinned":
            raise
    return {"channel": channel, "ts": ts}


def send_announcement(slack: Slack, delivery: Delivery) -> Receipt:
    """Show the incident as it is now on its card in another channel."""
    with _incident(slack, delivery) as (session, incident):
        message = _message(incident, blocks.announcement, session, slack.base_url)
        before = _card_so_far(session, delivery, incident)
    return _show_card(slack, delivery, delivery.target, message, before)


def send_message(slack: Slack, delivery: Delivery) -> Receipt:
    """Tell one event in the incident's channel, or in a channel that was told of the incident."""
    with _incident(slack, delivery) as (session, incident):
        channel = _channel_of(incident) if delivery.target == WAR_ROOM else delivery.target
        event = get_event(session, incident.id, delivery.payload["seq"])
        _still_true(session, event)
        message = {
            "text": blocks.event_text(incident, event),
            "blocks": blocks.event_blocks(incident, event, slack.base_url),
        }
    return _post_message(slack, delivery, channel, message)


def send_dm(slack: Slack, delivery: Delivery) -> Receipt:
    """Tell a person of an event in a direct message."""
    with _incident(slack, delivery) as (session, incident):
        event = get_event(session, incident.id, delivery.payload["seq"])
        _still_the_last_word(session, event)
        _not_too_soon(session, delivery)
        message = {
            "text": blocks.event_text(incident, event),
            "blocks": blocks.direct_message(incident, event, slack.base_url),
        }
    return _post_message(slack, delivery, _conversation_with(slack, delivery.target), message)


def send_profile(slack: Slack, delivery: Delivery) -> Receipt:
    """Ask Slack for a person's name and e-mail address."""
    person = entry_of(slack.api.call("users_info", user=delivery.target)["user"])
    return {"name": person.name, "email": person.email}


def store_profile(session: Session, delivery: Delivery) -> None:
    """Keep what `send_profile` learned."""
    receipt = delivery.receipt or {}
    record_profile(session, delivery.target, receipt.get("name", ""), receipt.get("email"))


Send = Callable[[Slack, Delivery], Receipt]
Record = Callable[[Session, Delivery], None]

_SENDERS: Mapping[str, tuple[Send, Record | None]] = {
    "slack.war_room": (send_war_room, record_war_room),
    "slack.invite": (send_invite, None),
    "slack.remove": (send_remove, None),
    "slack.topic": (send_topic, None),
    "slack.bookmark": (send_bookmark, None),
    "slack.card": (send_card, pin_new_card),
    "slack.pin": (send_pin, None),
    "slack.announcement": (send_announcement, None),
    "slack.message": (send_message, None),
    "slack.dm": (send_dm, None),
    "slack.profile": (send_profile, store_profile),
}

_HARMLESS_INVITE_ERRORS = frozenset({"already_in_channel", "cant_invite_self"})
# The card is gone or out of reach: show it anew.
_CARD_LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


def _skip(_delivery: Delivery) -> Receipt:
    raise Skip("Slack is not connected: SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are not set")


@contextmanager
def _incident(slack: Slack, delivery: Delivery) -> Iterator[tuple[Session, Incident]]:
    """Read the delivery's incident as it is now. The transaction ends before Slack is called."""
    with slack.sessions() as session:
        yield session, session.get_one(Incident, delivery.incident_id)


def _war_room(slack: Slack, delivery: Delivery) -> str:
    with _incident(slack, delivery) as (_session, incident):
        return _channel_of(incident)


def _conversation_with(slack: Slack, person: str) -> str:
    if person not in slack.conversations:
        opened = slack.api.call("conversations_open", users=person)
        slack.conversations[person] = opened["channel"]["id"]
    return slack.conversations[person]


def _channel_of(incident: Incident) -> str:
    if incident.slack_channel_id is None:
        raise Skip("the incident has no channel")  # an operator had it left out
    return incident.slack_channel_id


Present = Callable[[Incident, TimelineEvent | None, str], list[blocks.Block]]


def _message(
    incident: Incident, present: Present, session: Session, base_url: str
) -> dict[str, Any]:
    latest = latest_update(session, incident.id)
    return {
        "text": blocks.summary_line(incident),
        "blocks": present(incident, latest, base_url),
    }


def _still_true(session: Session, event: TimelineEvent) -> None:
    """Raise Skip where the event tells of a delivery that was given up, and it was made after all."""
    if event.kind is EventKind.DELIVERY:
        told_of = session.get(Delivery, event.data["delivery"])
        if told_of is None or told_of.state is not DeliveryState.PARKED:
            raise Skip("it was delivered after all")


def _still_the_last_word(session: Session, event: TimelineEvent) -> None:
    """Raise Skip where the event tells of an end or a reopening, and another came after it."""
    if event.kind not in ENDS:
        return
    newer = select(TimelineEvent.id).where(
        TimelineEvent.incident_id == event.incident_id,
        TimelineEvent.seq > event.seq,
        TimelineEvent.kind.in_(ENDS),
    )
    if session.scalar(newer.limit(1)) is not None:
        raise Skip("superseded by a newer one")


def _not_too_soon(session: Session, delivery: Delivery) -> None:
    """Raise Wait where the person had a message about this incident too recently."""
    at = next_message_at(session, delivery)
    seconds = (at - database.now(session)).total_seconds() if at else 0.0
    if seconds > 0:
        raise Wait("", after=seconds)


@dataclass(frozen=True)
class _Card:
    """What is known of a card: its key, where it was posted, or else whether it may have been."""

    key: str
    posted: Receipt | None
    in_doubt: bool
    since: datetime


def _card_so_far(session: Session, delivery: Delivery, incident: Incident) -> _Card:
    """Return what the deliveries of the same card have come to."""
    rows = session.execute(
        select(Delivery.state, Delivery.receipt, Delivery.in_doubt)
        .where(
            Delivery.incident_id == incident.id,
            Delivery.kind == delivery.kind,
            Delivery.target == delivery.target,
            Delivery.attempts > 0,
        )
        .order_by(Delivery.id.desc())
    ).all()
    return _Card(
        key=f"card-{incident.id}-{delivery.target}",
        posted=next((row.receipt for row in rows if row.state is DeliveryState.DONE), None),
        in_doubt=any(row.in_doubt for row in rows if row.state is not DeliveryState.DONE),
        since=incident.declared_at,
    )


def _show_card(
    slack: Slack, delivery: Delivery, channel: str, message: dict[str, Any], card: _Card
) -> Receipt:
    """Bring the posted card up to date, or post it; return its place, and whether it is new there."""
    if card.posted is not None:
        place = {"channel": card.posted["channel"], "ts": card.posted["ts"]}
        try:
            slack.api.call("chat_update", **place, **message)
        except SlackRefusal as error:
            if error.error not in _CARD_LOST:
                raise
        else:
            return place
    in_doubt = card.in_doubt or delivery.in_doubt
    receipt = _post_once(slack, channel, message, card.key, card.since if in_doubt else None)
    return {**receipt, "is_new": True}


def _post_message(
    slack: Slack, delivery: Delivery, channel: str, message: dict[str, Any]
) -> Receipt:
    since = delivery.created_at if delivery.in_doubt else None
    return _post_once(slack, channel, message, f"delivery-{delivery.id}", since)


def _post_once(
    slack: Slack, channel: str, message: dict[str, Any], key: str, in_doubt_since: datetime | None
) -> Receipt:
    """Post a message that carries `key`; when in doubt, look whether it is there already."""
    if in_doubt_since is not None:
        found = find_message(
            slack.api, slack.places, channel, METADATA_TYPE, key, since=in_doubt_since
        )
        if found is not None:
            return found
    answer = slack.api.call(
        "chat_postMessage",
        channel=channel,
        metadata={"event_type": METADATA_TYPE, "event_payload": {"key": key}},
        unfurl_links=False,
        **message,
    )
    return {"channel": answer["channel"], "ts": answer["ts"]}
