"""The page on Statuspage.io that is kept true: its key, its components and the services they follow.

Who changes any of it is an admin, and it is audited. Nothing here asks Statuspage: what it answered is
passed in.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotFound
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.outbox.publish import publish, wake
from incidentbot.status_pages.component_status import worst
from incidentbot.status_pages.models import (
    SETTINGS_ID,
    ComponentStatus,
    Maintenance,
    MaintenanceStatus,
    PublicIncident,
    StatuspageComponent,
    StatusPageSettings,
)
from incidentbot.status_pages.publication import (
    component_effect,
    incident_effect,
    maintenance_effect,
)
from incidentbot.status_pages.settings import get_page_settings
from incidentbot.status_pages.states import current_statuses
from incidentbot.users.actor import SYSTEM, Actor

SUBJECT = "Statuspage"
CONNECT = "connect_statuspage"
DELETED = "deleted"  # what is found of an incident that somebody took away on Statuspage


class Unreadable(Exception):
    """What was sealed cannot be opened with this SECRET_KEY."""


@dataclass(frozen=True)
class Connection:
    """A page on Statuspage.io and the key that opens it."""

    page_id: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class SeenComponent:
    """A component as Statuspage showed it."""

    id: str
    name: str
    status: ComponentStatus


@dataclass(frozen=True)
class Drift:
    """A component that somebody changed by hand: what it is there, what it would be by our incidents."""

    component: StatuspageComponent
    found: ComponentStatus
    wanted: ComponentStatus


def seal(secret: str, text: str) -> str:
    """Return `text` encrypted, so that a copy of the database does not give it away."""
    return _cipher(secret).encrypt(text.encode()).decode()


def unseal(secret: str, sealed: str) -> str:
    """Return what was sealed. Raises Unreadable when the secret has changed since."""
    try:
        return _cipher(secret).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def stored_connection(session: Session, secret: str) -> Connection | None:
    """Return the connection that an admin made, None where there is none. Raises Unreadable."""
    settings = session.get(StatusPageSettings, SETTINGS_ID)
    if settings is None or settings.statuspage_page_id is None or settings.statuspage_key is None:
        return None
    return Connection(settings.statuspage_page_id, unseal(secret, settings.statuspage_key))


def page_settings(session: Session) -> StatusPageSettings | None:
    """Return the status pages' row of settings, None before anything was set."""
    return session.get(StatusPageSettings, SETTINGS_ID)


def connect(
    session: Session, actor: Actor, found: Connection, page_name: str, secret: str
) -> StatusPageSettings:
    """Keep a connection that was tried. Components of another page are forgotten. Raises NotAllowed."""
    with changing_setting(session, actor, CONNECT) as change:
        settings = settings_row(session)
        before = _shown(settings)
        _map_to(session, settings, found.page_id)
        settings.statuspage_page_id = found.page_id
        settings.statuspage_page_name = page_name[:200]
        settings.statuspage_key = seal(secret, found.api_key)
        change.record(SUBJECT, before, _shown(settings))
    return settings


def disconnect(session: Session, actor: Actor) -> None:
    """Forget the page and its key; what stands on it stays. The mapping is kept for another day."""
    with changing_setting(session, actor, "disconnect_statuspage") as change:
        settings = settings_row(session)
        before = _shown(settings)
        if settings.statuspage_page_id is None:
            raise InvalidMove("No page on Statuspage is connected.")
        settings.statuspage_page_id = settings.statuspage_page_name = None
        settings.statuspage_key = settings.reconciled_at = None
        change.record(SUBJECT, before, _shown(settings))


def adopt_environment(session: Session, page_id: str | None) -> None:
    """Note the page that the environment names (None for none), at the start of who delivers.

    The rules ask the database whether there is a page to keep true; the environment's key is not kept.
    """
    if _is_adopted(session.get(StatusPageSettings, SETTINGS_ID), page_id):
        return
    with write_transaction(session):
        settings = settings_row(session, lock=True)
        if _is_adopted(settings, page_id):  # another process was quicker
            return
        before = _shown(settings)
        if page_id is not None:
            _map_to(session, settings, page_id)
            if settings.statuspage_page_id != page_id:
                settings.statuspage_key = None  # it opens another page
        settings.statuspage_page_id, settings.statuspage_page_name = page_id, None
        audit.append(session, SYSTEM, CONNECT, SUBJECT, before=before, after=_shown(settings))
    wake(session)


def list_components(session: Session) -> Sequence[StatuspageComponent]:
    """Return the components that follow a service, by service and name."""
    return session.scalars(
        select(StatuspageComponent)
        .join(StatuspageComponent.service)
        .options(contains_eager(StatuspageComponent.service))
        .order_by(func.lower(Service.name), StatuspageComponent.name, StatuspageComponent.id)
    ).all()


