"""Reading a request's body and address: JSON or a form, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from incidentbot.sandbox.statuspage.errors import bad_request, invalid
from incidentbot.sandbox.statuspage.model import Json

Item = TypeVar("Item")
MOST_PER_PAGE = 100
_PART = re.compile(r"\[([^\]]*)\]")


def from_form(pairs: Sequence[tuple[str, str]]) -> Json:
    """`incident[name]=x`, `incident[component_ids][]=y` as the object they stand for."""
    found: Json = {}
    for name, value in pairs:
        path = [name.split("[", 1)[0], *_PART.findall(name)]
        many = len(path) > 1 and path[-1] == ""
        place = found
        for part in path[: -2 if many else -1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise bad_request(f"{name} is invalid")
            place = inner
        if many:
            place[path[-2]] = [*place.get(path[-2], []), value]
        else:
            place[path[-1]] = value
    return found


@dataclass
class Fields:
    """The fields of one object in a body. What is wrong is collected, and raised at `end`."""

    values: Mapping[str, Any]
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, body: Mapping[str, Any], wrapper: str) -> Fields:
        """Those of `body[wrapper]`. Raises ApiError 400 when there is none."""
        if wrapper not in body:
            raise bad_request(f"{wrapper} is missing")
        values = body[wrapper]
        if not isinstance(values, dict):
            raise bad_request(f"{wrapper} is invalid")
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def complain(self, sentence: str) -> None:
        """Remember what is wrong."""
        self.wrong.append(sentence)

    def end(self) -> None:
        """Raise ApiError 422 with all that is wrong, if anything is."""
        if self.wrong:
            raise invalid(*self.wrong)

    def text(self, name: str, most: int = 255, *, needed: bool = False) -> str:
        """A text; empty when it is absent."""
        value = self.values.get(name)
        label = _label(name)
        if value is None or value == "":
            if needed:
                self.complain(f"{label} can't be blank")
            return ""
        if isinstance(value, dict | list | bool):
            self.complain(f"{label} is invalid")
            return ""
        text = str(value)
        if needed and not text.strip():
            self.complain(f"{label} can't be blank")
        if len(text) > most:
            self.complain(f"{label} is too long (maximum is {most} characters)")
        return text

    def choice(self, name: str, options: Sequence[str]) -> str:
        """One of `options`; empty when it is absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return ""
        if value not in options:
            self.complain(f"{_label(name)} must be one of {'|'.join(options)}")
            return ""
        return str(value)

    def flag(self, name: str, default: bool) -> bool:
        """A boolean; forms say it in letters."""
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return value
        if value in ("true", "t", "1", 1):
            return True
        if value in ("false", "f", "0", 0):
            return False
        return default

    def time(self, name: str) -> float | None:
        """A moment in ISO 8601; one without a zone is in UTC. None when it is absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        try:
            when = datetime.fromisoformat(str(value))
        except ValueError:
            self.complain(f"{_label(name)} is invalid")
            return None
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()

    def words(self, name: str) -> list[str] | None:
        """A list of texts; None when it is absent."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(f"{_label(name)} is invalid")
            return None
        return list(value)

    def objects(self, name: str) -> Json | None:
        """An object whose top-level values are objects; None when it is absent."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            self.complain(f"{_label(name)} top level values must be objects")
            return None
        return dict(value)


def page_of(items: Sequence[Item], query: Mapping[str, str], size: str = "per_page") -> list[Item]:
    """One page of `items`: `page` from 1, `per_page` (or `limit`) at most a hundred."""
    number = _whole(query, "page", 1)
    each = min(_whole(query, size, MOST_PER_PAGE), MOST_PER_PAGE)
    return list(items[(number - 1) * each : number * each])


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    if not value:
        return default
    if not value.isdecimal() or int(value) < 1:
        raise bad_request(f"{name} is invalid")
    return int(value)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
