"""How services are drawn for customers: a bar for each day, and a badge."""

from dataclasses import dataclass
from datetime import timedelta

from flask import current_app

from incidentbot.incidents.durations import in_words
from incidentbot.status_pages.component_status import WORDS
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.status_pages.page import ShownService
from incidentbot.status_pages.uptime import TROUBLE, Day
from incidentbot.web.kept import Answer, answer


@dataclass(frozen=True)
class Bar:
    """One day as it is drawn and told."""

    x: int
    height: int
    name: str
    words: str
    is_trouble: bool


_HEIGHTS = {
    None: 4,
    ComponentStatus.OPERATIONAL: 16,
    ComponentStatus.UNDER_MAINTENANCE: 20,
    ComponentStatus.DEGRADED: 25,
    ComponentStatus.PARTIAL_OUTAGE: 32,
    ComponentStatus.MAJOR_OUTAGE: 40,
}


def bars_of(service: ShownService) -> list[Bar]:
    """Return a service's days, the oldest first."""
    return [
        Bar(
            x=number * 5,
            height=_HEIGHTS[day.worst],
            name=day.worst.value if day.worst else "unknown",
            words=f"{day.date.day} {day.date:%b}: {_day_in_words(day)}",
            is_trouble=day.worst not in (None, ComponentStatus.OPERATIONAL),
        )
        for number, day in enumerate(service.days)
    ]


def _day_in_words(day: Day) -> str:
    if day.worst is None:
        return "no data"
    told = [
        f"{WORDS[status].lower()} for {in_words(time)}"
        for status in (*TROUBLE, ComponentStatus.UNDER_MAINTENANCE)
        if (time := day.times.get(status, timedelta()))
    ]
    return ", ".join(told) or "operational"


_BADGE_COLOURS = {
    ComponentStatus.OPERATIONAL: "#1a6b3c",
    ComponentStatus.UNDER_MAINTENANCE: "#1f5fbf",
    ComponentStatus.DEGRADED: "#7a5d00",
    ComponentStatus.PARTIAL_OUTAGE: "#b54708",
    ComponentStatus.MAJOR_OUTAGE: "#b42318",
}


def badge_of(name: str, status: ComponentStatus) -> Answer:
    """Return an image of a name and a status, as other sites show it."""
    label = name if len(name) <= 40 else f"{name[:39]}…"
    left, right = 7 * len(label) + 16, 7 * len(WORDS[status]) + 16
    svg = current_app.jinja_env.get_template("status/badge.svg").render(
        label=label, word=WORDS[status], left=left, right=right, colour=_BADGE_COLOURS[status]
    )
    return answer(svg, "image/svg+xml; charset=utf-8")
