"""The list of incidents: what an address asks for, and the file that a spreadsheet opens."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import CLOSED, OPEN, Severity, Status
from incidentbot.incidents.listing import Filters
from incidentbot.incidents.models import Incident, Service
from incidentbot.incidents.search import words_of
from incidentbot.incidents.text import shorten
from incidentbot.users.candidates import Candidate
from incidentbot.web.csv_files import csv_line
from incidentbot.web.people import written
from incidentbot.web.requests import number
from incidentbot.web.times import day_in_words
from incidentbot.web.zones import is_zone

PER_PAGE = 30
TEXT_LIMIT = 200
# Names for several statuses at once.
_STATUS_GROUPS = {"open": OPEN, "closed": CLOSED}


@dataclass(frozen=True)
class Asked:
    """What an address asks for: the filters, in words too, and what in it was not understood.

    `values` are the fields of the form as they are to be shown, `address` is what leads here again.
    `errors` are what is wrong with a field that shows what was typed.
    """

    filters: Filters
    zone: str
    values: Mapping[str, str]
    address: Mapping[str, Sequence[str]]
    said: Sequence[str] = ()
    ignored: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    contradiction: str = ""
    before: int | None = None
    after: int | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether anything is looked for."""
        return bool(self.said)


@dataclass
class _Reading:
    """The parts of an address as they are understood one by one."""

    filters: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    address: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, values: Sequence[str], said: str, **filters: Any) -> None:
        """Keep what was understood, by its name in the address and in the filters."""
        self.address[name] = list(values)
        self.said.append(said)
        self.filters |= filters

    def ignore(self, name: str, value: str) -> None:
        """Keep what was not understood, to say so."""
        self.ignored.append(f"{name} “{shorten(value, 40)}”")


def read_address(
    arguments: MultiDict[str, str],
    services: Iterable[Service],
    find_person: Callable[[str], Candidate],
    own_zone: str | None,
    browsers_zone: str = "UTC",
) -> Asked:
    """Return what an address asks for. What makes no sense is left out and named, never an error."""
    reading = _Reading()
    zone = own_zone or _read_zone(reading, arguments, browsers_zone)
    _read_several(reading, arguments, "status", Status, "statuses", _STATUS_GROUPS)
    _read_several(reading, arguments, "severity", Severity, "severities", {})
    _read_one(
        reading,
        arguments,
        "service",
        {service.slug: (service.id, service.name) for service in services},
        "service_id",
    )
    _read_person(reading, arguments, "commander", find_person)
    _read_dates(reading, arguments, zone)
    text = arguments.get("q", "").strip()[:TEXT_LIMIT]
    if words_of(text):
        reading.take("q", [text], f"text “{shorten(text, 40)}”", words=text)
    elif text:
        reading.ignore("text", text)
    filters = Filters(**reading.filters)
    if filters.has_dates and own_zone is None and zone != "UTC":
        reading.address["zone"] = [zone]
    before, after = (_read_number(reading, arguments, name) for name in ("before", "after"))
    return Asked(
        filters=filters,
        zone=zone,
        values=reading.values,
        address=reading.address,
        said=reading.said,
        ignored=reading.ignored,
        errors=reading.errors,
        contradiction=_contradiction(filters),
        before=before,
        after=after,
    )


def _contradiction(filters: Filters) -> str:
    """Say why nothing can match, whatever incidents there are; "" if something can."""
    first, end = filters.declared_from, filters.declared_before
    if first is not None and end is not None and first >= end:
        return "The first day comes after the last day."
    return ""


def csv_of(incidents: Iterable[Incident]) -> Iterator[str]:
    """Yield the lines of a file with one incident each, under a line of headings."""
    yield csv_line(_COLUMNS)
    for incident in incidents:
        yield csv_line(value(incident) for value in _COLUMNS.values())


