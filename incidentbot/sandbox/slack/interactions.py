"""A person clicks a button, opens a menu, or uses a shortcut."""

from __future__ import annotations

import json
import time
from typing import Any

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.blocks import elements_of
from incidentbot.sandbox.slack.inputs import KEYS, NoSuchChoice, chosen, options_of
from incidentbot.sandbox.slack.model import Channel, Json, Message, User, View, Workspace
from incidentbot.sandbox.slack.outcome import Outcome, outcome_of
from incidentbot.sandbox.slack.present import message_json, person_json, view_json
from incidentbot.sandbox.slack.response_url import new_response_url, warn
from incidentbot.sandbox.slack.sender import Reply, send_payload

TROUBLE = "We had some trouble connecting. Try again?"


def base_payload(box: Sandbox, ws: Workspace, kind: str, user: User) -> Json:
    """What every interaction carries, with a fresh trigger id."""
    return {
        "type": kind,
        "user": person_json(ws, user),
        "api_app_id": ws.app_id,
        "token": "sandbox",
        "team": {"id": ws.team_id, "domain": ws.team_domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": box.tickets.new_trigger(user.id, time.time()),
    }


def find_element(blocks: list[Json], action_id: str, block_id: str = "") -> tuple[Json, Json]:
    """The block and element with that action id. Raises LookupError when there is none."""
    for block in blocks:
        if block_id and block["block_id"] != block_id:
            continue
        for element in elements_of(block):
            if element["action_id"] == action_id:
                return block, element
    raise LookupError(f"no element {action_id!r} here")


def press_in_message(
    box: Sandbox,
    user: User,
    channel: Channel,
    message: Message,
    action_id: str,
    block_id: str,
    value: Any,
) -> Outcome:
    """Use a button or menu in a message. Raises LookupError or NoSuchChoice."""
    with box.store.change() as ws:
        blocks = message.blocks + [b for a in message.attachments for b in a.get("blocks", [])]
        block, element = find_element(blocks, action_id, block_id)
        action = _action(block, element, value)
        if element["type"] in KEYS:
            state = message.state.setdefault(block["block_id"], {})
            state[action_id] = chosen(element, value)
        payload = base_payload(box, ws, "block_actions", user)
        url = new_response_url(box, user.id, channel.id, message.ts)
        payload |= {
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": bool(message.ephemeral_to),
            },
            "channel": {"id": channel.id, "name": _name(channel)},
            "state": {"values": message.state},
            "response_url": url,
            "actions": [action],
        }
        if not message.ephemeral_to:  # Slack does not keep those, hence cannot send them
            payload["message"] = message_json(ws, channel, message, with_metadata=True)
        payload = json.loads(json.dumps(payload))
    reply = send_payload(box, payload)
    _tell_if_failed(box, channel, user, reply)
    return outcome_of(box, user.id, reply, payload["trigger_id"])


def press_in_view(
    box: Sandbox, user: User, view: View, action_id: str, block_id: str, value: Any
) -> Outcome:
    """Use an element in a modal or in the app home. Raises LookupError or NoSuchChoice.

    Nothing is sent for an input without `dispatch_action`; its value is only kept.
    """
    with box.store.change() as ws:
        block, element = find_element(view.blocks, action_id, block_id)
        action = _action(block, element, value)
        if element["type"] in KEYS:
            view.state.setdefault(block["block_id"], {})[action_id] = chosen(element, value)
        silent = block["type"] == "input" and not block.get("dispatch_action")
        payload = base_payload(box, ws, "block_actions", user)
        payload |= {
            "container": {"type": "view", "view_id": view.id},
            "view": view_json(ws, view),
            "actions": [action],
        }
        payload = json.loads(json.dumps(payload))
    if silent:
        return outcome_of(box, user.id, Reply(None, "", 0), "")
    reply = send_payload(box, payload)
    return outcome_of(box, user.id, _troubled(reply), payload["trigger_id"])


def _troubled(reply: Reply) -> Reply:
    if not reply.ok and not reply.error:
        reply.error = "dispatch_failed"
    return reply


def _tell_if_failed(box: Sandbox, channel: Channel, user: User, reply: Reply) -> None:
    if not _troubled(reply).error:
        return
    with box.store.change() as ws:
        timed_out = reply.error == "operation_timeout"
        late = "Operation timed out. Apps need to respond within 3 seconds."
        warn(ws, channel, user.id, late if timed_out else f"{TROUBLE} ({reply.error})")


def _name(channel: Channel) -> str:
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _action(block: Json, element: Json, value: Any) -> Json:
    action = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": f"{time.time():.6f}",
    }
    kind = element["type"]
    if kind == "button":
        action["text"] = element["text"]
        if element.get("value") is not None:
            action["value"] = element["value"]
        return action
    if kind == "overflow":
        picked = next((o for o in options_of(element) if o["value"] == value), None)
        if picked is None:
            raise NoSuchChoice(f"{element['action_id']} offers no option {value!r}")
        return action | {"selected_option": picked}
    return action | chosen(element, value)


def use_shortcut(box: Sandbox, user: User, callback_id: str) -> Outcome:
    """A global shortcut."""
    with box.store.change() as ws:
        payload = base_payload(box, ws, "shortcut", user)
    payload |= {"callback_id": callback_id, "action_ts": f"{time.time():.6f}"}
    return outcome_of(box, user.id, _troubled(send_payload(box, payload)), payload["trigger_id"])


def use_message_shortcut(
    box: Sandbox, user: User, channel: Channel, message: Message, callback_id: str
) -> Outcome:
    """A shortcut from a message's menu."""
    with box.store.change() as ws:
        payload = base_payload(box, ws, "message_action", user)
        payload |= {
            "callback_id": callback_id,
            "action_ts": f"{time.time():.6f}",
            "channel": {"id": channel.id, "name": _name(channel)},
            "message_ts": message.ts,
            "message": json.loads(json.dumps(message_json(ws, channel, message))),
            "response_url": new_response_url(box, user.id, channel.id),
            "message_team": ws.team_id,
        }
    reply = send_payload(box, payload)
    _tell_if_failed(box, channel, user, reply)
    return outcome_of(box, user.id, reply, payload["trigger_id"])
