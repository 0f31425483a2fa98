"""What people do without the app: write, react, pin, join, read, open its home."""

from __future__ import annotations

import time

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.events import send_all
from incidentbot.sandbox.slack.lookup import next_ts
from incidentbot.sandbox.slack.methods.marks import (
    give_reaction,
    pin_event,
    reaction_event,
    take_reaction,
)
from incidentbot.sandbox.slack.methods.membership import joined_event
from incidentbot.sandbox.slack.model import Channel, Json, Message, Pin, User
from incidentbot.sandbox.slack.present import message_event, message_json, view_json
from incidentbot.sandbox.slack.typed import marked_up


def write(box: Sandbox, user: User, channel: Channel, text: str, thread_ts: str = "") -> Message:
    """Post a person's message, and tell the app if it is in that channel."""
    with box.store.change() as ws:
        message = Message(next_ts(ws), user.id, marked_up(ws, text, named=False))
        message.thread_ts = thread_ts
        channel.messages.append(message)
        channel.last_read[user.id] = message.ts
        event = message_event(ws, channel, message)
    send_all(box, [event])
    return message


def react(
    box: Sandbox, user: User, channel: Channel, message: Message, name: str, *, remove: bool
) -> bool:
    """Give or take an emoji; False when that changes nothing."""
    with box.store.change():
        change = take_reaction if remove else give_reaction
        done = change(message, name, user.id)
        kind = "reaction_removed" if remove else "reaction_added"
        event = reaction_event(kind, channel, message, user.id, name)
    if done:
        send_all(box, [event])
    return done


def pin(box: Sandbox, user: User, channel: Channel, message: Message, *, remove: bool) -> bool:
    """Pin or unpin a message; False when that changes nothing."""
    with box.store.change() as ws:
        pinned = any(p.ts == message.ts for p in channel.pins)
        if pinned != remove:
            return False
        channel.pins = [p for p in channel.pins if p.ts != message.ts]
        if not remove:
            channel.pins.append(Pin(message.ts, user.id, int(time.time())))
        kind = "pin_removed" if remove else "pin_added"
        shown = message_json(ws, channel, message)
        event = pin_event(kind, channel, user.id, shown)
    send_all(box, [event])
    return True


def join(box: Sandbox, user: User, channel: Channel) -> None:
    """Join a public channel."""
    with box.store.change() as ws:
        if user.id in channel.members:
            return
        channel.members.append(user.id)
        text = f"<@{user.id}> has joined the channel"
        channel.messages.append(Message(next_ts(ws), user.id, text, subtype="channel_join"))
        channel.last_read[user.id] = channel.messages[-1].ts
        event = joined_event(ws.team_id, channel, user.id)
    send_all(box, [event])


def leave(box: Sandbox, user: User, channel: Channel) -> None:
    """Leave a channel."""
    with box.store.change() as ws:
        if user.id in channel.members:
            channel.members.remove(user.id)
            text = f"<@{user.id}> has left the channel"
            channel.messages.append(Message(next_ts(ws), user.id, text, subtype="channel_leave"))


def open_home(box: Sandbox, user: User) -> None:
    """Open the app's home tab; the app is told, and publishes it or not."""
    with box.store.read() as ws:
        view = ws.views.get(ws.homes.get(user.id, ""))
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": next(
                (c.id for c in ws.channels.values()
                 if c.is_im and set(c.members) == {user.id, ws.bot_user}), ""
            ),
            "tab": "home",
        }  # fmt: skip
        event |= {"view": view_json(ws, view)} if view else {}
    send_all(box, [event])
