"""How long things took, counted from the timeline."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from incidentbot.incidents.figures import MOVES, UPDATES
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import TimelineEvent


def time_to_first_update(events: Sequence[TimelineEvent]) -> timedelta | None:
    """Return the time from declaration to the first update anyone could read; None when there was none."""
    for event in events:
        if event.kind in UPDATES:
            return event.at - events[0].at
    return None


def time_in_statuses(events: Sequence[TimelineEvent], until: datetime) -> dict[Status, timedelta]:
    """Return the time spent in each open status up to `until`, in the order first entered."""
    spent: dict[Status, timedelta] = {}
    status, since = Status.DECLARED, events[0].at
    for event in events:
        if event.kind in MOVES:
            if status.is_open:
                spent[status] = spent.get(status, timedelta()) + (event.at - since)
            status, since = Status(event.data["to"]), event.at
    if status.is_open:
        spent[status] = spent.get(status, timedelta()) + (until - since)
    return spent


def due_in_words(due: datetime, now: datetime) -> str:
    """Say how long there is until something is due, or since when it is overdue."""
    return f"in {in_words(due - now)}" if due > now else f"overdue by {in_words(now - due)}"


def in_words(duration: timedelta) -> str:
    """Return a duration as a person says it: "3 min", "2 h 5 min", "4 d 1 h"."""
    seconds = int(duration.total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
