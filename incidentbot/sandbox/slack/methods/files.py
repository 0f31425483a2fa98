"""files.*: the upload in three steps (ask for a URL, send the bytes, complete)."""

from __future__ import annotations

import base64
import mimetypes

from incidentbot.sandbox.slack.calls import (
    Call,
    Method,
    channel_of,
    need_member,
    need_open,
)
from incidentbot.sandbox.slack.errors import SlackError, bad_arguments
from incidentbot.sandbox.slack.lookup import next_id, next_ts
from incidentbot.sandbox.slack.model import File, Json, Message, Workspace
from incidentbot.sandbox.slack.present import file_json

MOST_BYTES = 10_000_000


def upload_url(call: Call) -> Json:
    """files.getUploadURLExternal. The sandbox takes files of up to 10 MB."""
    name = call.args.needed("filename")
    length = call.args.number("length", 0, 0, 10**12)
    if length == 0:
        raise SlackError("missing_argument")
    if length > MOST_BYTES:
        raise SlackError("file_upload_size_restricted")
    file = File(
        id=next_id(call.ws, "F"),
        name=name,
        title=name,
        user=call.bot.id,
        size=length,
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
        created=int(call.now),
    )
    call.ws.files[file.id] = file
    return {"upload_url": f"{call.base_url}/upload/{file.id}", "file_id": file.id}


def receive(ws: Workspace, file_id: str, content: bytes) -> bool:
    """Take the bytes sent to an upload URL; False when there is no such upload."""
    file = ws.files.get(file_id)
    if file is None or file.complete:
        return False
    file.content, file.size = base64.b64encode(content).decode(), len(content)
    return True


def complete(call: Call) -> Json:
    """files.completeUploadExternal: share the uploaded files in a channel, if one is named."""
    listed = call.args.json("files")
    if not isinstance(listed, list) or not listed:
        raise bad_arguments("missing required field: files")
    files = [_uploaded(call, item) for item in listed]
    if call.args.text("channel_id"):
        channel = channel_of(call, "channel_id")
        need_member(call, channel)
        need_open(channel)
        message = Message(
            ts=next_ts(call.ws, call.now),
            user=call.bot.id,
            text=call.args.text("initial_comment"),
            thread_ts=call.args.text("thread_ts"),
            bot_id=call.bot.bot_id,
            app_id=call.ws.app_id,
            files=[file.id for file in files],
        )
        channel.messages.append(message)
        for file in files:
            file.channels.append(channel.id)
    for file in files:
        file.complete = True
    return {"files": [file_json(file) for file in files]}


def _uploaded(call: Call, item: object) -> File:
    wanted = item if isinstance(item, dict) else {}
    file = call.ws.files.get(str(wanted.get("id")))
    if file is None or not file.content or file.complete:
        raise SlackError("file_not_found")
    file.title = str(wanted.get("title") or file.name)
    return file


METHODS = {
    "files.getUploadURLExternal": Method(upload_url, ("files:write",), form_only=True),
    "files.completeUploadExternal": Method(complete, ("files:write",)),
}
