"""Make each kind of Slack delivery. Nothing here holds a database transaction while it calls Slack."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk import WebClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.slack import blocks
from incidentbot.channels.slack.api import SlackRefusal, call
from incidentbot.channels.slack.find import find_channel, find_message
from incidentbot.incidents.channel_names import with_suffix
from incidentbot.incidents.commands import record_war_room
from incidentbot.incidents.models import Incident, TimelineEvent
from incidentbot.incidents.queries import get_event, latest_update
from incidentbot.outbox.dispatch import Handler, Permanent, Receipt, Retry, Skip
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.routing.plan import WAR_ROOM
from incidentbot.users.people import record_profile

METADATA_TYPE = "incidentbot_delivery"


@dataclass(frozen=True)
class Slack:
    """What every sender needs: the client, a way to read the database, the address of our pages."""

    client: WebClient
    sessions: sessionmaker[Session]
    base_url: str


def handlers(slack: Slack | None) -> dict[str, Handler]:
    """Return a handler for each kind of Slack delivery. Without `slack` they skip what they are given."""
    return {
        kind: Handler(partial(send, slack) if slack else _skip, record)
        for kind, (send, record) in _SENDERS.items()
    }


def send_war_room(slack: Slack, delivery: Delivery) -> Receipt:
    """Create the incident's channel: its name, else one with a short suffix."""
    with _incident(slack, delivery) as (_session, incident):
        name, number, known = (
            incident.slack_channel_name,
            incident.number,
            incident.slack_channel_id,
        )
    if known:
        return {"channel": known, "name": name}
    names = [name, with_suffix(name, str(number)), f"inc-{number}"]
    names.append(with_suffix(name, secrets.token_hex(2)))
    if delivery.in_doubt:
        # The names are this incident's alone: a channel of ours with one of them is the one we made.
        found = find_channel(slack.client, names[:3], since=delivery.created_at)
        if found:
            return {"channel": found["id"], "name": found["name"]}
    refusal: SlackRefusal | None = None
    for candidate in names:
        try:
            answer = call(slack.client.conversations_create, name=candidate)
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
        call(slack.client.conversations_invite, channel=channel, users=users, force=True)
    except SlackRefusal as error:
        # With force, Slack invites the valid ones and lists the others with their errors.
        failed = error.answer.get("errors") or [{"error": error.error}]
        serious = [e for e in failed if e.get("error") not in _HARMLESS_INVITE_ERRORS]
        if serious and len(serious) == len(delivery.payload["users"]):
            raise
        return {"channel": channel, "not_invited": serious}
    return {"channel": channel}


def send_topic(slack: Slack, delivery: Delivery) -> Receipt:
    """Set the channel's topic to the incident's state as it is now."""
    with _incident(slack, delivery) as (_session, incident):
        channel, topic = _channel_of(incident), blocks.topic(incident, slack.base_url)
    call(slack.client.conversations_setTopic, channel=channel, topic=topic)
    return {"channel": channel}


def send_bookmark(slack: Slack, delivery: Delivery) -> Receipt:
    """Bookmark the incident's page in its channel."""
    with _incident(slack, delivery) as (_session, incident):
        channel, title = _channel_of(incident), f"{incident.reference} in incidentbot"
        url = blocks.incident_url(slack.base_url, incident)
    if delivery.in_doubt:
        listed = call(slack.client.bookmarks_list, channel_id=channel)["bookmarks"]
        if any(bookmark.get("link") == url for bookmark in listed):
            return {"channel": channel}
    call(slack.client.bookmarks_add, channel_id=channel, title=title, type="link", link=url)
    return {"channel": channel}


def send_card(slack: Slack, delivery: Delivery) -> Receipt:
    """Show the incident as it is now on the card pinned in its channel."""
    with _incident(slack, delivery) as (session, incident):
        channel = _channel_of(incident)
        message = _message(incident, blocks.card, session, slack.base_url)
        posted = _posted_card(session, delivery)
    receipt, is_new = _show_card(slack, delivery, channel, message, posted)
    if is_new:
        _pin(slack, receipt)
    return receipt


def send_announcement(slack: Slack, delivery: Delivery) -> Receipt:
    """Show the incident as it is now on its card in another channel."""
    with _incident(slack, delivery) as (session, incident):
        message = _message(incident, blocks.announcement, session, slack.base_url)
        posted = _posted_card(session, delivery)
    receipt, _is_new = _show_card(slack, delivery, delivery.target, message, posted)
    return receipt


