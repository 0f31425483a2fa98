"""The Atom feed of the status page: incidents and maintenance, the last changed first."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from datetime import datetime

from incidentbot.status_pages.page import Page, ShownIncident, ShownMaintenance
from incidentbot.status_pages.settings import by_clock

_ATOM = "http://www.w3.org/2005/Atom"
ENTRIES = 30


def atom(page: Page, address: str) -> bytes:
    """Return the feed. `address` is where the page is."""
    feed = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _text(feed, "id", f"{address}/status")
    _text(feed, "title", page.title)
    _text(feed, "updated", _time(page.updated_at))
    ET.SubElement(feed, "link", {"rel": "self", "href": f"{address}/status.atom"})
    ET.SubElement(feed, "link", {"rel": "alternate", "href": f"{address}/status"})
    ET.SubElement(ET.SubElement(feed, "author"), "name").text = _clean(page.title)
    both: list[ShownIncident | ShownMaintenance] = [*page.incidents, *page.maintenances]
    for told in sorted(both, key=lambda one: one.updated_at, reverse=True)[:ENTRIES]:
        if isinstance(told, ShownIncident):
            _incident(feed, told, page, address)
        else:
            _maintenance(feed, told, page, address)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _incident(feed: ET.Element, incident: ShownIncident, page: Page, address: str) -> None:
    lines = [f"Service: {incident.service}", ""] if incident.service else []
    for update in incident.updates:
        lines += [
            f"{update.status.capitalize()}, {by_clock(update.at, page.zone)}",
            update.body,
            "",
        ]
    link = f"{address}/status/incidents/{incident.id}"
    title = f"{incident.title} ({incident.status.value})"
    _entry(feed, link, link, title, incident.opened_at, incident.updated_at, lines)


def _maintenance(feed: ET.Element, work: ShownMaintenance, page: Page, address: str) -> None:
    until = work.ends_at if work.is_called_off else work.ended_at or work.ends_at
    begins, ends = by_clock(work.starts_at, page.zone), by_clock(until, page.zone)
    lines = [
        f"It was planned from {begins} to {ends}"
        if work.is_called_off
        else f"From {begins} to {ends}",
        *([f"Services: {', '.join(work.services)}"] if work.services else []),
        "",
        work.body,
    ]
    name = f"{address}/status#maintenance-{work.id}"
    status = "called off" if work.is_called_off else work.status.value.replace("_", " ")
    title = f"Maintenance: {work.title} ({status})"
    _entry(feed, name, name, title, work.created_at, work.updated_at, lines)


def _entry(
    feed: ET.Element,
    name: str,
    link: str,
    title: str,
    published: datetime,
    updated: datetime,
    lines: Iterable[str],
) -> None:
    entry = ET.SubElement(feed, "entry")
    _text(entry, "id", name)
    _text(entry, "title", title)
    _text(entry, "published", _time(published))
    _text(entry, "updated", _time(updated))
    ET.SubElement(entry, "link", {"rel": "alternate", "href": link})
    content = ET.SubElement(entry, "content", {"type": "text"})
    content.text = _clean("\n".join(lines).strip())


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _clean(text)


def _clean(text: str) -> str:
    """Drop what XML cannot hold."""
    return "".join(c for c in text if c not in "\ufffe\uffff" and (c >= " " or c in "\n\t"))


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
