"""conversations.invite, join, leave and kick: who is in a channel."""

from __future__ import annotations

from incidentbot.sandbox.slack.calls import (
    Call,
    Method,
    channel_of,
    need_member,
    need_open,
    not_direct,
)
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.methods.conversations import INVITE_SCOPES, manage, notice
from incidentbot.sandbox.slack.model import Channel, Json
from incidentbot.sandbox.slack.present import channel_json

_MOST_INVITED = 100


def add_member(call: Call, channel: Channel, user: str, inviter: str = "") -> None:
    """Put a person into the channel, with the notice and the event."""
    channel.members.append(user)
    verb = "was added to the channel by" if inviter else "has joined the channel"
    by = f" <@{inviter}>" if inviter else ""
    notice(call, channel, "channel_join", f"<@{user}> {verb}{by}", user)
    call.events.append(joined_event(call.ws.team_id, channel, user, inviter))


def joined_event(team: str, channel: Channel, user: str, inviter: str = "") -> Json:
    """The `member_joined_channel` event; `inviter` only when there was one."""
    event = {
        "type": "member_joined_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": "G" if channel.is_private else "C",
        "team": team,
    }
    return event | ({"inviter": inviter} if inviter else {})


def _why_not(call: Call, channel: Channel, user: str) -> str:
    if user == call.bot.id:
        return "cant_invite_self"
    found = call.ws.users.get(user)
    if found is None or found.deleted:
        return "user_not_found"
    return "already_in_channel" if user in channel.members else ""


def invite(call: Call) -> Json:
    """conversations.invite: all or none, unless `force` asks for those who can be."""
    channel = channel_of(call)
    manage(call, channel, "invites")
    not_direct(channel)
    need_open(channel)
    need_member(call, channel)
    users = list(dict.fromkeys(call.args.listed("users")))
    if not users:
        raise SlackError("no_user")
    if len(users) > _MOST_INVITED:
        raise bad_arguments(f"no more than {_MOST_INVITED} users allowed [json-pointer:/users]")
    reasons = {user: _why_not(call, channel, user) for user in users}
    errors = [{"user": u, "ok": False, "error": why} for u, why in reasons.items() if why]
    welcome = [user for user in users if not reasons[user]]
    if errors and not (call.args.flag("force") and welcome):
        raise SlackError(str(errors[0]["error"]), errors=errors)
    for user in welcome:
        add_member(call, channel, user, call.bot.id)
    return {"channel": channel_json(call.ws, channel)} | ({"errors": errors} if errors else {})


def join(call: Call) -> Json:
    """conversations.join: public channels only."""
    channel = channel_of(call)
    if channel.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    need_open(channel)
    if call.bot.id in channel.members:
        return {
            "channel": channel_json(call.ws, channel),
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    add_member(call, channel, call.bot.id)
    return {"channel": channel_json(call.ws, channel)}


def leave(call: Call) -> Json:
    """conversations.leave."""
    channel = channel_of(call)
    manage(call, channel)
    not_direct(channel)
    if channel.is_general:
        raise SlackError("cant_leave_general")
    need_open(channel)
    if call.bot.id not in channel.members:
        return {"not_in_channel": True}
    channel.members.remove(call.bot.id)
    notice(call, channel, "channel_leave", f"<@{call.bot.id}> has left the channel")
    return {}


def kick(call: Call) -> Json:
    """conversations.kick."""
    channel = channel_of(call)
    manage(call, channel)
    not_direct(channel)
    user = call.args.needed("user")
    if user == call.bot.id:
        raise SlackError("cant_kick_self")
    if channel.is_general:
        raise SlackError("cant_kick_from_general")
    need_member(call, channel)
    if user not in call.ws.users:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("not_in_channel")
    channel.members.remove(user)
    text = f"<@{user}> was removed from the channel by <@{call.bot.id}>"
    notice(call, channel, "channel_leave", text, user)
    return {}


METHODS = {
    "conversations.invite": Method(invite, INVITE_SCOPES),
    "conversations.join": Method(join, ("channels:join",)),
    "conversations.leave": Method(leave, ("channels:manage", "groups:write")),
    "conversations.kick": Method(kick, ("channels:manage", "groups:write")),
}
