"""What the sandbox is told by its environment, and what may be changed while it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

# The scopes incidentbot's manifest asks for. A call that needs another one is answered
# `missing_scope`, as Slack would, until `PUT /sandbox/settings` grants it.
DEFAULT_SCOPES = (
    "commands",
    "chat:write",
    "chat:write.public",
    "channels:manage",
    "channels:read",
    "channels:join",
    "channels:history",
    "groups:write",
    "pins:write",
    "bookmarks:read",
    "bookmarks:write",
    "im:history",
    "im:write",
    "users:read",
    "users:read.email",
    "usergroups:read",
    "reactions:read",
)

DEFAULT_EVENTS = (
    "app_home_opened",
    "channel_created",
    "member_joined_channel",
    "message",
    "pin_added",
    "pin_removed",
    "reaction_added",
    "reaction_removed",
)


@dataclass(frozen=True)
class Settings:
    """Fixed for the life of the process."""

    host: str = "127.0.0.1"
    port: int = 8010
    bot_token: str = "xoxb-sandbox"  # noqa: S105 - a well-known stand-in, not a secret
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - likewise
    app_url: str = "http://127.0.0.1:8000/slack/events"
    data: str = ""
    commands: tuple[str, ...] = ("/incident", "/inc")


@dataclass
class Knobs:
    """What `PUT /sandbox/settings` changes. Times are in seconds.

    `retry_delays` are Slack's own waits before each repeat of an event
    (docs.slack.dev/apis/events-api, "Error handling"): at once, a minute, five minutes.
    """

    scopes: list[str] = field(default_factory=lambda: list(DEFAULT_SCOPES))
    events: list[str] = field(default_factory=lambda: list(DEFAULT_EVENTS))
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    retry_delays: list[float] = field(default_factory=lambda: [0.0, 60.0, 300.0])
    token_state: str = "active"  # noqa: S105 - active | revoked | inactive
    own_message_events: bool = False


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `env` (the process environment when absent).

    Raises ValueError with a readable sentence when SANDBOX_PORT is not a port.
    """
    env = os.environ if env is None else env
    plain = Settings()
    port = env.get("SANDBOX_PORT") or str(plain.port)
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"SANDBOX_PORT must be a number from 0 to 65535, not {port!r}")
    commands = env.get("SANDBOX_COMMANDS") or ",".join(plain.commands)
    return Settings(
        host=env.get("SANDBOX_HOST") or plain.host,
        port=int(port),
        bot_token=env.get("SLACK_BOT_TOKEN") or plain.bot_token,
        signing_secret=env.get("SLACK_SIGNING_SECRET") or plain.signing_secret,
        app_url=env.get("SANDBOX_APP_URL") or plain.app_url,
        data=env.get("SANDBOX_DATA") or "",
        commands=tuple(word.strip() for word in commands.split(",") if word.strip()),
    )
