"""chat.*: posting, changing, deleting and linking to messages."""

from __future__ import annotations

from incidentbot.sandbox.slack.calls import Call, Method, channel_of, message_at, need_open
from incidentbot.sandbox.slack.contents import (
    TEXT_LENGTH,
    Contents,
    need_short_blocks,
    read_contents,
)
from incidentbot.sandbox.slack.errors import SlackError
from incidentbot.sandbox.slack.lookup import (
    channel_by_name,
    direct_message,
    find_message,
    next_ts,
)
from incidentbot.sandbox.slack.model import Channel, Json, Message
from incidentbot.sandbox.slack.present import message_event, message_json

_UPDATED_TEXT_LENGTH = 4000


def _target(call: Call) -> Channel:
    """Where to post: a channel's id or name, or a person's id for a direct message."""
    ref = call.args.needed("channel")
    user = call.ws.users.get(ref)
    if user is not None and not user.is_bot:
        return direct_message(call.ws, call.bot.id, user.id)
    channel = call.ws.channels.get(ref) or channel_by_name(call.ws, ref.removeprefix("#"))
    if channel is None or (channel.is_private and call.bot.id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def post_message(call: Call) -> Json:
    """chat.postMessage."""
    channel = _target(call)
    need_open(channel)
    if call.bot.id not in channel.members and "chat:write.public" not in call.scopes:
        raise SlackError("not_in_channel")
    contents = read_contents(call.args)
    need_short_blocks(contents)
    thread = call.args.text("thread_ts")
    root = find_message(channel, thread) if thread else None
    message = bot_message(call, contents)
    message.thread_ts = (root.thread_ts or root.ts) if root else ""
    message.broadcast = bool(root) and call.args.flag("reply_broadcast")
    message.username = call.args.text("username") if "chat:write.customize" in call.scopes else ""
    channel.messages.append(message)
    call.events.append(message_event(call.ws, channel, message))
    shown = message_json(call.ws, channel, message, with_metadata=True)
    return contents.with_warnings({"channel": channel.id, "ts": message.ts, "message": shown})


def bot_message(call: Call, contents: Contents) -> Message:
    """A message of the bot's with that inside, stamped now."""
    return Message(
        ts=next_ts(call.ws, call.now),
        user=call.bot.id,
        text=contents.text,
        blocks=contents.blocks,
        attachments=contents.attachments,
        metadata=contents.metadata,
        bot_id=call.bot.bot_id,
        app_id=call.ws.app_id,
    )


def post_ephemeral(call: Call) -> Json:
    """chat.postEphemeral: seen by one member of the channel alone."""
    channel = _target(call)
    need_open(channel)
    user = call.args.needed("user")
    if call.bot.id not in channel.members and "chat:write.public" not in call.scopes:
        raise SlackError("not_in_channel")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    if len(call.args.text("text")) > TEXT_LENGTH:
        raise SlackError("msg_too_long")
    contents = read_contents(call.args)
    need_short_blocks(contents)
    message = bot_message(call, contents)
    message.ephemeral_to = user
    message.thread_ts = call.args.text("thread_ts")
    channel.messages.append(message)
    return {"message_ts": message.ts}


def _own_message(call: Call, channel: Channel, refusal: str) -> Message:
    message = message_at(call, channel, "ts")
    if message.user != call.bot.id or message.subtype:
        raise SlackError(refusal)
    return message


def update(call: Call) -> Json:
    """chat.update: the bot's own messages; what is not sent stays as it was.

    But a text without blocks takes the blocks away, as in Slack.
    """
    channel = channel_of(call)
    message = _own_message(call, channel, "cant_update_message")
    if channel.is_archived:
        raise SlackError("is_inactive")
    if len(call.args.text("text")) > _UPDATED_TEXT_LENGTH:
        raise SlackError("msg_too_long")
    contents = read_contents(call.args)
    need_short_blocks(contents)
    if "text" in contents.given:
        message.text = contents.text
    if contents.given & {"text", "blocks"}:
        message.blocks = contents.blocks
    if "attachments" in contents.given:
        message.attachments = contents.attachments
    if "metadata" in contents.given:
        message.metadata = contents.metadata
    message.edited_ts, message.edited_by = next_ts(call.ws, call.now), call.bot.id
    known = {block["block_id"] for block in message.blocks}
    message.state = {key: value for key, value in message.state.items() if key in known}
    shown = message_json(call.ws, channel, message, with_metadata=True)
    answer = {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}
    return contents.with_warnings(answer)


def delete(call: Call) -> Json:
    """chat.delete: the bot's own messages."""
    channel = channel_of(call)
    message = _own_message(call, channel, "cant_delete_message")
    channel.messages.remove(message)
    channel.pins = [pin for pin in channel.pins if pin.ts != message.ts]
    return {"channel": channel.id, "ts": message.ts}


def permalink(call: Call) -> Json:
    """chat.getPermalink."""
    channel = channel_of(call)
    message = message_at(call, channel, "message_ts")
    path = f"archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": f"{call.base_url}/{path}"}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete, ("chat:write",)),
    "chat.getPermalink": Method(permalink, form_only=True),
}
