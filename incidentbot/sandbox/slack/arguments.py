"""A call's arguments, which arrive as form fields, as a query string or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from incidentbot.sandbox.slack.errors import bad_arguments


class Arguments:
    """Typed reading of one call's arguments; each reader raises `invalid_arguments`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Keep the raw values; empty strings count as given."""
        self.values = values

    def has(self, name: str) -> bool:
        """Whether the argument was sent, and is not null."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers are taken as they are written."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool | dict | list):
            raise bad_arguments(f"must provide a string [json-pointer:/{name}]")
        return str(value)

    def needed(self, name: str) -> str:
        """A string that has to be there and not empty."""
        value = self.text(name)
        if not value:
            raise bad_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean in any of the ways Slack takes one."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise bad_arguments(f"must be a boolean [json-pointer:/{name}]")
        return str(value).lower() in ("true", "1")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number, brought into the range Slack allows at the top, refused below it."""
        value = self.text(name)
        if not value:
            return default
        try:
            number = int(value)
        except ValueError:
            raise bad_arguments(f"must be an integer [json-pointer:/{name}]") from None
        if number < low:
            raise bad_arguments(f"must be greater than {low - 1} [json-pointer:/{name}]")
        return min(number, high)

    def listed(self, name: str) -> list[str]:
        """A comma-separated string, or a JSON list of strings."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def json(self, name: str, error: Exception | None = None) -> Any:
        """An object or list, sent as JSON or as a string that holds JSON; None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise error or bad_arguments(f"invalid JSON [json-pointer:/{name}]") from None
