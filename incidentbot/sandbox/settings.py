"""What the sandbox is told by its environment, and what may be changed while it runs."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# What incidentbot's manifest asks for, to the letter (a test compares the two). A call that needs
# another scope is answered `missing_scope`, as Slack would, until `PUT /sandbox/settings` grants
# it; likewise the manifest subscribes to no events, so none are sent until they are asked for.
DEFAULT_SCOPES = (
    "commands",
    "chat:write",
    "chat:write.public",
    "channels:manage",
    "channels:read",
    "channels:join",
    "channels:history",
    "groups:write",
    "groups:read",
    "groups:history",
    "pins:write",
    "bookmarks:write",
    "bookmarks:read",
    "im:write",
    "im:history",
    "users:read",
    "users:read.email",
)
DEFAULT_EVENTS: tuple[str, ...] = ()
TOKEN_STATES = ("active", "revoked", "inactive")
STATUSPAGE_RIGHTS = ("all", "read", "none")


@dataclass(frozen=True)
class Settings:
    """Fixed for the life of the process."""

    host: str = "127.0.0.1"
    port: int = 8010
    bot_token: str = "xoxb-sandbox"  # noqa: S105 - a well-known stand-in, not a secret
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - likewise
    app_url: str = "http://127.0.0.1:8000/slack/events"
    data: str = ""
    statuspage_key: str = "sandbox-statuspage-key"  # the same kind of stand-in
    commands: tuple[str, ...] = ("/incident", "/inc")


@dataclass(frozen=True)
class Knobs:
    """What `PUT /sandbox/settings` changes. Times are in seconds.

    `retry_delays` are Slack's own waits before each repeat of an event
    (docs.slack.dev/apis/events-api, "Error handling"): at once, a minute, five minutes.
    Statuspage's limit is its own too, a request a second over a rolling minute, once it is on.
    """

    scopes: list[str] = field(default_factory=lambda: list(DEFAULT_SCOPES))
    events: list[str] = field(default_factory=lambda: list(DEFAULT_EVENTS))
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    retry_delays: list[float] = field(default_factory=lambda: [0.0, 60.0, 300.0])
    token_state: str = TOKEN_STATES[0]
    statuspage_limited: bool = False
    statuspage_requests: int = 60
    statuspage_window: float = 60.0
    statuspage_limit_status: int = 429
    statuspage_rights: str = STATUSPAGE_RIGHTS[0]

    def changed(self, wish: Mapping[str, Any]) -> Knobs:
        """These with some of them changed. Raises ValueError with a readable sentence."""
        for name, value in wish.items():
            if name not in _RULES:
                raise ValueError(f"no such setting: {name}")
            holds, words = _RULES[name]
            if not holds(value):
                raise ValueError(f"{name} must be {words}")
        return dataclasses.replace(self, **wish)


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _seconds(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "scopes": (_words, "a list of scopes"),
    "events": (_words, "a list of event types"),
    "ack_seconds": (lambda value: _seconds(value) and value > 0, "a number above 0"),
    "trigger_seconds": (_seconds, "a number, 0 or more"),
    "retry_delays": (
        lambda value: isinstance(value, list) and all(map(_seconds, value)),
        "a list of numbers, 0 or more",
    ),
    "token_state": (lambda value: value in TOKEN_STATES, f"one of {', '.join(TOKEN_STATES)}"),
    "statuspage_limited": (lambda value: isinstance(value, bool), "true or false"),
    "statuspage_requests": (_count, "a whole number above 0"),
    "statuspage_window": (lambda value: _seconds(value) and value > 0, "a number above 0"),
    "statuspage_limit_status": (lambda value: value in (420, 429), "420 or 429"),
    "statuspage_rights": (
        lambda value: value in STATUSPAGE_RIGHTS,
        f"one of {', '.join(STATUSPAGE_RIGHTS)}",
    ),
}


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
        statuspage_key=env.get("SANDBOX_STATUSPAGE_KEY") or plain.statuspage_key,
        commands=tuple(word.strip() for word in commands.split(",") if word.strip()),
    )
