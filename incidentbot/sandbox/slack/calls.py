"""What every Web API method is given, and the checks that most of them begin with."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from incidentbot.sandbox.slack.arguments import Arguments
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.lookup import find_message
from incidentbot.sandbox.slack.model import Channel, Json, Message, User, Workspace
from incidentbot.sandbox.slack.tickets import Tickets

Item = TypeVar("Item")
_TIMESTAMP = re.compile(r"\d+\.\d+")


@dataclass
class Call:
    """One call: the workspace (held under its lock), the arguments, and who calls when.

    A method appends to `events` what the app is to be told once the lock is released.
    """

    ws: Workspace
    args: Arguments
    scopes: frozenset[str]
    now: float
    tickets: Tickets
    base_url: str
    trigger_seconds: float
    events: list[Json] = field(default_factory=list)

    @property
    def bot(self) -> User:
        """The caller."""
        return self.ws.bot

    def need(self, *scopes: str) -> None:
        """Refuse with `missing_scope` unless one of `scopes` was granted."""
        if not self.scopes.intersection(scopes):
            raise missing_scope(scopes, self.scopes)


Answer = Callable[[Call], Json]


@dataclass(frozen=True)
class Method:
    """A row of the method table. `scopes`: any one of them will do; none means any token.

    `form_only` methods do not read a JSON body, as in Slack's reference.
    """

    call: Answer
    scopes: tuple[str, ...] = ()
    form_only: bool = False


def missing_scope(needed: Sequence[str], granted: frozenset[str]) -> SlackError:
    """`missing_scope` with what is needed and what there is."""
    return SlackError("missing_scope", needed=",".join(needed), provided=",".join(sorted(granted)))


def channel_of(call: Call, name: str = "channel") -> Channel:
    """The channel whose id is in that argument; private ones only when the bot is inside."""
    channel = call.ws.channels.get(call.args.needed(name))
    if channel is None or (channel.is_private and call.bot.id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def need_scope_for(call: Call, channel: Channel, verb: str) -> None:
    """Refuse unless the scope for that kind of conversation (`channels:read` …) is granted."""
    family = "im" if channel.is_im else "groups" if channel.is_private else "channels"
    call.need(f"{family}:{verb}")


def need_member(call: Call, channel: Channel) -> None:
    """Refuse with `not_in_channel` unless the bot is in it."""
    if call.bot.id not in channel.members:
        raise SlackError("not_in_channel")


def need_open(channel: Channel) -> None:
    """Refuse with `is_archived` once the channel is archived."""
    if channel.is_archived:
        raise SlackError("is_archived")


def not_direct(channel: Channel) -> None:
    """Refuse direct messages where only channels make sense."""
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")


def message_at(call: Call, channel: Channel, name: str) -> Message:
    """The message whose timestamp is in that argument."""
    ts = call.args.text(name)
    if not ts:
        raise (
            SlackError("no_item_specified")
            if name == "timestamp"
            else bad_arguments(f"missing required field: {name}")
        )
    if name == "timestamp" and not _TIMESTAMP.fullmatch(ts):
        raise SlackError("bad_timestamp")
    message = find_message(channel, ts)
    if message is None or message.ephemeral_to:
        raise SlackError("message_not_found")
    return message


def page_of(call: Call, items: Sequence[Item], default: int, most: int) -> tuple[list[Item], Json]:
    """One page of `items` and the `response_metadata` that leads to the next one."""
    try:
        limit = call.args.number("limit", default, 1, most)
    except SlackError:
        raise SlackError("invalid_limit") from None
    start = 0
    cursor = call.args.text("cursor")
    if cursor:
        try:
            start = int(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix("at:"))
        except ValueError:
            start = -1
        if start < 0:
            raise SlackError("invalid_cursor")
    end = start + limit
    after = base64.urlsafe_b64encode(f"at:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"next_cursor": after}
