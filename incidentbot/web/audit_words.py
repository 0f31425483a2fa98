"""What an audit entry says, in words a person reads: of what, through which door, what it changed."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy.orm import Session

from incidentbot.audit.models import AuditEntry
from incidentbot.users.people import names_by_id

# The name of each thing, what it was ("" for nothing), what it is. A time stays one.
Changes = list[tuple[str, str | datetime, str | datetime]]

# What holds ids of people, one or several.
_PEOPLE = frozenset({"commander_id", "owners", "user_id", "merged_into_id"})
# Said in words beside it.
_UNSAID = frozenset({"person_id"})
_NAMES = {"postmortem": "post-mortem"}
# What holds one of our own words, like sign_in.
_IDENTIFIERS = frozenset({"purpose", "status"})
_SHOWN = 300  # characters of a long text
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
_NUMBERED = re.compile(r"([a-z ]+) ([0-9]{1,18})")
_KNOWN_BEFORE = 40  # characters that two long texts share, shown before what differs
# Actions that their names do not say in the pages' own words.
_ACTIONS = {
    "move_to": "Change status",
    "draft_postmortem": "Draft post-mortem",
    "edit_postmortem": "Edit post-mortem",
}
# Under which key an entry keeps what its subject is called.
_CALLED = ("name", "title")
_DOORS = {
    "slack": "in Slack",
    "web": "on the web",
    "cli": "on the command line",
    "system": "by itself",
}


@dataclass(frozen=True)
class Line:
    """An entry, what it is about by name, through which door it came, and what it changed."""

    entry: AuditEntry
    about: str
    way: str
    changes: Changes


def in_words(session: Session, entries: Iterable[AuditEntry]) -> list[Line]:
    """Return each entry with its words."""
    found = list(entries)
    sides = [side for entry in found for side in (entry.before, entry.after)]
    people = {who for side in sides for key in _PEOPLE & side.keys() for who in _ids(side[key])}
    people |= {number for kind, number in map(_numbered, found) if kind == "user"}
    names = names_by_id(session, people)
    return [
        Line(entry, _about(entry, names), _way(entry), list(_changes(entry, names)))
        for entry in found
    ]


def action_words(action: str) -> str:
    """Return what an entry's action is called on pages: "Post update"."""
    return _ACTIONS.get(action) or action.replace("_", " ").capitalize()


def _about(entry: AuditEntry, names: Mapping[int, str]) -> str:
    """Return what the subject is called; where the entry does not say, its number."""
    kind, number = _numbered(entry)
    if kind == "user":
        return names.get(number, entry.subject)
    if not kind:
        return entry.subject
    for side in (entry.after, entry.before):
        for key in _CALLED:
            if side.get(key):
                return str(side[key])
    # "add rule" says what it is.
    said = entry.action.endswith(f"_{kind}")
    return str(number) if said else entry.subject


def _numbered(entry: AuditEntry) -> tuple[str, int]:
    """Return kind and number of a subject like "user 43"; "" and 0 for any other, like INC-4."""
    match = _NUMBERED.fullmatch(entry.subject)
    return (match[1], int(match[2])) if match else ("", 0)


def _way(entry: AuditEntry) -> str:
    if entry.door == "system":  # it has no role, and comes from nowhere
        return _DOORS["system"]
    return f"{entry.actor_role}, {_DOORS.get(entry.door, entry.door)}"


def _changes(
    entry: AuditEntry, names: Mapping[int, str]
) -> Iterator[tuple[str, str | datetime, str | datetime]]:
    for key in dict.fromkeys((*entry.before, *entry.after)):
        before, after = entry.before.get(key), entry.after.get(key)
        if before != after and key not in _UNSAID:
            name = _NAMES.get(key, key.removesuffix("_id").replace("_", " "))
            start = _where_they_differ(before, after)
            was = "" if _is_nothing(before) else _in_words(key, before, names, start)
            yield name, was, _in_words(key, after, names, start)


def _where_they_differ(before: Any, after: Any) -> int:
    """Return from where on two texts are shown: what long ones begin with alike tells nothing."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return 0
    if max(len(before), len(after)) <= _SHOWN:
        return 0
    pairs = zip(before, after, strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return max(alike - _KNOWN_BEFORE, 0)


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or value == []


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, int)]


def _in_words(key: str, value: Any, names: Mapping[int, str], start: int = 0) -> str | datetime:
    if _is_nothing(value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key in _PEOPLE:
        return ", ".join(names.get(who, f"person {who}") for who in _ids(value)) or "none"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value) if value else "none"
    text = str(value)
    if key in _IDENTIFIERS:
        return text.replace("_", " ")
    if _MOMENT.fullmatch(text):
        return datetime.fromisoformat(text)
    shown = text[start : start + _SHOWN]
    if shown == text:
        return text
    is_end = start + _SHOWN >= len(text)
    return f"{'…' if start else ''}{shown}{'' if is_end else '…'} ({len(text):,} characters)"
