"""`/sandbox/act/…`: do in the workspace what a person could do."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.control.guard import only_from_here, refuse
from incidentbot.sandbox.runtime import Sandbox, the_sandbox
from incidentbot.sandbox.slack import deeds, events
from incidentbot.sandbox.slack.commands import run_command
from incidentbot.sandbox.slack.inputs import NoSuchChoice
from incidentbot.sandbox.slack.interactions import (
    press_in_message,
    press_in_view,
    use_message_shortcut,
    use_shortcut,
)
from incidentbot.sandbox.slack.lookup import (
    can_see,
    direct_message,
    find_channel,
    find_message,
    find_user,
    top_view,
)
from incidentbot.sandbox.slack.model import Channel, Json, Message, User, View
from incidentbot.sandbox.slack.outcome import Outcome, outcome_of
from incidentbot.sandbox.slack.sender import Reply
from incidentbot.sandbox.slack.submissions import dismiss, submit, type_values

blueprint = Blueprint("acting", __name__, url_prefix="/sandbox/act")
blueprint.before_request(only_from_here)

_MOST_REPEATS = 50
_CHOICES = (
    "selected_option",
    "selected_options",
    "selected_user",
    "selected_users",
    "selected_channel",
    "selected_channels",
    "selected_conversation",
    "selected_conversations",
    "selected_date",
    "selected_time",
    "selected_date_time",
    "value",
)


class Deed:
    """One request to act: its JSON body and what that refers to."""

    def __init__(self, box: Sandbox, body: Json) -> None:
        """Keep the body; the person is looked up at once."""
        self.box, self.body = box, body
        self.user = self._user()

    def text(self, name: str, default: str = "") -> str:
        """A string field."""
        value = self.body.get(name, default)
        return value if isinstance(value, str) else str(value)

    def _user(self) -> User:
        with self.box.store.read() as ws:
            user = find_user(ws, self.text("user"))
        if user is None or user.is_bot:
            refuse(404, f"no such person: {self.text('user')!r}")
        return user

    def channel(self) -> Channel:
        """The channel the person acts in: public, or private with them inside."""
        ref = self.text("channel")
        with self.box.store.read() as ws:
            other = find_user(ws, ref)
            channel = find_channel(ws, ref)
        if channel is None and other is not None:
            with self.box.store.change() as ws:
                channel = direct_message(ws, self.user.id, other.id)
        if channel is None:
            refuse(404, f"no such channel: {ref!r}")
        if not can_see(channel, self.user.id):
            refuse(403, "not a member of that private channel")
        return channel

    def open_channel(self) -> Channel:
        """Likewise, where archived channels will not do."""
        channel = self.channel()
        if channel.is_archived:
            refuse(409, "is_archived")
        return channel

    def message(self, channel: Channel) -> Message:
        """The message at `ts`, if the person can see it."""
        message = find_message(channel, self.text("ts"))
        if message is None or message.ephemeral_to not in ("", self.user.id):
            refuse(404, f"no such message: {self.text('ts')!r}")
        return message

    def view(self) -> View:
        """The view named by `view_id`, else the modal on top."""
        with self.box.store.read() as ws:
            wanted = self.text("view_id")
            view = ws.views.get(wanted) if wanted else top_view(ws, self.user.id)
        if view is None or view.user != self.user.id:
            refuse(404, "no such view is open for that person")
        return view

    def values(self) -> Json:
        """What is typed into a view: by action id, or by block id and action id."""
        values = self.body.get("values") or {}
        if not isinstance(values, dict):
            refuse(400, "values must be an object")
        return values

    def choice(self) -> Any:
        """The value chosen, under whichever name it was sent."""
        for name in _CHOICES:
            if name in self.body:
                value = self.body[name]
                return value.get("value") if isinstance(value, dict) else value
        return None


def _repeated(deed: Deed, act: Callable[[], Outcome]) -> Json:
    """Act once, or `repeat` times in a row or (`concurrent`) all at once."""
    repeat = deed.body.get("repeat", 1)
    if not isinstance(repeat, int) or not 1 <= repeat <= _MOST_REPEATS:
        refuse(400, f"repeat must be from 1 to {_MOST_REPEATS}")
    if repeat == 1:
        return act().as_json()
    workers = repeat if deed.body.get("concurrent") else 1
    with ThreadPoolExecutor(workers) as pool:
        outcomes = [future.result() for future in [pool.submit(act) for _ in range(repeat)]]
    return {**outcomes[-1].as_json(), "results": [outcome.as_json() for outcome in outcomes]}


def _command(deed: Deed) -> Json:
    channel, command = deed.open_channel(), deed.text("command")
    if command not in deed.box.settings.commands:
        refuse(400, f"no such command: {command!r}")
    text = deed.text("text")
    return _repeated(deed, lambda: run_command(deed.box, deed.user, channel, command, text))


def _action(deed: Deed) -> Json:
    action, block, value = deed.text("action_id"), deed.text("block_id"), deed.choice()
    if deed.body.get("channel"):
        channel = deed.channel()
        message = deed.message(channel)
        return _repeated(
            deed,
            lambda: press_in_message(deed.box, deed.user, channel, message, action, block, value),
        )
    view = deed.view()
    with deed.box.store.change():
        type_values(view, deed.values())
    return _repeated(deed, lambda: press_in_view(deed.box, deed.user, view, action, block, value))


def _submit(deed: Deed) -> Json:
    view = deed.view()
    with deed.box.store.change():
        type_values(view, deed.values())
    force = bool(deed.body.get("force"))
    return _repeated(deed, lambda: submit(deed.box, deed.user, view, force=force))


def _type(deed: Deed) -> Json:
    with deed.box.store.change():
        type_values(deed.view(), deed.values())
    return outcome_of(deed.box, deed.user.id, Reply(None, "", 0), "").as_json()


def _close(deed: Deed) -> Json:
    everything = bool(deed.body.get("all"))
    return dismiss(deed.box, deed.user, deed.view(), everything=everything).as_json()


def _message(deed: Deed) -> Json:
    text = deed.text("text")
    if not text.strip():
        refuse(400, "text is empty")
    message = deeds.write(deed.box, deed.user, deed.open_channel(), text, deed.text("thread_ts"))
    return {"ts": message.ts}


def _react(deed: Deed) -> Json:
    channel, name = deed.open_channel(), deed.text("name").strip(":")
    message, remove = deed.message(channel), bool(deed.body.get("remove"))
    return {"changed": deeds.react(deed.box, deed.user, channel, message, name, remove=remove)}


def _pin(deed: Deed) -> Json:
    channel = deed.open_channel()
    message, remove = deed.message(channel), bool(deed.body.get("remove"))
    return {"changed": deeds.pin(deed.box, deed.user, channel, message, remove=remove)}


def _shortcut(deed: Deed) -> Json:
    return use_shortcut(deed.box, deed.user, deed.text("callback_id")).as_json()


def _message_shortcut(deed: Deed) -> Json:
    channel = deed.channel()
    message, callback = deed.message(channel), deed.text("callback_id")
    return use_message_shortcut(deed.box, deed.user, channel, message, callback).as_json()


def _home(deed: Deed) -> Json:
    deeds.open_home(deed.box, deed.user)
    return {}


def _join(deed: Deed) -> Json:
    deeds.join(deed.box, deed.user, deed.open_channel())
    return {}


def _leave(deed: Deed) -> Json:
    deeds.leave(deed.box, deed.user, deed.channel())
    return {}


def _read(deed: Deed) -> Json:
    channel = deed.channel()
    with deed.box.store.change():
        channel.last_read[deed.user.id] = f"{time.time():.6f}"
    return {}


ACTS: dict[str, Callable[[Deed], Json]] = {
    "command": _command,
    "action": _action,
    "submit": _submit,
    "type": _type,
    "close": _close,
    "message": _message,
    "react": _react,
    "pin": _pin,
    "shortcut": _shortcut,
    "message_shortcut": _message_shortcut,
    "home": _home,
    "join": _join,
    "leave": _leave,
    "read": _read,
}


@blueprint.post("/<name>")
def act(name: str) -> Response:
    """Do one thing as one person. 4xx with `error` when it cannot be done at all."""
    if name not in ACTS:
        refuse(404, f"no such act: {name!r}")
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        refuse(400, "the body must be a JSON object")
    try:
        return jsonify(ACTS[name](Deed(the_sandbox(), body)))
    except (LookupError, NoSuchChoice) as problem:
        refuse(422, str(problem))


@blueprint.post("/url_verification")
def verify() -> Response:
    """Do what Slack does when somebody enters the app's address."""
    return jsonify(verified=events.verify_url(the_sandbox()))
