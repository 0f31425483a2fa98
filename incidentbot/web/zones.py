"""Whose days are meant: in the zone of the reader's own page, else of their browser, else UTC."""

from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import request

from incidentbot import clock
from incidentbot.users.models import User

# What static/js/times.js keeps of the browser's zone while its reader has chosen none.
COOKIE = "zone"


def is_zone(name: str) -> bool:
    """Whether there is such a time zone (any more: now and then one is taken out of the list)."""
    try:
        return bool(name) and ZoneInfo(name).key == name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def own_zone(reader: User) -> str | None:
    """Return the zone that a person has chosen on their own page, if there is one."""
    chosen = reader.time_zone
    return chosen if chosen and is_zone(chosen) else None


def zone_of(reader: User, named: str = "") -> str:
    """Return the zone whose days a person means: their own, else `named`, else their browser's."""
    candidates = (own_zone(reader), named, request.cookies.get(COOKIE))
    return next((zone for zone in candidates if zone and is_zone(zone)), "UTC")


def today_in(zone: str) -> date:
    """Return which day it is in a zone."""
    return clock.now().astimezone(ZoneInfo(zone)).date()


def today_of(reader: User) -> date:
    """Return which day it is for a person: what was due before it is overdue."""
    return today_in(zone_of(reader))
