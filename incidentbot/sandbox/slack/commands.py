"""A person types a slash command."""

from __future__ import annotations

import time
from typing import Any

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.errors import SlackError
from incidentbot.sandbox.slack.model import Channel, User
from incidentbot.sandbox.slack.outcome import Outcome, outcome_of
from incidentbot.sandbox.slack.response_url import new_response_url, show_answer, warn
from incidentbot.sandbox.slack.sender import Reply, send_form
from incidentbot.sandbox.slack.tickets import ResponseUrl
from incidentbot.sandbox.slack.typed import marked_up

_FAILED = "{command} failed with the error “{error}”"


def run_command(box: Sandbox, user: User, channel: Channel, command: str, text: str) -> Outcome:
    """Send the command, show what the app answers, and tell what came of it."""
    with box.store.change() as ws:
        trigger_id = box.tickets.new_trigger(user.id, time.time())
        fields = {
            "token": "sandbox",
            "team_id": ws.team_id,
            "team_domain": ws.team_domain,
            "channel_id": channel.id,
            "channel_name": _name_sent(channel),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": marked_up(ws, text.strip(), named=True),
            "api_app_id": ws.app_id,
            "is_enterprise_install": "false",
            "response_url": new_response_url(box, user.id, channel.id),
            "trigger_id": trigger_id,
        }
    reply = send_form(box, f"command {command}", fields)
    error = _show(box, user, channel, command, reply)
    reply.error = reply.error or error
    return outcome_of(box, user.id, reply, trigger_id)


def _name_sent(channel: Channel) -> str:
    """Slack does not tell an app the names of private conversations."""
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _show(box: Sandbox, user: User, channel: Channel, command: str, reply: Reply) -> str:
    """Show the answer to the person; returns the error when there is nothing fit to show."""
    with box.store.change() as ws:
        error = reply.error or ("" if reply.ok else "dispatch_failed")
        body: Any = {"text": reply.body} if isinstance(reply.body, str) else reply.body
        if not error and isinstance(body, dict) and any(body.values()):
            try:
                show_answer(ws, channel, ResponseUrl(user.id, channel.id, 0), body)
            except SlackError as problem:
                error = f"invalid_command_response: {problem.code}"
                details = problem.extra.get("errors")
                error += f" {details}" if details else ""
        if error:
            warn(ws, channel, user.id, _FAILED.format(command=command, error=error))
        return error
