"""Small checks that add up to a schema: each one looks at a value and lists what is wrong.

A check is called with the value, its JSON pointer, and the list that takes the complaints, which
are worded as Slack words them (for instance `must be less than 3001 characters
[json-pointer:/blocks/0/text/text]`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Check = Callable[[Any, str, list[str]], None]


def complain(out: list[str], pointer: str, message: str) -> None:
    """Add one complaint about the value at `pointer`."""
    out.append(f"{message} [json-pointer:{pointer}]")


def string(maximum: int, minimum: int = 0, pattern: str = "") -> Check:
    """A string of that many characters, and of that shape when a pattern is given."""

    def check(value: Any, pointer: str, out: list[str]) -> None:
        if not isinstance(value, str):
            complain(out, pointer, "must provide a string")
        elif len(value) > maximum:
            complain(out, pointer, f"must be less than {maximum + 1} characters")
        elif len(value) < minimum:
            complain(out, pointer, f"must be more than {minimum - 1} characters")
        elif pattern and not re.fullmatch(pattern, value):
            complain(out, pointer, "does not match the required pattern")

    return check


def boolean(value: Any, pointer: str, out: list[str]) -> None:
    """A true or false."""
    if not isinstance(value, bool):
        complain(out, pointer, "must be a boolean")


def integer(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: Any, pointer: str, out: list[str]) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            complain(out, pointer, "must be an integer")
        elif not low <= value <= high:
            complain(out, pointer, f"must be between {low} and {high}")

    return check


def one_of(*allowed: str) -> Check:
    """One of those words."""

    def check(value: Any, pointer: str, out: list[str]) -> None:
        if value not in allowed:
            complain(out, pointer, f"must be a valid enum value: {', '.join(allowed)}")

    return check


def each(check: Check, maximum: int, minimum: int = 1) -> Check:
    """A list of that many values which each pass `check`."""

    def check_list(value: Any, pointer: str, out: list[str]) -> None:
        if not isinstance(value, list):
            complain(out, pointer, "must be an array")
            return
        if len(value) > maximum:
            complain(out, pointer, f"no more than {maximum} items allowed")
        if len(value) < minimum:
            complain(out, pointer, f"no less than {minimum} items allowed")
        for index, item in enumerate(value[: maximum + 1]):
            check(item, f"{pointer}/{index}", out)

    return check_list


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with those properties and no others; a null counts as absent."""
    known = {**required, **(optional or {})}

    def check(value: Any, pointer: str, out: list[str]) -> None:
        if not isinstance(value, dict):
            complain(out, pointer, "must be an object")
            return
        for name in required:
            if value.get(name) is None:
                complain(out, pointer, f"missing required field: {name}")
        for name, item in value.items():
            if name not in known:
                complain(out, pointer, f"invalid additional property: {name}")
            elif item is not None:
                known[name](item, f"{pointer}/{name}", out)

    return check


def by_type(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of the checks is to be used."""

    def check(value: Any, pointer: str, out: list[str]) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            complain(out, pointer, "missing required field: type")
        elif kind not in kinds:
            complain(out, f"{pointer}/type", f"unsupported type: {kind}")
        else:
            kinds[kind](value, pointer, out)

    return check


def all_of(checks: Sequence[Check]) -> Check:
    """A value that passes every one of the checks; a later one may rely on those before it."""

    def check(value: Any, pointer: str, out: list[str]) -> None:
        before = len(out)
        for one in checks:
            if len(out) == before:
                one(value, pointer, out)

    return check
