"""conversations.*: making, changing, finding and reading channels."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right

from incidentbot.sandbox.slack.calls import (
    Call,
    Method,
    channel_of,
    need_member,
    need_open,
    need_scope_for,
    not_direct,
    page_of,
)
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.lookup import (
    channel_by_name,
    direct_message,
    find_message,
    next_id,
    next_ts,
)
from incidentbot.sandbox.slack.model import Channel, Json, Message, Note
from incidentbot.sandbox.slack.present import channel_json, messages_json, replies_to

_NAME_LENGTH, _NOTE_LENGTH = 80, 250
_KINDS = {"public_channel", "private_channel", "mpim", "im"}


def notice(call: Call, channel: Channel, subtype: str, text: str, user: str = "") -> None:
    """The grey line a channel shows when something about it changes."""
    user = user or call.bot.id
    channel.messages.append(Message(next_ts(call.ws, call.now), user, text, subtype=subtype))


# Slack's narrower scopes for two of the things that a manager of channels may do.
TOPIC_SCOPES = ("channels:manage", "groups:write", "channels:write.topic", "groups:write.topic")
INVITE_SCOPES = (
    "channels:manage",
    "groups:write",
    "channels:write.invites",
    "groups:write.invites",
)


def manage(call: Call, channel: Channel, narrower: str = "") -> None:
    """Refuse unless the bot may manage that kind of channel, or do the `narrower` thing there."""
    family, whole = ("groups", "write") if channel.is_private else ("channels", "manage")
    call.need(f"{family}:{whole}", *([f"{family}:write.{narrower}"] if narrower else []))


def valid_name(call: Call, field: str = "name") -> str:
    """A channel name Slack takes, not in use. Slack names the fault with five error codes."""
    name = call.args.text(field)
    if not name.strip():
        raise SlackError("invalid_name_required")
    if len(name) > _NAME_LENGTH:
        raise SlackError("invalid_name_maxlength")
    if not re.search(r"\w", name.replace("_", "")):
        raise SlackError("invalid_name_punctuation")
    if name != name.lower() or re.search(r"[^\w-]", name):
        raise SlackError("invalid_name_specials")
    if channel_by_name(call.ws, name):
        raise SlackError("name_taken")
    return name


def create(call: Call) -> Json:
    """conversations.create."""
    private = call.args.flag("is_private")
    call.need("groups:write" if private else "channels:manage")
    channel = Channel(
        id=next_id(call.ws, "C"),
        name=valid_name(call),
        creator=call.bot.id,
        created=int(call.now),
        members=[call.bot.id],
        is_private=private,
    )
    call.ws.channels[channel.id] = channel
    notice(call, channel, "channel_join", f"<@{call.bot.id}> has joined the channel")
    if not private:
        made = {"id": channel.id, "name": channel.name, "created": channel.created}
        call.events.append({"type": "channel_created", "channel": made | {"creator": call.bot.id}})
    return {"channel": channel_json(call.ws, channel)}


def listing(call: Call) -> Json:
    """conversations.list."""
    kinds = set(call.args.listed("types") or ["public_channel"])
    if kinds - _KINDS:
        raise SlackError("invalid_types")
    for kind, family in (("public_channel", "channels"), ("private_channel", "groups"),
                         ("im", "im"), ("mpim", "mpim")):  # fmt: skip
        if kind in kinds:
            call.need(f"{family}:read")
    found = [c for c in call.ws.channels.values() if _listed(call, c, kinds)]
    if call.args.flag("exclude_archived"):
        found = [c for c in found if not c.is_archived]
    page, metadata = page_of(call, sorted(found, key=lambda c: c.id), 100, 1000)
    shown = [channel_json(call.ws, c, counted=True) for c in page]
    return {"channels": shown, "response_metadata": metadata}


def _listed(call: Call, channel: Channel, kinds: set[str]) -> bool:
    kind = "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"
    return kind in kinds and (not channel.is_private or call.bot.id in channel.members)


def info(call: Call) -> Json:
    """conversations.info."""
    channel = channel_of(call)
    need_scope_for(call, channel, "read")
    counted = call.args.flag("include_num_members")
    return {"channel": channel_json(call.ws, channel, counted=counted)}


def members(call: Call) -> Json:
    """conversations.members."""
    channel = channel_of(call)
    need_scope_for(call, channel, "read")
    page, metadata = page_of(call, channel.members, 100, 1000)
    return {"members": page, "response_metadata": metadata}


def _between(call: Call, messages: list[Message]) -> list[Message]:
    low, high = _moment(call, "oldest", 0), _moment(call, "latest", math.inf)
    first, last = bisect_right, bisect_left
    if call.args.flag("inclusive"):
        first, last = bisect_left, bisect_right
    start = first(messages, low, key=_time_of)
    end = last(messages, high, key=_time_of)
    return [message for message in messages[start:end] if not message.ephemeral_to]


def _time_of(message: Message) -> float:
    return float(message.ts)


def _moment(call: Call, name: str, default: float) -> float:
    given = call.args.text(name)
    if not re.fullmatch(r"\d*(\.\d*)?", given):
        raise SlackError(f"invalid_ts_{name}")
    return float(given) if re.search(r"\d", given) else default


def history(call: Call) -> Json:
    """conversations.history: newest first, threads' answers left out."""
    channel = channel_of(call)
    need_scope_for(call, channel, "history")
    need_member(call, channel)
    shown = [
        m
        for m in _between(call, channel.messages)
        if not m.thread_ts or m.thread_ts == m.ts or m.broadcast
    ]
    page, metadata = page_of(call, shown[::-1], 100, 999)
    return _messages(call, channel, page, metadata) | {"pin_count": len(channel.pins)}


