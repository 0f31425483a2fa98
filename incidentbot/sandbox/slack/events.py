"""The Events API: telling the app what happened, again if it does not answer."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.model import Json
from incidentbot.sandbox.slack.sender import Reply, send

# The scope an app must hold to be told of an event (docs.slack.dev/reference/events).
_SCOPES = {
    "channel_created": "channels:read",
    "pin_added": "pins:read",
    "pin_removed": "pins:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


def wanted(box: Sandbox, event: Json) -> bool:
    """Whether the app subscribes to such events and holds the scope for this one."""
    kind = event["type"]
    if kind not in box.knobs.events:
        return False
    scope = _SCOPES.get(kind, "")
    if kind in ("message", "member_joined_channel"):
        channel_id = event["channel"]
        with box.store.read() as ws:
            channel = ws.channels.get(channel_id)
            if channel is None or ws.bot_user not in channel.members:
                return False
            family = "im" if channel.is_im else "groups" if channel.is_private else "channels"
        scope = f"{family}:{'history' if kind == 'message' else 'read'}"
    return not scope or scope in box.knobs.scopes


def send_all(box: Sandbox, events: Iterable[Json]) -> None:
    """Send the events in the background, each in its own time, those the app wants."""
    for event in events:
        if wanted(box, event):
            threading.Thread(target=_deliver, args=(box, event), daemon=True).start()


def _deliver(box: Sandbox, event: Json) -> None:
    now = time.time()
    with box.store.read() as ws:
        body = json.dumps(
            {
                "token": "sandbox",
                "team_id": ws.team_id,
                "api_app_id": ws.app_id,
                "event": {"event_ts": f"{now:.6f}", **event},
                "type": "event_callback",
                "event_id": f"Ev{secrets.token_hex(5).upper()}",
                "event_time": int(now),
                "authorizations": [
                    {
                        "enterprise_id": None,
                        "team_id": ws.team_id,
                        "user_id": ws.bot_user,
                        "is_bot": True,
                        "is_enterprise_install": False,
                    }
                ],
                "is_ext_shared_channel": False,
            }
        )
    name = f"event {event['type']}"
    reply = send(box, name, body, "application/json")
    for number, delay in enumerate(box.knobs.retry_delays, start=1):
        if reply.ok or reply.no_retry or box.stopping.wait(delay):
            return
        reply = send(box, name, body, "application/json", number, _reason(reply))


def _reason(reply: Reply) -> str:
    if reply.status is not None:
        return "http_error"
    return "http_timeout" if reply.error == "operation_timeout" else "connection_failed"


def verify_url(box: Sandbox) -> bool:
    """Send `url_verification`, as Slack does when the address is entered; True if echoed."""
    challenge = secrets.token_hex(16)
    body = json.dumps({"token": "sandbox", "challenge": challenge, "type": "url_verification"})
    reply = send(box, "url_verification", body, "application/json")
    answered = reply.body.get("challenge") if isinstance(reply.body, dict) else reply.body
    return reply.ok and answered == challenge
