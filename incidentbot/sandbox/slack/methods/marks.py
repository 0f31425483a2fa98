"""pins.*, bookmarks.* and reactions.*: what is stuck onto messages and channels."""

from __future__ import annotations

import re

from incidentbot.sandbox.slack.calls import (
    Call,
    Method,
    channel_of,
    message_at,
    need_member,
    need_open,
)
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.lookup import next_id
from incidentbot.sandbox.slack.model import Bookmark, Channel, Json, Message, Pin, Reaction
from incidentbot.sandbox.slack.present import bookmark_json, message_json

_MOST_PINS, _MOST_BOOKMARKS = 100, 100
_EMOJI = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


def pin_event(kind: str, channel: Channel, user: str, shown: Json) -> Json:
    """A `pin_added` or `pin_removed` event."""
    item = {"type": "message", "channel": channel.id, "message": shown, "created_by": user}
    return {"type": kind, "user": user, "channel_id": channel.id, "item": item}


def reaction_event(kind: str, channel: Channel, message: Message, user: str, name: str) -> Json:
    """A `reaction_added` or `reaction_removed` event."""
    return {
        "type": kind,
        "user": user,
        "reaction": name,
        "item_user": message.user,
        "item": {"type": "message", "channel": channel.id, "ts": message.ts},
    }


def _pinnable(call: Call) -> tuple[Channel, Message]:
    channel = channel_of(call)
    need_member(call, channel)
    if channel.is_archived:
        raise SlackError("restricted_action")
    return channel, message_at(call, channel, "timestamp")


def add_pin(call: Call) -> Json:
    """pins.add."""
    channel, message = _pinnable(call)
    if any(pin.ts == message.ts for pin in channel.pins):
        raise SlackError("already_pinned")
    if len(channel.pins) >= _MOST_PINS:
        raise SlackError("too_many_pins")
    channel.pins.append(Pin(message.ts, call.bot.id, int(call.now)))
    shown = message_json(call.ws, channel, message)
    call.events.append(pin_event("pin_added", channel, call.bot.id, shown))
    return {}


def remove_pin(call: Call) -> Json:
    """pins.remove."""
    channel, message = _pinnable(call)
    pin = next((pin for pin in channel.pins if pin.ts == message.ts), None)
    if pin is None:
        raise SlackError("no_pin")
    channel.pins.remove(pin)
    shown = message_json(call.ws, channel, message)
    call.events.append(pin_event("pin_removed", channel, call.bot.id, shown))
    return {}


def list_pins(call: Call) -> Json:
    """pins.list: newest first."""
    channel = channel_of(call)
    messages = {message.ts: message for message in channel.messages}
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "created": pin.created,
            "created_by": pin.user,
            "message": message_json(call.ws, channel, messages[pin.ts]),
        }
        for pin in reversed(channel.pins)
        if pin.ts in messages
    ]
    return {"items": items}


def _link(call: Call) -> str:
    link = call.args.text("link")
    if not re.fullmatch(r"https?://\S+", link, re.IGNORECASE):
        raise SlackError("invalid_link")
    return link


def _emoji(call: Call) -> str:
    emoji = call.args.text("emoji")
    if emoji and not _EMOJI.fullmatch(emoji.strip(":")):
        raise SlackError("invalid_emoji")
    return emoji


def add_bookmark(call: Call) -> Json:
    """bookmarks.add: links only, the one kind Slack lets an app add."""
    channel = channel_of(call, "channel_id")
    need_member(call, channel)
    title = call.args.needed("title")
    if call.args.needed("type") != "link":
        raise SlackError("invalid_bookmark_type")
    link = _link(call)
    if len(channel.bookmarks) >= _MOST_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    bookmark = Bookmark(
        id=next_id(call.ws, "Bk"),
        title=title,
        link=link,
        emoji=_emoji(call),
        created=int(call.now),
        updated_by=call.bot.id,
    )
    channel.bookmarks.append(bookmark)
    return {"bookmark": bookmark_json(channel, bookmark)}


def _bookmark(call: Call) -> tuple[Channel, Bookmark]:
    channel = channel_of(call, "channel_id")
    need_member(call, channel)
    wanted = call.args.needed("bookmark_id")
    for bookmark in channel.bookmarks:
        if bookmark.id == wanted:
            return channel, bookmark
    raise SlackError("not_found")


def edit_bookmark(call: Call) -> Json:
    """bookmarks.edit."""
    channel, bookmark = _bookmark(call)
    bookmark.link = _link(call) if call.args.has("link") else bookmark.link
    bookmark.title = call.args.text("title", bookmark.title)
    bookmark.emoji = _emoji(call) if call.args.has("emoji") else bookmark.emoji
    bookmark.updated, bookmark.updated_by = int(call.now), call.bot.id
    return {"bookmark": bookmark_json(channel, bookmark)}


def list_bookmarks(call: Call) -> Json:
    """bookmarks.list."""
    channel = channel_of(call, "channel_id")
    return {"bookmarks": [bookmark_json(channel, b) for b in channel.bookmarks]}


def remove_bookmark(call: Call) -> Json:
    """bookmarks.remove."""
    channel, bookmark = _bookmark(call)
    channel.bookmarks.remove(bookmark)
    return {}


def _reactable(call: Call) -> tuple[Channel, Message, str]:
    channel = channel_of(call)
    name = call.args.text("name").strip(":")
    if not name:
        raise bad_arguments("missing required field: name")
    if not _EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    need_open(channel)
    return channel, message_at(call, channel, "timestamp"), name


def add_reaction(call: Call) -> Json:
    """reactions.add."""
    channel, message, name = _reactable(call)
    if not give_reaction(message, name, call.bot.id):
        raise SlackError("already_reacted")
    call.events.append(reaction_event("reaction_added", channel, message, call.bot.id, name))
    return {}


def remove_reaction(call: Call) -> Json:
    """reactions.remove."""
    channel, message, name = _reactable(call)
    if not take_reaction(message, name, call.bot.id):
        raise SlackError("no_reaction")
    call.events.append(reaction_event("reaction_removed", channel, message, call.bot.id, name))
    return {}


def give_reaction(message: Message, name: str, user: str) -> bool:
    """Add one person's emoji; False when they gave it before."""
    found = next((r for r in message.reactions if r.name == name), None)
    if found is None:
        message.reactions.append(Reaction(name, [user]))
    elif user in found.users:
        return False
    else:
        found.users.append(user)
    return True


def take_reaction(message: Message, name: str, user: str) -> bool:
    """Take one person's emoji away; False when there was none."""
    found = next((r for r in message.reactions if r.name == name and user in r.users), None)
    if found is None:
        return False
    found.users.remove(user)
    message.reactions = [r for r in message.reactions if r.users]
    return True


METHODS = {
    "pins.add": Method(add_pin, ("pins:write",)),
    "pins.remove": Method(remove_pin, ("pins:write",)),
    "pins.list": Method(list_pins, ("pins:read",), form_only=True),
    "bookmarks.add": Method(add_bookmark, ("bookmarks:write",)),
    "bookmarks.edit": Method(edit_bookmark, ("bookmarks:write",)),
    "bookmarks.list": Method(list_bookmarks, ("bookmarks:read",)),
    "bookmarks.remove": Method(remove_bookmark, ("bookmarks:write",)),
    "reactions.add": Method(add_reaction, ("reactions:write",)),
    "reactions.remove": Method(remove_reaction, ("reactions:write",)),
}
