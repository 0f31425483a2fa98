"""Answers to commands and interactions: in the response's body, or later at a response URL."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.calllog import CallEntry, shortened
from incidentbot.sandbox.runtime import Sandbox, the_sandbox
from incidentbot.sandbox.slack.arguments import Arguments
from incidentbot.sandbox.slack.contents import Contents, read_contents
from incidentbot.sandbox.slack.errors import SlackError
from incidentbot.sandbox.slack.lookup import find_message, next_ts
from incidentbot.sandbox.slack.model import Channel, Message, Workspace
from incidentbot.sandbox.slack.tickets import RESPONSE_SECONDS, RESPONSE_USES, ResponseUrl

blueprint = Blueprint("response_url", __name__)


def new_response_url(box: Sandbox, user: str, channel: str, message_ts: str = "") -> str:
    """A response URL for one interaction. Use under the store's lock."""
    ticket = ResponseUrl(user, channel, time.time(), message_ts)
    return f"{box.base_url}/response/{box.tickets.new_url(ticket)}"


@blueprint.post("/response/<key>")
def respond(key: str) -> Response:
    """Take an answer: `ok`, or an error with a 4xx status, as hooks.slack.com does."""
    box = the_sandbox()
    body = request.get_json(silent=True, force=True)
    entry = CallEntry("response_url", shortened(body if isinstance(body, dict) else {}), "",
                      time.time())  # fmt: skip
    box.calls.add(entry)
    status, error = _take(box, key, body)
    entry.status, entry.error, entry.ended = status, error or None, time.time()
    box.store.touch()
    if not error:
        return Response("ok", mimetype="text/html")
    response = jsonify(ok=False, error=error)
    response.status_code = status
    return response


def _take(box: Sandbox, key: str, body: Any) -> tuple[int, str]:
    if not isinstance(body, dict):
        return 400, "invalid_payload"
    with box.store.change() as ws:
        ticket = box.tickets.urls.get(key)
        if ticket is None:
            return 404, "no_such_url"
        if time.time() - ticket.created > RESPONSE_SECONDS:
            return 404, "expired_url"
        if ticket.uses >= RESPONSE_USES:
            return 404, "used_url"
        channel = ws.channels.get(ticket.channel)
        if channel is None:
            return 404, "channel_not_found"
        if channel.is_archived:
            return 403, "is_archived"
        ticket.uses += 1
        try:
            show_answer(ws, channel, ticket, body)
        except SlackError as problem:
            return (400 if problem.code != "message_not_found" else 404), problem.code
    return 200, ""


def show_answer(
    ws: Workspace, channel: Channel, ticket: ResponseUrl, body: dict[str, Any]
) -> Message | None:
    """Post, replace or delete as `body` says; answers go to the one person unless in_channel.

    Raises SlackError when Slack would refuse the contents.
    """
    args = Arguments(body)
    origin = find_message(channel, ticket.message_ts) if ticket.message_ts else None
    if args.flag("delete_original"):
        if origin is None:
            raise SlackError("message_not_found")
        channel.messages.remove(origin)
        channel.pins = [pin for pin in channel.pins if pin.ts != origin.ts]
        return None
    contents = read_contents(args)
    if args.flag("replace_original") and origin is not None:
        origin.text, origin.blocks = contents.text, contents.blocks
        origin.attachments = contents.attachments
        if not origin.ephemeral_to:
            origin.edited_ts, origin.edited_by = next_ts(ws), ws.bot_user
        return origin
    private = args.text("response_type", "ephemeral") != "in_channel"
    return post_as_bot(ws, channel, contents, ticket.user if private else "", args)


def post_as_bot(
    ws: Workspace,
    channel: Channel,
    contents: Contents,
    only_for: str,
    args: Arguments | None = None,
) -> Message:
    """A new message of the bot's, for one person alone when `only_for` names them."""
    message = Message(
        ts=next_ts(ws),
        user=ws.bot_user,
        text=contents.text,
        blocks=contents.blocks,
        attachments=contents.attachments,
        bot_id=ws.bot.bot_id,
        app_id=ws.app_id,
        ephemeral_to=only_for,
        thread_ts=args.text("thread_ts") if args else "",
    )
    channel.messages.append(message)
    return message


def warn(ws: Workspace, channel: Channel, user: str, text: str) -> None:
    """What the workspace itself tells one person, such as that a command failed."""
    message = Message(next_ts(ws), ws.bot_user, text, subtype="sandbox", ephemeral_to=user)
    message.username = "Sandbox"
    channel.messages.append(message)
