"""What becomes of the text a person types: escaped, with mentions and links marked up."""

from __future__ import annotations

import re

from incidentbot.sandbox.slack.lookup import find_channel, find_user
from incidentbot.sandbox.slack.model import Workspace

# A mention that the composer has put in already comes through as it is.
_TOKENS = re.compile(
    r"(?P<mark><[@#][UC][A-Z0-9]+(?:\|[^>]*)?>)"
    r"|(?P<link>https?://[^\s<>]+)"
    r"|(?<![\w.])@(?P<user>[a-z][a-z0-9._-]*)"
    r"|(?<![\w&])#(?P<channel>[a-z0-9_][a-z0-9_-]*)"
)
_BROADCASTS = ("here", "channel", "everyone")


def escape(text: str) -> str:
    """Slack's three entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def marked_up(ws: Workspace, text: str, *, named: bool) -> str:
    """Escape `text` and turn `@name`, `#channel` and links into Slack's markup.

    `named` adds `|name` to mentions, as in slash commands, and leaves @here alone there.
    """
    out, at = [], 0
    for match in _TOKENS.finditer(text):
        out += [escape(text[at : match.start()]), _token(ws, match, named)]
        at = match.end()
    return "".join([*out, escape(text[at:])])


def _token(ws: Workspace, match: re.Match[str], named: bool) -> str:
    if match["mark"]:
        return _mark(ws, match["mark"], named)
    if match["link"]:
        return f"<{escape(match['link'])}>"
    if match["channel"]:
        channel = find_channel(ws, match["channel"])
        return _channel(channel.id, channel.name) if channel else escape(match[0])
    if match["user"] in _BROADCASTS and not named:
        return f"<!{match['user']}>"
    handle = match["user"].rstrip(".-_")
    rest = match["user"][len(handle) :]
    user = find_user(ws, handle)
    if user:
        return (f"<@{user.id}|{user.name}>" if named else f"<@{user.id}>") + rest
    group = next((g for g in ws.usergroups.values() if g.handle == handle), None)
    if group:
        tail = f"|@{group.handle}" if named else ""
        return f"<!subteam^{group.id}{tail}>{rest}"
    return escape(match[0])


def _mark(ws: Workspace, mark: str, named: bool) -> str:
    inner = mark[2:-1].split("|")[0]
    if mark[1] == "@" and inner in ws.users:
        return f"<@{inner}|{ws.users[inner].name}>" if named else f"<@{inner}>"
    if mark[1] == "#" and inner in ws.channels:
        return _channel(inner, ws.channels[inner].name)
    return escape(mark)


def _channel(channel_id: str, name: str) -> str:
    return f"<#{channel_id}|{name}>"