def replies(call: Call) -> Json:
    """conversations.replies: the first message, then its answers, oldest first."""
    channel = channel_of(call)
    need_scope_for(call, channel, "history")
    need_member(call, channel)
    root = find_message(channel, call.args.needed("ts"))
    if root is None or root.ephemeral_to:
        raise SlackError("thread_not_found")
    first = find_message(channel, root.thread_ts) if root.thread_ts else root
    thread = [first or root, *_between(call, replies_to(channel, (first or root).ts))]
    page, metadata = page_of(call, thread, 100, 1000)
    return _messages(call, channel, page, metadata)


def _messages(call: Call, channel: Channel, page: list[Message], metadata: Json) -> Json:
    full = call.args.flag("include_all_metadata")
    return {
        "messages": messages_json(call.ws, channel, page, with_metadata=full),
        "has_more": bool(metadata["next_cursor"]),
        **({"response_metadata": metadata} if metadata["next_cursor"] else {}),
    }


def open_direct(call: Call) -> Json:
    """conversations.open: the direct message with one person (groups are not imitated)."""
    if call.args.has("channel"):
        channel = channel_of(call)
        if not channel.is_im:
            raise SlackError("method_not_supported_for_channel_type")
        return {"channel": channel_json(call.ws, channel), "no_op": True, "already_open": True}
    users = call.args.listed("users")
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise bad_arguments("the sandbox opens direct messages with one person only")
    user = call.ws.users.get(users[0])
    if user is None:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    if user.is_bot:
        raise SlackError("cannot_dm_bot")
    before = len(call.ws.channels)
    channel = direct_message(call.ws, call.bot.id, user.id)
    known = len(call.ws.channels) == before
    shown = channel_json(call.ws, channel) if call.args.flag("return_im") else {"id": channel.id}
    return {"channel": shown} | ({"no_op": True, "already_open": True} if known else {})


def set_note(call: Call, field: str) -> str:
    """Set the topic or purpose; returns its new value."""
    channel = channel_of(call)
    manage(call, channel, "topic")
    not_direct(channel)
    need_member(call, channel)
    need_open(channel)
    if not call.args.has(field):
        raise bad_arguments(f"missing required field: {field}")
    value = call.args.text(field)
    if len(value) > _NOTE_LENGTH:
        raise SlackError("too_long")
    setattr(channel, field, Note(value, call.bot.id, int(call.now)))
    said = f"set the channel {field}: {value}" if value else f"cleared the channel {field}"
    notice(call, channel, f"channel_{field}", f"<@{call.bot.id}> {said}")
    return value


def set_topic(call: Call) -> Json:
    """conversations.setTopic."""
    set_note(call, "topic")
    return {"channel": channel_json(call.ws, channel_of(call))}


def set_purpose(call: Call) -> Json:
    """conversations.setPurpose."""
    return {"purpose": set_note(call, "purpose")}


def rename(call: Call) -> Json:
    """conversations.rename: only the one who made the channel may."""
    channel = channel_of(call)
    manage(call, channel)
    not_direct(channel)
    need_member(call, channel)
    need_open(channel)
    if channel.creator != call.bot.id:
        raise SlackError("not_authorized")
    name = valid_name(call)
    channel.previous_names.insert(0, channel.name)
    channel.name = name
    notice(call, channel, "channel_name", f"<@{call.bot.id}> renamed the channel to #{name}")
    return {"channel": channel_json(call.ws, channel)}


def archive(call: Call) -> Json:
    """conversations.archive."""
    channel = channel_of(call)
    manage(call, channel)
    not_direct(channel)
    if channel.is_general:
        raise SlackError("cant_archive_general")
    if channel.is_archived:
        raise SlackError("already_archived")
    need_member(call, channel)
    notice(call, channel, "channel_archive", f"<@{call.bot.id}> archived the channel")
    channel.is_archived = True
    return {}


def unarchive(call: Call) -> Json:
    """conversations.unarchive."""
    channel = channel_of(call)
    manage(call, channel)
    not_direct(channel)
    if not channel.is_archived:
        raise SlackError("not_archived")
    channel.is_archived = False
    notice(call, channel, "channel_unarchive", f"<@{call.bot.id}> un-archived the channel")
    return {}


METHODS = {
    "conversations.create": Method(create, ("channels:manage", "groups:write")),
    "conversations.list": Method(listing, form_only=True),
    "conversations.info": Method(info, form_only=True),
    "conversations.members": Method(members, form_only=True),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies, form_only=True),
    "conversations.open": Method(open_direct, ("im:write", "mpim:write")),
    "conversations.setTopic": Method(set_topic, TOPIC_SCOPES),
    "conversations.setPurpose": Method(set_purpose, TOPIC_SCOPES),
    "conversations.rename": Method(rename, ("channels:manage", "groups:write")),
    "conversations.archive": Method(archive, ("channels:manage", "groups:write")),
    "conversations.unarchive": Method(unarchive, ("channels:manage", "groups:write")),
}