def _read_several(
    reading: _Reading,
    arguments: MultiDict[str, str],
    name: str,
    words: type[StrEnum],
    filter_name: str,
    groups: Mapping[str, frozenset[StrEnum]],
) -> None:
    """Read a field that may be there several times."""
    by_name = {word.value.lower(): frozenset({word}) for word in words}
    by_name |= groups
    chosen: set[StrEnum] = set()
    for value in filter(None, arguments.getlist(name)):
        found = by_name.get(value.strip().lower())
        if found is None:
            reading.ignore(name, value)
        else:
            chosen |= found
    if chosen:
        shown = [word.value for word in words if word in chosen]
        reading.take(
            name, shown, f"{name} {' or '.join(shown)}", **{filter_name: frozenset(chosen)}
        )


def _read_one(
    reading: _Reading,
    arguments: MultiDict[str, str],
    name: str,
    known: Mapping[str, tuple[int, str]],
    filter_name: str,
) -> None:
    value = arguments.get(name, "").strip()
    if value in known:
        key, words = known[value]
        reading.take(name, [value], f"{name} {words}", **{filter_name: key})
    elif value:
        reading.ignore(name, value)


def _read_person(
    reading: _Reading,
    arguments: MultiDict[str, str],
    name: str,
    find_person: Callable[[str], Candidate],
) -> None:
    """Read who is looked for, by id or as typed. What leads here again has the id."""
    value = written(arguments, name)
    if not value:
        return
    reading.values[name] = value
    try:
        found = find_person(value)
    except InvalidInput as error:
        reading.ignore(name, value)
        reading.errors[name] = error.reason
    else:
        reading.values[name] = found.label
        reading.take(
            name, [str(found.user_id)], f"{name} {found.name}", **{f"{name}_id": found.user_id}
        )


def _read_dates(reading: _Reading, arguments: MultiDict[str, str], zone: str) -> None:
    """Read the first and the last day on which incidents were declared, as days of the zone."""
    for name, words, filter_name, days in (
        ("from", "declared from", "declared_from", 0),
        ("to", "declared up to", "declared_before", 1),
    ):
        value = arguments.get(name, "").strip()
        if not value:
            continue
        try:
            day = date.fromisoformat(value) + timedelta(days=days)
            moment = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            reading.ignore(words, value)
        else:
            said = f"{words} {day_in_words(date.fromisoformat(value))}"
            reading.take(name, [value], said, **{filter_name: moment})


def _read_zone(reading: _Reading, arguments: MultiDict[str, str], otherwise: str) -> str:
    """Return the zone that the address names for its days."""
    value = arguments.get("zone", "").strip()
    if value and not is_zone(value):
        reading.ignore("time zone", value)
    return value if is_zone(value) else otherwise


def _read_number(reading: _Reading, arguments: MultiDict[str, str], name: str) -> int | None:
    value = arguments.get(name, "").strip()
    found = number(value)
    if value and found is None:
        reading.ignore("page", value)
    return found


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""


def _seconds_to_first_update(incident: Incident) -> int | str:
    if incident.first_update_at is None:
        return ""
    return int((incident.first_update_at - incident.declared_at).total_seconds())


def _or_nothing(count: int | None) -> int | str:
    return "" if count is None else count


# The headings of the file, and what stands below each.
_COLUMNS: dict[str, Callable[[Incident], str | int]] = {
    "reference": lambda incident: incident.reference,
    "title": lambda incident: incident.title,
    "severity": lambda incident: incident.severity.value,
    "status": lambda incident: incident.status.value,
    "service": lambda incident: incident.service.name,
    "commander": lambda incident: incident.commander.name,
    "declared_at": lambda incident: _moment(incident.declared_at),
    "resolved_at": lambda incident: _moment(incident.resolved_at),
    "duration_seconds": lambda incident: _or_nothing(incident.duration_seconds),
    "seconds_to_first_update": _seconds_to_first_update,
    "updates_due": lambda incident: incident.updates_due,
    "updates_late": lambda incident: incident.updates_late,
    "private": lambda incident: "yes" if incident.is_private else "no",
}
