"""What the status page shows: all of it in few queries, and nothing that was written for the team."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, contains_eager, lazyload, load_only

from incidentbot import database
from incidentbot.incidents.models import Incident
from incidentbot.status_pages import public_ids
from incidentbot.status_pages.component_status import worst
from incidentbot.status_pages.maintenance import is_called_off, list_maintenances
from incidentbot.status_pages.models import (
    SETTINGS_ID,
    ComponentState,
    ComponentStatus,
    Impact,
    MaintenanceStatus,
    PublicIncident,
    PublicService,
    PublicStatus,
    PublicUpdate,
    StatusPageSettings,
)
from incidentbot.status_pages.states import current_statuses
from incidentbot.status_pages.uptime import Day, days_of, first_day, start_of, uptime

LISTED_INCIDENTS = 50
RECENT = timedelta(days=14)
HISTORY_PAGE = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HIGHEST = 2**31 - 1  # no row has a higher id


@dataclass(frozen=True)
class ShownService:
    """A service as customers see it."""

    number: int  # ours; it stays inside
    id: str
    name: str
    group: str
    position: int
    status: ComponentStatus
    days: Sequence[Day]
    uptime: float | None
    shown_since: datetime
    updated_at: datetime
    changes: Sequence[tuple[datetime, ComponentStatus]]  # those of the days, and the last before

    def status_at(self, moment: datetime) -> ComponentStatus:
        """Return how it did at a moment of the days, as far as anybody knows."""
        before = [status for at, status in self.changes if at <= moment]
        return before[-1] if before else ComponentStatus.OPERATIONAL


@dataclass(frozen=True)
class ShownUpdate:
    """One update as customers read it."""

    id: str
    status: str
    body: str
    at: datetime


@dataclass(frozen=True)
class ShownIncident:
    """An incident as customers know it. `service` is None when they are not shown it."""

    id: str
    title: str
    status: PublicStatus
    impact: Impact
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    service_number: int
    service: str | None
    updates: Sequence[ShownUpdate]  # the newest first

    @property
    def is_open(self) -> bool:
        """Whether customers still have it."""
        return self.status is not PublicStatus.RESOLVED


@dataclass(frozen=True)
class ShownMaintenance:
    """Scheduled work as customers read of it. `starts_at` and `ends_at` are what was planned."""

    id: str
    title: str
    body: str
    status: MaintenanceStatus
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    is_called_off: bool
    created_at: datetime
    updated_at: datetime
    services: Sequence[str]
    service_numbers: Sequence[int]


@dataclass(frozen=True)
class Page:
    """Everything on the page, as of `at`."""

    title: str
    about: str
    host: str | None
    zone: ZoneInfo
    weight: int
    at: datetime
    updated_at: datetime
    services: Sequence[ShownService]
    incidents: Sequence[
        ShownIncident
    ]  # the open ones and the newest of the others, the newest first
    maintenances: Sequence[ShownMaintenance]

    @property
    def overall(self) -> ComponentStatus:
        """The worst state of any service, or what the worst open incident means, if that is worse."""
        told = (_MEANS[incident.impact] for incident in self.open_incidents)
        return worst([*(service.status for service in self.services), *told])

    @property
    def groups(self) -> Sequence[tuple[str, Sequence[ShownService]]]:
        """The services by group: in the order of their positions, each group where its first one is."""
        groups: dict[str, list[ShownService]] = {}
        for service in self.services:
            groups.setdefault(service.group, []).append(service)
        return list(groups.items())

    @property
    def open_incidents(self) -> Sequence[ShownIncident]:
        """The incidents that are not over."""
        return [incident for incident in self.incidents if incident.is_open]

    @property
    def recent_incidents(self) -> Sequence[ShownIncident]:
        """The incidents of the last days that are over."""
        since = self.at - RECENT
        return [i for i in self.incidents if i.resolved_at is not None and i.opened_at >= since]

    def maintenances_in(self, *statuses: MaintenanceStatus) -> Sequence[ShownMaintenance]:
        """Return the maintenances in one of these states, the first to begin first."""
        found = [m for m in self.maintenances if m.status in statuses]
        return sorted(found, key=lambda maintenance: maintenance.starts_at)


@dataclass(frozen=True)
class Month:
    """The incidents that began in one month, the newest first."""

    first_day: datetime
    incidents: Sequence[ShownIncident]


@dataclass(frozen=True)
class History:
    """A stretch of the history; `older` is where the next one begins, "" at the end."""

    months: Sequence[Month]
    older: str


_MEANS = {
    Impact.NONE: ComponentStatus.OPERATIONAL,
    Impact.MINOR: ComponentStatus.DEGRADED,
    Impact.MAJOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
}


def read_page(session: Session) -> Page | None:
    """Return the page as it is now; None while it is switched off."""
    settings = session.get(StatusPageSettings, SETTINGS_ID, populate_existing=True)
    if settings is None or not settings.is_on:
        return None
    now, zone = database.now(session), ZoneInfo(settings.time_zone)
    shown = session.scalars(
        select(PublicService)
        .order_by(PublicService.position, func.lower(PublicService.name), PublicService.service_id)
        .execution_options(populate_existing=True)
    ).all()
    names = {public.service_id: public.name for public in shown}
    services = _services(session, shown, now, zone, settings.partial_outage_weight)
    incidents = _shown(session, _listed(session), names)
    maintenances = _maintenances(session, names, now)
    moments = [
        *(service.updated_at for service in services),
        *(incident.updated_at for incident in incidents),
        *(maintenance.updated_at for maintenance in maintenances),
    ]
    return Page(
        title=settings.title,
        about=settings.about,
        host=settings.host,
        zone=zone,
        weight=settings.partial_outage_weight,
        at=now,
        updated_at=max(moments, default=now),
        services=services,
        incidents=incidents,
        maintenances=maintenances,
    )


def own_host(session: Session) -> str | None:
    """Return the host at which there is only the status page; None when there is none."""
    return session.scalars(
        select(StatusPageSettings.host).where(StatusPageSettings.is_on.is_(True))
    ).one_or_none()


def read_incident(session: Session, number: int) -> ShownIncident | None:
    """Return one incident as customers know it; None when they do not know of it."""
    found = session.scalars(_public().where(Incident.number == number)).all()
    return next(iter(_shown(session, found, _names(session))), None)


def known_place(before: str) -> str:
    """Return where a stretch of the history begins; "" for what is none of ours."""
    return before if _read_place(before) else ""


def read_history(session: Session, zone: ZoneInfo, before: str = "") -> History:
    """Return a stretch of the incidents customers know of, by month, the newest first.

    `before` is the `older` of the stretch before this one; what is none of ours begins at the top.
    """
    query = _public().order_by(PublicIncident.opened_at.desc(), PublicIncident.incident_id.desc())
    if place := _read_place(before):
        at, number = place
        query = query.where(
            PublicIncident.opened_at <= at,
            or_(PublicIncident.opened_at < at, PublicIncident.incident_id < number),
        )
    found = session.scalars(query.limit(HISTORY_PAGE + 1)).all()
    rows = found[:HISTORY_PAGE]
    older = _place(rows[-1]) if len(found) > HISTORY_PAGE else ""

    def month_of(incident: ShownIncident) -> datetime:
        return incident.opened_at.astimezone(zone).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0, fold=0
        )

    shown = _shown(session, rows, _names(session))
    return History([Month(month, list(of)) for month, of in groupby(shown, month_of)], older)


def _services(
    session: Session, shown: Sequence[PublicService], now: datetime, zone: ZoneInfo, weight: int
) -> Sequence[ShownService]:
    ids = [public.service_id for public in shown]
    statuses = current_statuses(session, ids)
    changes = _changes(session, ids, start_of(first_day(now, zone), zone))
    services = []
    for public in shown:
        story = changes.get(public.service_id, [])
        days = days_of(story, public.shown_since, now, zone)
        services.append(
            ShownService(
                number=public.service_id,
                id=public_ids.service_id(public.service_id),
                name=public.name,
                group=public.group_name,
                position=public.position,
                status=statuses[public.service_id],
                days=days,
                uptime=uptime(days, weight),
                shown_since=public.shown_since,
                updated_at=max([public.shown_since, *(at for at, _status in story)]),
                changes=story,
            )
        )
    return services


def _changes(
    session: Session, ids: Sequence[int], since: datetime
) -> Mapping[int, list[tuple[datetime, ComponentStatus]]]:
    """Return how the states of services changed from `since` on, and what they were before it."""
    newest = (
        select(ComponentState.service_id, func.max(ComponentState.at).label("at"))
        .where(ComponentState.service_id.in_(ids), ComponentState.at < since)
        .group_by(ComponentState.service_id)
        .subquery()
    )
    rows = session.execute(
        select(ComponentState.service_id, ComponentState.at, ComponentState.status)
        .outerjoin(newest, newest.c.service_id == ComponentState.service_id)
        .where(
            ComponentState.service_id.in_(ids),
            or_(ComponentState.at >= since, ComponentState.at == newest.c.at),
        )
        .order_by(ComponentState.service_id, ComponentState.at, ComponentState.id)
    )
    changes: dict[int, list[tuple[datetime, ComponentStatus]]] = {}
    for service_id, at, status in rows:
        changes.setdefault(service_id, []).append((at, status))
    return changes


def _public() -> Select[PublicIncident]:
    """Select what customers know of. Nothing private is published; should it ever be, it is not shown."""
    return (
        select(PublicIncident)
        .join(PublicIncident.incident)
        .where(Incident.is_private.is_(False))
        .options(
            contains_eager(PublicIncident.incident).options(
                load_only(Incident.number, Incident.service_id),
                lazyload(Incident.service),
                lazyload(Incident.commander),
            )
        )
        .execution_options(populate_existing=True)
    )


def _listed(session: Session) -> Sequence[PublicIncident]:
    """Return the open incidents and the newest of the others, the newest first."""
    newest_first = (PublicIncident.opened_at.desc(), PublicIncident.incident_id.desc())
    is_open = session.scalars(
        _public().where(PublicIncident.resolved_at.is_(None)).order_by(*newest_first)
    ).all()
    newest = session.scalars(_public().order_by(*newest_first).limit(LISTED_INCIDENTS)).all()
    both = {row.incident_id: row for row in (*is_open, *newest)}
    return sorted(both.values(), key=lambda row: (row.opened_at, row.incident_id), reverse=True)


def _names(session: Session) -> Mapping[int, str]:
    rows = session.scalars(select(PublicService).execution_options(populate_existing=True))
    return {public.service_id: public.name for public in rows}


def _shown(
    session: Session, rows: Iterable[PublicIncident], names: Mapping[int, str]
) -> Sequence[ShownIncident]:
    rows = list(rows)
    updates: dict[int, list[PublicUpdate]] = {}
    for update in session.scalars(
        select(PublicUpdate)
        .where(PublicUpdate.incident_id.in_([row.incident_id for row in rows]))
        .order_by(PublicUpdate.incident_id, PublicUpdate.seq.desc())
        .execution_options(populate_existing=True)
    ):
        updates.setdefault(update.incident_id, []).append(update)
    return [
        ShownIncident(
            id=row.incident.reference,
            title=row.title,
            status=row.status,
            impact=row.impact,
            opened_at=row.opened_at,
            updated_at=row.updated_at,
            resolved_at=row.resolved_at,
            service_number=row.incident.service_id,
            service=names.get(row.incident.service_id),
            updates=[
                ShownUpdate(
                    public_ids.update_id(row.incident.reference, update.seq),
                    update.status.value,
                    update.body,
                    update.at,
                )
                for update in updates.get(row.incident_id, [])
            ],
        )
        for row in rows
    ]


def _maintenances(
    session: Session, names: Mapping[int, str], now: datetime
) -> Sequence[ShownMaintenance]:
    return [
        ShownMaintenance(
            id=public_ids.maintenance_id(row.id),
            title=row.title,
            body=row.body,
            status=row.status,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at,
            is_called_off=is_called_off(row),
            created_at=row.created_at,
            updated_at=row.updated_at,
            services=[names[service.id] for service in row.services if service.id in names],
            service_numbers=[service.id for service in row.services if service.id in names],
        )
        for row in list_maintenances(session, since=now - RECENT)
    ]


def _place(row: PublicIncident) -> str:
    return f"{(row.opened_at - _EPOCH) // _MICROSECOND}_{row.incident_id}"


def _read_place(place: str) -> tuple[datetime, int] | None:
    moment, _, number = place.partition("_")
    try:
        at, incident_id = _EPOCH + int(moment) * _MICROSECOND, int(number)
    except (ValueError, OverflowError):
        return None
    return (at, incident_id) if 0 <= incident_id <= _HIGHEST else None
