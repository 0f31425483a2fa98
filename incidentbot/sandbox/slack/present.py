"""How the workspace's things look in Slack's JSON, as seen by the app's bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from incidentbot.sandbox.slack.lookup import position
from incidentbot.sandbox.slack.model import (
    Bookmark,
    Channel,
    File,
    Json,
    Message,
    Note,
    User,
    Usergroup,
    View,
    Workspace,
)


def user_json(ws: Workspace, user: User, *, with_email: bool = True) -> Json:
    """A user object; the e-mail is left out without `users:read.email`."""
    profile = {
        "title": user.title,
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.real_name,
        "display_name_normalized": user.real_name,
        "status_text": "",
        "status_emoji": "",
        "team": ws.team_id,
    }
    if user.email and with_email:
        profile["email"] = user.email
    if user.is_bot:
        profile |= {"api_app_id": ws.app_id, "bot_id": user.bot_id}
    return {
        "id": user.id,
        "team_id": ws.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "color": user.color,
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": user.tz_label,
        "tz_offset": user.tz_offset,
        "profile": profile,
        "is_email_confirmed": bool(user.email),
        "is_admin": user.is_admin,
        "is_owner": user.is_admin,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 0,
    }


def usergroup_json(ws: Workspace, group: Usergroup, *, with_users: bool = False) -> Json:
    """A user group, with its members when asked for."""
    found: Json = {
        "id": group.id,
        "team_id": ws.team_id,
        "is_usergroup": True,
        "name": group.name,
        "description": group.description,
        "handle": group.handle,
        "is_external": False,
        "date_create": group.created,
        "date_update": group.created,
        "date_delete": 0,
        "user_count": len(group.users),
    }
    return found | ({"users": list(group.users)} if with_users else {})


def _note(note: Note) -> Json:
    return {"value": note.value, "creator": note.creator, "last_set": note.last_set}


def channel_json(ws: Workspace, channel: Channel, *, counted: bool = False) -> Json:
    """A conversation object; `num_members` when counted."""
    common: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": channel.is_im,
        "is_org_shared": False,
        "context_team_id": ws.team_id,
    }
    if channel.is_im:
        other = next((m for m in channel.members if m != ws.bot_user), ws.bot_user)
        return common | {"user": other, "is_user_deleted": False, "priority": 0}
    found = common | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_general": channel.is_general,
        "is_member": ws.bot_user in channel.members,
        "is_shared": False,
        "is_ext_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "unlinked": 0,
        "creator": channel.creator,
        "topic": _note(channel.topic),
        "purpose": _note(channel.purpose),
        "previous_names": list(channel.previous_names),
    }
    return found | ({"num_members": len(channel.members)} if counted else {})


def message_json(
    ws: Workspace, channel: Channel, message: Message, *, with_metadata: bool = False
) -> Json:
    """A message object, with the counts of its thread."""
    replies = replies_to(channel, message.ts)
    return _message(ws, channel, message, replies, with_metadata=with_metadata)


def messages_json(
    ws: Workspace, channel: Channel, messages: Sequence[Message], *, with_metadata: bool = False
) -> list[Json]:
    """Many messages of one channel: its threads are gathered once, not for each message."""
    threads: dict[str, list[Message]] = {}
    for message in channel.messages:
        if message.thread_ts not in ("", message.ts) and not message.ephemeral_to:
            threads.setdefault(message.thread_ts, []).append(message)
    return [
        _message(ws, channel, m, threads.get(m.ts, []), with_metadata=with_metadata)
        for m in messages
    ]


def _message(
    ws: Workspace,
    channel: Channel,
    message: Message,
    replies: list[Message],
    *,
    with_metadata: bool,
) -> Json:
    found: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": ws.team_id,
    }
    optional = {
        "subtype": message.subtype,
        "bot_id": message.bot_id,
        "app_id": message.app_id,
        "username": message.username,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "thread_ts": message.thread_ts,
    }
    found |= {key: value for key, value in optional.items() if value}
    if message.edited_ts:
        found["edited"] = {"user": message.edited_by, "ts": message.edited_ts}
    if message.reactions:
        found["reactions"] = [
            {"name": r.name, "users": list(r.users), "count": len(r.users)}
            for r in message.reactions
        ]
    if message.files:
        found["files"] = [file_json(ws.files[f]) for f in message.files if f in ws.files]
    if any(pin.ts == message.ts for pin in channel.pins):
        found["pinned_to"] = [channel.id]
    if with_metadata and message.metadata:
        found["metadata"] = message.metadata
    if replies:
        people = list(dict.fromkeys(reply.user for reply in replies))
        found |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": people,
            "reply_users_count": len(people),
            "latest_reply": replies[-1].ts,
        }
    return found


def replies_to(channel: Channel, ts: str) -> list[Message]:
    """The answers in the thread under that message, oldest first; they all come after it."""
    later = channel.messages[position(channel, ts) + 1 :]
    return [m for m in later if m.thread_ts == ts and not m.ephemeral_to]


def message_event(ws: Workspace, channel: Channel, message: Message) -> Json:
    """The `message` event that tells the app of a new message."""
    kind = "im" if channel.is_im else "group" if channel.is_private else "channel"
    return message_json(ws, channel, message) | {
        "channel": channel.id,
        "channel_type": kind,
        "event_ts": message.ts,
    }


def bookmark_json(channel: Channel, bookmark: Bookmark) -> Json:
    """A bookmark object."""
    return {
        "id": bookmark.id,
        "channel_id": channel.id,
        "title": bookmark.title,
        "link": bookmark.link,
        "emoji": bookmark.emoji,
        "icon_url": None,
        "type": bookmark.type,
        "entity_id": None,
        "date_created": bookmark.created,
        "date_updated": bookmark.updated,
        "rank": "g",
        "last_updated_by_user_id": bookmark.updated_by,
        "shortcut_id": None,
        "app_id": None,
    }


def file_json(file: File) -> Json:
    """A file object without its content."""
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "user": file.user,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "channels": list(file.channels),
        "permalink": f"/files/{file.id}",
    }


def view_json(ws: Workspace, view: View) -> Json:
    """A view object, as the Web API answers it and as interactions carry it."""
    return {
        "id": view.id,
        "team_id": ws.team_id,
        "type": view.type,
        "blocks": view.blocks,
        "private_metadata": view.private_metadata,
        "callback_id": view.callback_id,
        "state": {"values": view.state},
        "hash": view.hash,
        "title": view.title,
        "clear_on_close": view.clear_on_close,
        "notify_on_close": view.notify_on_close,
        "close": view.close,
        "submit": view.submit,
        "submit_disabled": view.submit_disabled,
        "previous_view_id": view.previous_view_id or None,
        "root_view_id": view.root_view_id or view.id,
        "app_id": ws.app_id,
        "external_id": view.external_id,
        "app_installed_team_id": ws.team_id,
        "bot_id": ws.bot.bot_id,
    }


def person_json(ws: Workspace, user: User) -> dict[str, Any]:
    """The short form of a person that interactions carry."""
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": ws.team_id}
