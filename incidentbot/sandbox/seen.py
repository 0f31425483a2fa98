"""What one person sees at one moment: the whole of what the page draws, as JSON."""

from __future__ import annotations

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.lookup import can_see, find_channel, find_user, top_view
from incidentbot.sandbox.slack.model import Channel, Json, Message, User, Workspace
from incidentbot.sandbox.slack.present import (
    bookmark_json,
    messages_json,
    user_json,
    usergroup_json,
    view_json,
)

_QUIET = ("channel_join", "channel_leave")


def seen_by(box: Sandbox, who: str, where: str, last: int) -> Json:
    """All that the person sees, with the `last` messages of the channel they look at.

    An unknown person is the first one, a channel they may not read the general one.
    Use under the store's lock.
    """
    ws = box.store.workspace
    people = [user for user in ws.users.values() if not user.is_bot]
    me = find_user(ws, who)
    if me is None or me.is_bot:
        me = people[0]
    channel = _channel_of(ws, me, where)
    modal, home = top_view(ws, me.id), ws.views.get(ws.homes.get(me.id, ""))
    return {
        "version": box.store.version,
        "team": ws.team_name,
        "me": me.id,
        "bot": ws.bot_user,
        "commands": list(box.settings.commands),
        "people": [user_json(ws, user) for user in ws.users.values()],
        "groups": [usergroup_json(ws, group) for group in ws.usergroups.values()],
        "channels": [_listed(c, me) for c in ws.channels.values() if _offered(c, me)],
        "channel": _opened(ws, channel, me, last),
        "view": view_json(ws, modal) if modal else None,
        "home": view_json(ws, home) if home else None,
        "faults": len(box.faults.rules),
    }


def _channel_of(ws: Workspace, me: User, where: str) -> Channel:
    """The channel of that id or name, or the direct message with that person."""
    channel, other = find_channel(ws, where), find_user(ws, where)
    if channel is None and other is not None:
        pair = {me.id, other.id}
        begun = (c for c in ws.channels.values() if c.is_im and set(c.members) == pair)
        channel = next(begun, None) or _not_begun(me, other)
    if channel is None or not can_see(channel, me.id):
        channel = next(c for c in ws.channels.values() if c.is_general)
    return channel


def _not_begun(me: User, other: User) -> Channel:
    """Stands for a direct message in which nobody has written yet."""
    return Channel(other.id, "", me.id, 0, [me.id, other.id], is_private=True, is_im=True)


def _offered(channel: Channel, me: User) -> bool:
    """Archived channels leave the list, as in Slack; they can still be reached by a link."""
    return can_see(channel, me.id) and not channel.is_archived


def _listed(channel: Channel, me: User) -> Json:
    read = channel.last_read.get(me.id, "")
    unread = [m for m in channel.messages if m.ts > read and _is_news(m, me)]
    member = me.id in channel.members
    return {
        "id": channel.id,
        "name": channel.name,
        "with": _other(channel, me),
        "private": channel.is_private,
        "member": member,
        "unread": len(unread) if member else 0,
    }


def _is_news(message: Message, me: User) -> bool:
    mine = message.ephemeral_to == me.id
    others = message.user != me.id and not message.ephemeral_to
    return (mine or others) and message.subtype not in _QUIET


def _other(channel: Channel, me: User) -> str:
    """Whom a direct message is with; empty for channels."""
    if not channel.is_im:
        return ""
    return next((member for member in channel.members if member != me.id), me.id)


def _opened(ws: Workspace, channel: Channel, me: User, last: int) -> Json:
    visible = [m for m in channel.messages if m.ephemeral_to in ("", me.id)]
    pinned = {pin.ts for pin in channel.pins}
    return {
        "id": channel.id,
        "name": channel.name,
        "with": _other(channel, me),
        "private": channel.is_private,
        "archived": channel.is_archived,
        "member": me.id in channel.members,
        "members": list(channel.members),
        "topic": channel.topic.value,
        "purpose": channel.purpose.value,
        "read": channel.last_read.get(me.id, ""),
        "bookmarks": [bookmark_json(channel, bookmark) for bookmark in channel.bookmarks],
        "pins": _shown(ws, channel, [m for m in visible if m.ts in pinned]),
        "earlier": max(0, len(visible) - last),
        "messages": _shown(ws, channel, visible[-last:]),
    }


def _shown(ws: Workspace, channel: Channel, messages: list[Message]) -> list[Json]:
    found = messages_json(ws, channel, messages)
    for message, shown in zip(messages, found, strict=True):
        shown |= {"is_ephemeral": True} if message.ephemeral_to else {}
        shown |= {"broadcast": True} if message.broadcast else {}
        shown |= {"state": message.state} if message.state else {}
    return found
