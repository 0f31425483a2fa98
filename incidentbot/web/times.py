"""How pages write days and times: one form everywhere, which static/js/times.js writes too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidentbot.incidents.durations import in_words

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_in_words(day: date) -> str:
    """Return a day as pages write it: "25 Nov 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def time_in_words(moment: datetime, zone: str | None) -> str:
    """Return a moment in a person's own zone: "25 Nov 2026, 14:30". Without one it is UTC, and says so."""
    if zone:
        try:
            return _time(moment.astimezone(ZoneInfo(zone)))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass  # it was taken out of the list of zones
    return utc_in_words(moment)


def utc_in_words(moment: datetime) -> str:
    """Return a moment in UTC: "25 Nov 2026, 14:30 UTC"."""
    return f"{_time(moment.astimezone(UTC))} UTC"


def second_in_words(moment: datetime) -> str:
    """Return a moment in UTC to the second, for what happens within a minute: "25 Nov 2026, 14:30:05 UTC"."""
    return f"{_time(moment.astimezone(UTC))}:{moment:%S} UTC"


def ago_in_words(moment: datetime, now: datetime) -> str:
    """Say how long ago a moment was: "3 min ago"."""
    passed = now - moment
    return "just now" if passed < timedelta(minutes=1) else f"{in_words(passed)} ago"


def _time(moment: datetime) -> str:
    return f"{day_in_words(moment.date())}, {moment:%H:%M}"
