"""The workspace as data: people, channels, messages, views. No behaviour beyond lookups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class User:
    """A person or a bot. `tz_offset` is in seconds east of UTC."""

    id: str
    name: str
    real_name: str
    email: str = ""
    title: str = ""
    tz: str = "Etc/UTC"
    tz_label: str = "Coordinated Universal Time"
    tz_offset: int = 0
    color: str = "4a154b"
    is_bot: bool = False
    is_admin: bool = False
    deleted: bool = False
    bot_id: str = ""


@dataclass
class Usergroup:
    """A named group of people that can be mentioned as one."""

    id: str
    handle: str
    name: str
    description: str
    users: list[str]
    created: int = 0


@dataclass
class Note:
    """A channel's topic or purpose. `last_set` is in unix seconds."""

    value: str = ""
    creator: str = ""
    last_set: int = 0


@dataclass
class Bookmark:
    """A link in the bar under a channel's name."""

    id: str
    title: str
    link: str
    type: str = "link"
    emoji: str = ""
    created: int = 0
    updated: int = 0
    updated_by: str = ""


@dataclass
class Pin:
    """A pinned message."""

    ts: str
    user: str
    created: int


@dataclass
class Reaction:
    """One emoji on one message, with the people who gave it, in order."""

    name: str
    users: list[str]


@dataclass
class File:
    """An uploaded file. `content` is base64, so that the workspace stays JSON."""

    id: str
    name: str
    title: str
    user: str
    size: int
    mimetype: str
    created: int
    content: str = ""
    complete: bool = False
    channels: list[str] = field(default_factory=list)


@dataclass
class Message:
    """One message. With `ephemeral_to` only that person sees it and history never does."""

    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    subtype: str = ""
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Json | None = None
    edited_ts: str = ""
    edited_by: str = ""
    bot_id: str = ""
    app_id: str = ""
    username: str = ""
    icon_emoji: str = ""
    reactions: list[Reaction] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    ephemeral_to: str = ""
    state: dict[str, dict[str, Json]] = field(default_factory=dict)


@dataclass
class Channel:
    """A public or private channel, or a direct message (`is_im`, two members)."""

    id: str
    name: str
    creator: str
    created: int
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_im: bool = False
    is_general: bool = False
    is_archived: bool = False
    topic: Note = field(default_factory=Note)
    purpose: Note = field(default_factory=Note)
    previous_names: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    bookmarks: list[Bookmark] = field(default_factory=list)
    last_read: dict[str, str] = field(default_factory=dict)


@dataclass
class View:
    """A modal or an app home as one person sees it; `state` holds what they typed."""

    id: str
    user: str
    type: str
    hash: str
    blocks: list[Json]
    title: Json | None = None
    submit: Json | None = None
    close: Json | None = None
    callback_id: str = ""
    external_id: str = ""
    private_metadata: str = ""
    clear_on_close: bool = False
    notify_on_close: bool = False
    submit_disabled: bool = False
    root_view_id: str = ""
    previous_view_id: str = ""
    state: dict[str, dict[str, Json]] = field(default_factory=dict)


@dataclass
class Workspace:
    """Everything that is saved. `stacks` holds each person's open modals, top one last."""

    team_id: str
    team_name: str
    team_domain: str
    app_id: str
    bot_user: str
    users: dict[str, User] = field(default_factory=dict)
    usergroups: dict[str, Usergroup] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    stacks: dict[str, list[str]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    last_ts: float = 0.0
    last_id: int = 0

    @property
    def bot(self) -> User:
        """The app's bot user."""
        return self.users[self.bot_user]
