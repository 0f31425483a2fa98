"""What an audit entry changed, in words a person reads."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy.orm import Session

from incidentbot.audit.models import AuditEntry
from incidentbot.users.people import names_by_id

Changes = list[tuple[str, str, str]]

# What holds ids of people, one or several.
_PEOPLE = frozenset({"commander_id", "owners", "user_id", "merged_into_id"})
# Said in words beside it.
_UNSAID = frozenset({"person_id"})
_NAMES = {"postmortem": "post-mortem"}
_SHOWN = 300  # characters of a long text


def with_changes(
    session: Session, entries: Iterable[AuditEntry]
) -> list[tuple[AuditEntry, Changes]]:
    """Return each entry with what it changed: the name of each thing, what it was, what it is."""
    found = list(entries)
    sides = [side for entry in found for side in (entry.before, entry.after)]
    people = {who for side in sides for key in _PEOPLE & side.keys() for who in _ids(side[key])}
    names = names_by_id(session, people)
    return [(entry, list(_changes(entry, names))) for entry in found]


def _changes(entry: AuditEntry, names: Mapping[int, str]) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys((*entry.before, *entry.after)):
        before, after = entry.before.get(key), entry.after.get(key)
        if before != after and key not in _UNSAID:
            name = _NAMES.get(key, key.removesuffix("_id").replace("_", " "))
            was = _in_words(key, before, names) if key in entry.before else ""
            yield name, was, _in_words(key, after, names)


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, int)]


def _in_words(key: str, value: Any, names: Mapping[int, str]) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key in _PEOPLE:
        return ", ".join(names.get(who, f"person {who}") for who in _ids(value)) or "none"
    if isinstance(value, list | dict):
        return json.dumps(value) if value else "none"
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
