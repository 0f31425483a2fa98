"""What an admin sets of the status page of our own: whether it is on, its words, what it shows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import func, select
from sqlalchemy.orm import Session, lazyload

from incidentbot import database
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.incidents.text import clean_line, clean_optional
from incidentbot.status_pages.models import SETTINGS_ID, PublicService, StatusPageSettings
from incidentbot.users.actor import Actor

DEFAULT_TITLE = "Status"
DEFAULT_WEIGHT = 30
ABOUT_LIMIT = 1_000
POSITION_LIMIT = 9_999
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@dataclass(frozen=True)
class PageFields:
    """What a person fills in of the page. `weight` is in percent, as it was typed."""

    is_on: bool
    title: str
    about: str = ""
    host: str = ""
    time_zone: str = "UTC"
    weight: str = str(DEFAULT_WEIGHT)


@dataclass(frozen=True)
class ServiceFields:
    """What a person fills in of one service: whether customers see it, and as what."""

    service_id: int
    is_shown: bool
    name: str = ""
    group: str = ""
    position: str = "0"


def get_page_settings(session: Session) -> StatusPageSettings:
    """Return the settings of the page; the defaults, not in the database yet, when nobody set any."""
    found = session.get(StatusPageSettings, SETTINGS_ID)
    return found or StatusPageSettings(
        id=SETTINGS_ID,
        is_on=False,
        title=DEFAULT_TITLE,
        about="",
        host=None,
        time_zone="UTC",
        partial_outage_weight=DEFAULT_WEIGHT,
    )


def address_of(base_url: str, host: str | None) -> str:
    """Return where the status page is: at a host of its own, or with the app."""
    if host is None:
        return base_url
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}"


def by_clock(moment: datetime, zone: ZoneInfo) -> str:
    """Return a time as mails and feeds say it, by the page's clock."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def state_of_page(settings: StatusPageSettings) -> dict[str, Any]:
    """Return what the audit log keeps of the page, and what an edit may run into."""
    return {
        "is_on": settings.is_on,
        "title": settings.title,
        "about": settings.about,
        "host": settings.host,
        "time_zone": settings.time_zone,
        "partial_outage_weight": settings.partial_outage_weight,
    }


def save_page(
    session: Session, actor: Actor, fields: PageFields, seen: str, taken_host: str = ""
) -> None:
    """Set the page's settings. Raises InvalidInput for title, about, host, time_zone or weight; Conflict.

    `taken_host` is where the app itself is: the page cannot have that for its own.
    """
    title = clean_line("title", fields.title)
    about = clean_optional("about", fields.about, ABOUT_LIMIT)
    host = _clean_host(fields.host, taken_host)
    zone = _clean_zone(fields.time_zone)
    weight = _whole("weight", fields.weight, 100)
    with changing_setting(session, actor, "edit_status_page") as change:
        settings = _locked(session)
        before = state_of_page(settings)
        require_unchanged(before, seen)
        settings.is_on, settings.title, settings.about = fields.is_on, title, about
        settings.host, settings.time_zone = host, zone
        settings.partial_outage_weight = weight
        session.add(settings)
        change.record("status page", before, state_of_page(settings))


def list_shown(session: Session) -> Sequence[tuple[Service, PublicService | None]]:
    """Return every service in use, and every shown one, with what customers see of it."""
    return [
        (service, shown)
        for service, shown in session.execute(
            select(Service, PublicService)
            .outerjoin(PublicService, PublicService.service_id == Service.id)
            .where(Service.archived_at.is_(None) | PublicService.service_id.is_not(None))
            .order_by(func.lower(Service.name), Service.id)
            .options(lazyload(PublicService.service))
        )
    ]


def state_of_services(shown: Sequence[tuple[Service, PublicService | None]]) -> dict[str, Any]:
    """Return what the audit log keeps of the shown services, and what an edit may run into."""
    return {
        str(service.id): [public.name, public.group_name, public.position]
        for service, public in shown
        if public is not None
    }


def save_services(
    session: Session, actor: Actor, fields: Sequence[ServiceFields], seen: str
) -> None:
    """Set which services customers see, and as what. Raises InvalidInput, Conflict.

    The field of an InvalidInput is name, group or position with the service's id: name-3. A service
    that was hidden begins anew: nothing is claimed of the time before.
    """
    wanted = {field.service_id: field for field in fields if field.is_shown}
    cleaned = {service_id: _clean_service(field) for service_id, field in wanted.items()}
    with changing_setting(session, actor, "edit_status_page_services") as change:
        session.add(_locked(session))  # one such change at a time
        known = list_shown(session)
        before = state_of_services(known)
        require_unchanged(before, seen)
        for service, public in known:
            if service.id not in cleaned:
                if public is not None:
                    session.delete(public)
                continue
            name, group, position = cleaned[service.id]
            if public is None:
                public = PublicService(service_id=service.id, shown_since=database.now(session))
                session.add(public)
            public.name, public.group_name, public.position = name, group, position
        session.flush()
        change.record("status page services", before, state_of_services(list_shown(session)))


def _locked(session: Session) -> StatusPageSettings:
    found = session.get(
        StatusPageSettings, SETTINGS_ID, with_for_update=True, populate_existing=True
    )
    return found or get_page_settings(session)


def _clean_host(typed: str, taken: str) -> str | None:
    host = typed.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/.")
    if not host:
        return None
    if not _HOST.fullmatch(host):
        raise InvalidInput("host", "Write a host name without a path: status.example.com")
    if host == taken:
        raise InvalidInput("host", "That is where incidentbot itself is. Choose another name.")
    return host


def _clean_zone(typed: str) -> str:
    zone = typed.strip() or "UTC"
    if zone not in available_timezones():
        raise InvalidInput("time_zone", "Write a time zone such as Europe/Berlin or UTC.")
    return ZoneInfo(zone).key


def _clean_service(field: ServiceFields) -> tuple[str, str, int]:
    group = f"group-{field.service_id}"
    return (
        clean_line(f"name-{field.service_id}", field.name),
        clean_line(group, field.group) if field.group.strip() else "",
        _whole(f"position-{field.service_id}", field.position or "0", POSITION_LIMIT),
    )


def _whole(field: str, typed: str, most: int) -> int:
    number = typed.strip()
    if not (number.isascii() and number.isdecimal()) or int(number) > most:
        raise InvalidInput(field, f"Write a whole number from 0 to {most}.")
    return int(number)
