"""Finding things in a workspace, and minting their ids."""

from __future__ import annotations

import bisect
import secrets
import time

from incidentbot.sandbox.slack.model import Channel, Message, User, View, Workspace

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STEP = 0.000001


def next_ts(ws: Workspace, now: float | None = None) -> str:
    """A message timestamp: unix seconds with six decimals, unique and rising."""
    ws.last_ts = max(round(time.time() if now is None else now, 6), round(ws.last_ts + _STEP, 6))
    return f"{ws.last_ts:.6f}"


def next_id(ws: Workspace, prefix: str) -> str:
    """An id of Slack's shape, such as `C0SB00000A7`: prefix, then ten upper-case signs."""
    ws.last_id += 1
    number, digits = ws.last_id, ""
    while number:
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return f"{prefix}0SB{digits.rjust(7, '0')}"


def new_hash() -> str:
    """A view's hash, new with each change of the view."""
    return f"{int(time.time())}.{secrets.token_hex(4)}"


def channel_by_name(ws: Workspace, name: str) -> Channel | None:
    """The channel of that name, archived ones included; direct messages have none."""
    return next((c for c in ws.channels.values() if c.name == name and not c.is_im), None)


def find_channel(ws: Workspace, ref: str) -> Channel | None:
    """The channel with that id or name (with or without `#`)."""
    return ws.channels.get(ref) or channel_by_name(ws, ref.removeprefix("#"))


def find_user(ws: Workspace, ref: str) -> User | None:
    """The person with that id, handle (with or without `@`) or e-mail address."""
    if ref in ws.users:
        return ws.users[ref]
    bare = ref.removeprefix("@").lower()
    return next((u for u in ws.users.values() if bare in (u.name, u.email.lower()) and bare), None)


def find_message(channel: Channel, ts: str) -> Message | None:
    """The message at `ts`. Messages lie in the order of their timestamps."""
    at = position(channel, ts)
    found = channel.messages[at] if at < len(channel.messages) else None
    return found if found is not None and found.ts == ts else None


def position(channel: Channel, ts: str) -> int:
    """Where in the channel the messages from `ts` on begin."""
    return bisect.bisect_left(channel.messages, ts, key=lambda message: message.ts)


def direct_message(ws: Workspace, one: str, other: str) -> Channel:
    """The direct message of two people, opened when there is none yet."""
    pair = {one, other}
    for channel in ws.channels.values():
        if channel.is_im and set(channel.members) == pair:
            return channel
    channel = Channel(
        id=next_id(ws, "D"),
        name="",
        creator=one,
        created=int(time.time()),
        members=[one, other],
        is_private=True,
        is_im=True,
    )
    ws.channels[channel.id] = channel
    return channel


def can_see(channel: Channel, user_id: str) -> bool:
    """Whether that person may read the channel."""
    return user_id in channel.members or not channel.is_private


def top_view(ws: Workspace, user_id: str) -> View | None:
    """The modal that person has open on top, if any."""
    stack = ws.stacks.get(user_id) or []
    return ws.views.get(stack[-1]) if stack else None