def send_message(slack: Slack, delivery: Delivery) -> Receipt:
    """Tell one event in the incident's channel, or in a channel that was told of the incident."""
    with _incident(slack, delivery) as (session, incident):
        channel = _channel_of(incident) if delivery.target == WAR_ROOM else delivery.target
        event = get_event(session, incident.id, delivery.payload["seq"])
        message = {
            "text": blocks.event_text(incident, event),
            "blocks": blocks.event_blocks(incident, event, slack.base_url),
        }
    return _post_once(slack, delivery, channel, message, key=f"delivery-{delivery.id}")


def send_dm(slack: Slack, delivery: Delivery) -> Receipt:
    """Tell a person of an event in a direct message."""
    with _incident(slack, delivery) as (session, incident):
        event = get_event(session, incident.id, delivery.payload["seq"])
        message = {
            "text": blocks.event_text(incident, event),
            "blocks": blocks.direct_message(incident, event, slack.base_url),
        }
    channel = call(slack.client.conversations_open, users=delivery.target)["channel"]["id"]
    return _post_once(slack, delivery, channel, message, key=f"delivery-{delivery.id}")


def send_profile(slack: Slack, delivery: Delivery) -> Receipt:
    """Ask Slack for a person's name and e-mail address."""
    user = call(slack.client.users_info, user=delivery.target)["user"]
    profile = user.get("profile", {})
    name = profile.get("display_name") or profile.get("real_name") or user.get("real_name")
    return {"name": name or user.get("name") or "", "email": profile.get("email")}


def store_profile(session: Session, delivery: Delivery) -> None:
    """Keep what `send_profile` learned."""
    receipt = delivery.receipt or {}
    record_profile(session, delivery.target, receipt.get("name", ""), receipt.get("email"))


Send = Callable[[Slack, Delivery], Receipt]
Record = Callable[[Session, Delivery], None]

_SENDERS: Mapping[str, tuple[Send, Record | None]] = {
    "slack.war_room": (send_war_room, record_war_room),
    "slack.invite": (send_invite, None),
    "slack.topic": (send_topic, None),
    "slack.bookmark": (send_bookmark, None),
    "slack.card": (send_card, None),
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


def _channel_of(incident: Incident) -> str:
    if incident.slack_channel_id is None:
        raise Retry("the incident has no channel yet")
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


def _posted_card(session: Session, delivery: Delivery) -> Receipt | None:
    """Return where this card was posted, from the receipt of an earlier delivery of the same card."""
    return session.scalars(
        select(Delivery.receipt)
        .where(
            Delivery.incident_id == delivery.incident_id,
            Delivery.kind == delivery.kind,
            Delivery.target == delivery.target,
            Delivery.state == DeliveryState.DONE,
        )
        .order_by(Delivery.id.desc())
        .limit(1)
    ).one_or_none()


def _show_card(
    slack: Slack,
    delivery: Delivery,
    channel: str,
    message: dict[str, Any],
    posted: Receipt | None,
) -> tuple[Receipt, bool]:
    """Bring the posted card up to date, or post it; return its place and whether to pin it."""
    if posted is not None:
        try:
            call(slack.client.chat_update, channel=posted["channel"], ts=posted["ts"], **message)
        except SlackRefusal as error:
            if error.error not in _CARD_LOST:
                raise
        else:
            return posted, False
    key = f"card-{delivery.incident_id}-{delivery.target}"
    # A card that somebody deleted is posted anew, not looked for.
    look = delivery.in_doubt
    return _post_once(slack, delivery, channel, message, key=key, look=look), True


def _post_once(
    slack: Slack,
    delivery: Delivery,
    channel: str,
    message: dict[str, Any],
    *,
    key: str,
    look: bool | None = None,
) -> Receipt:
    """Post a message that carries `key`; when in doubt, look whether it is there already."""
    if delivery.in_doubt if look is None else look:
        found = find_message(slack.client, channel, METADATA_TYPE, key, since=delivery.created_at)
        if found is not None:
            return found
    answer = call(
        slack.client.chat_postMessage,
        channel=channel,
        metadata={"event_type": METADATA_TYPE, "event_payload": {"key": key}},
        unfurl_links=False,
        **message,
    )
    return {"channel": answer["channel"], "ts": answer["ts"]}


def _pin(slack: Slack, receipt: Receipt) -> None:
    """Pin the card. A workspace that forbids pins still has its card."""
    try:
        call(slack.client.pins_add, channel=receipt["channel"], timestamp=receipt["ts"])
    except SlackRefusal as error:
        if error.error != "already_pinned":
            receipt["not_pinned"] = str(error)
    except Retry as error:
        # The card is posted: the next attempt must find it instead of posting another.
        raise Retry(str(error), after=error.after, in_doubt=True) from None