def state_of_mapping(session: Session, component_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the slugs of the services that components follow: what a change of it may run into."""
    state: dict[str, list[str]] = {component_id: [] for component_id in component_ids}
    rows = session.execute(
        select(StatuspageComponent.component_id, Service.slug)
        .join(StatuspageComponent.service)
        .where(StatuspageComponent.component_id.in_(state))
        .order_by(Service.slug)
    )
    for component_id, slug in rows:
        state[component_id].append(slug)
    return state


def map_components(
    session: Session,
    actor: Actor,
    components: Sequence[SeenComponent],
    choices: Mapping[str, str],
    seen: str,
) -> int:
    """Have components follow services: `choices` maps a component's id to a service's slug, "" for none.

    Return how many changed. A component that begins to follow is brought to what its service is now.
    `components` are those on Statuspage now, `seen` is what the person saw of the chosen ones.
    Raises NotAllowed, InvalidInput for a component's id, Conflict.
    """
    by_id = {component.id: component for component in components}
    with changing_setting(session, actor, "map_components") as change:
        # The row's lock makes two admins take turns.
        settings_row(session, lock=True)
        state = state_of_mapping(session, choices)
        require_unchanged(state, seen)
        services = {service.slug: service for service in session.scalars(select(Service))}
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        touched: set[int] = set()
        for component_id, slug in choices.items():
            followed = state[component_id]
            if followed == ([slug] if slug else []):
                continue
            if component_id not in by_id:
                raise InvalidInput(
                    component_id, "Statuspage does not show this component any more."
                )
            if slug and slug not in services:
                raise InvalidInput(component_id, "Choose a service in the list.")
            name = by_id[component_id].name
            before[name], after[name] = ", ".join(followed), slug
            for row in session.scalars(
                select(StatuspageComponent).where(StatuspageComponent.component_id == component_id)
            ):
                touched.add(row.service_id)
                session.delete(row)
            session.flush()
            if slug:
                touched.add(services[slug].id)
                _follow(session, by_id[component_id], services[slug])
        _bring_up_maintenance(session, touched)
        change.record(SUBJECT, before, after)
    return len(after)


def list_drift(session: Session) -> list[Drift]:
    """Return the components that somebody changed by hand."""
    rows = [row for row in list_components(session) if has_drifted(row)]
    wanted = wanted_by_component(session, [row.component_id for row in rows])
    drifted = (Drift(row, row.found, wanted[row.component_id]) for row in rows if row.found)
    return [drift for drift in drifted if drift.found is not drift.wanted]


def list_drifted_incidents(session: Session) -> Sequence[PublicIncident]:
    """Return the incidents that somebody changed on Statuspage by hand."""
    return session.scalars(
        select(PublicIncident)
        .where(PublicIncident.statuspage_found.is_not(None))
        .order_by(PublicIncident.incident_id)
    ).all()


def has_drifted(row: StatuspageComponent) -> bool:
    """Whether what was found there is neither what we set nor what we were about to set."""
    return row.found is not None and not is_ours(row, row.found)


# The same in a query; a test holds both together.
DRIFTED: ColumnElement[bool] = and_(
    StatuspageComponent.found
    != func.coalesce(StatuspageComponent.last_set, ComponentStatus.OPERATIONAL),
    or_(
        StatuspageComponent.about_to_set.is_(None),
        StatuspageComponent.found != StatuspageComponent.about_to_set,
    ),
)


def is_ours(row: StatuspageComponent, found: ComponentStatus) -> bool:
    """Whether a status found there may be of our making."""
    return found in (row.last_set or ComponentStatus.OPERATIONAL, row.about_to_set)


def wanted_by_component(
    session: Session, component_ids: Sequence[str]
) -> Mapping[str, ComponentStatus]:
    """Return what each component is to show: the worst of the services that it follows."""
    pairs = session.execute(
        select(StatuspageComponent.component_id, StatuspageComponent.service_id).where(
            StatuspageComponent.component_id.in_(component_ids)
        )
    ).all()
    statuses = current_statuses(session, {service_id for _, service_id in pairs})
    of_component: dict[str, list[ComponentStatus]] = {}
    for component_id, service_id in pairs:
        of_component.setdefault(component_id, []).append(statuses[service_id])
    return {component_id: worst(found) for component_id, found in of_component.items()}


def take_over(session: Session, actor: Actor, row_id: int) -> StatuspageComponent:
    """Set a component that somebody changed by hand to what our incidents say.

    Raises NotAllowed, NotFound.
    """
    return _settle_drift(session, actor, row_id, "take_over_component", set_now=True)


def leave_as_it_is(session: Session, actor: Actor, row_id: int) -> StatuspageComponent:
    """Leave a component as somebody set it, until its service's next change.

    Raises NotAllowed, NotFound.
    """
    return _settle_drift(session, actor, row_id, "leave_component", set_now=False)


def take_over_incident(session: Session, actor: Actor, incident_id: int) -> PublicIncident:
    """Bring an incident that somebody changed on Statuspage up to ours again. Raises NotAllowed, NotFound."""
    with changing_setting(session, actor, "take_over_incident") as change:
        known = _drifted_incident(session, incident_id)
        stamp = database.now(session).isoformat()
        publish(session, [incident_effect(known.incident, f"take-over/{stamp}", take_over=True)])
        before = {"found": known.statuspage_found}
        known.statuspage_found = None
        change.record(known.incident.reference, before, {})
    return known


def settings_row(session: Session, *, lock: bool = False) -> StatusPageSettings:
    """Return the status pages' row of settings, made if need be, inside the caller's transaction."""
    settings = session.get(
        StatusPageSettings, SETTINGS_ID, with_for_update=lock or None, populate_existing=lock
    )
    if settings is None:
        settings = get_page_settings(session)
        session.add(settings)
        session.flush()
    return settings


def _is_adopted(settings: StatusPageSettings | None, page_id: str | None) -> bool:
    known = settings.statuspage_page_id if settings else None
    if (
        page_id is None
    ):  # what an admin connected stays; what the environment named has its key there
        return known is None or (settings is not None and settings.statuspage_key is not None)
    return known == page_id


def _cipher(secret: str) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=b"incidentbot statuspage key").derive(
        secret.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))


def _follow(session: Session, component: SeenComponent, service: Service) -> None:
    session.add(
        StatuspageComponent(
            service_id=service.id,
            component_id=component.id,
            name=component.name[:255],
            found=component.status,
            found_at=database.now(session),
        )
    )
    session.flush()
    stamp = database.now(session).isoformat()
    publish(session, [component_effect(component.id, f"mapped/{stamp}")])


def _settle_drift(
    session: Session, actor: Actor, row_id: int, action: str, *, set_now: bool
) -> StatuspageComponent:
    with changing_setting(session, actor, action) as change:
        row = session.get(StatuspageComponent, row_id, with_for_update=True, populate_existing=True)
        if row is None or row.found is None:
            raise NotFound("This component does not follow a service any more.")
        before = {"component": row.name, "last_set": row.last_set, "found": row.found}
        # What is there counts as ours from here on, so the next change may write.
        row.last_set, row.about_to_set = row.found, None
        if set_now:
            stamp = database.now(session).isoformat()
            publish(session, [component_effect(row.component_id, f"take-over/{stamp}")])
        # A component's name may be longer than a subject.
        change.record(SUBJECT, before, {"component": row.name, "set_now": set_now})
    return row


def _drifted_incident(session: Session, incident_id: int) -> PublicIncident:
    known = session.get(
        PublicIncident, incident_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if known is None or known.statuspage_found in (None, DELETED):
        raise NotFound("Nobody has changed this incident on Statuspage.")
    return known


def _map_to(session: Session, settings: StatusPageSettings, page_id: str) -> None:
    """Have what we keep of a page be this one's: another one's components and ids are forgotten.

    The settings' form forgets the page before it takes another, so what counts is not which page is
    connected now. A maintenance that customers of the other page were told of is told anew.
    """
    if settings.mapped_page_id not in (None, page_id):
        _forget_page(session)
    settings.mapped_page_id = page_id


def _forget_page(session: Session) -> None:
    for row in session.scalars(select(StatuspageComponent)):
        session.delete(row)
    for known in session.scalars(
        select(PublicIncident).where(PublicIncident.statuspage_id.is_not(None))
    ):
        known.statuspage_id = known.statuspage_found = None
    stamp = database.now(session).isoformat()
    for work in _maintenance_there(session):
        work.statuspage_id = None
        publish(session, [maintenance_effect(work, f"another-page/{stamp}")])
    session.flush()


def _bring_up_maintenance(session: Session, service_ids: set[int]) -> None:
    """Have the maintenance of services whose components have changed name the right ones."""
    stamp = database.now(session).isoformat()
    for work in _maintenance_there(session):
        if service_ids & {service.id for service in work.services}:
            publish(session, [maintenance_effect(work, f"mapped/{stamp}")])


def _maintenance_there(session: Session) -> Sequence[Maintenance]:
    """Return what is planned or under way and stands on the page, locked."""
    return session.scalars(
        select(Maintenance)
        .where(
            Maintenance.statuspage_id.is_not(None),
            Maintenance.status != MaintenanceStatus.COMPLETED,
        )
        .order_by(Maintenance.id)
        .with_for_update()
    ).all()


def _shown(settings: StatusPageSettings) -> dict[str, str | None]:
    sealed = settings.statuspage_key
    return {
        "page": settings.statuspage_page_id,
        "name": settings.statuspage_page_name,
        # Another one each time that a key is put in, so that the log says so; it tells nothing of it.
        "key": hashlib.sha256(sealed.encode()).hexdigest()[:8] if sealed else None,
    }
