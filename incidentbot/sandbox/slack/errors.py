"""The one error type of the Web API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """Becomes `{"ok": false, "error": code, **extra}` with HTTP 200, as Slack answers."""

    def __init__(self, code: str, **extra: Any) -> None:
        """Keep Slack's error code and whatever else the answer carries."""
        super().__init__(code)
        self.code = code
        self.extra = extra


def bad_arguments(*messages: str) -> SlackError:
    """`invalid_arguments` with the messages where Slack puts them."""
    return SlackError("invalid_arguments", response_metadata=_metadata(messages))


def bad_blocks(messages: Sequence[str]) -> SlackError:
    """`invalid_blocks`: the messages come bare in `errors` and marked in the metadata."""
    return SlackError(
        "invalid_blocks", errors=list(messages), response_metadata=_metadata(messages)
    )


def _metadata(messages: Sequence[str]) -> dict[str, list[str]]:
    return {"messages": [f"[ERROR] {message}" for message in messages]}
