"""Look whether Statuspage still says what we set it to. Drift is written down; nothing is changed there."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.api import StatuspageApi
from incidentbot.channels.statuspage.endpoints import SeenIncident
from incidentbot.channels.statuspage.link import Statuspage
from incidentbot.database import write_transaction
from incidentbot.outbox.dispatch import DeliveryError
from incidentbot.outbox.models import UNFINISHED, Delivery
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import DELETED, SeenComponent
from incidentbot.status_pages.models import (
    ComponentStatus,
    PublicIncident,
    PublicStatus,
    PublicUpdate,
    StatuspageComponent,
)

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)
MOST_PAGES = 50
# Incidents of ours that Statuspage says are over are looked at one by one, so many in one look: with the
# components and the open incidents that must stay below what may be asked at once.
MOST_LOOKED_AT = 3


@dataclass(frozen=True)
class Look:
    """What a look found: how many things there are not as we left them."""

    drifted: int


def reconcile(statuspage: Statuspage, session: Session) -> Look:
    """Look at components and incidents and write down what somebody changed by hand.

    Raises a DeliveryError in words when Statuspage cannot be looked at.
    """
    api = statuspage.api(session)
    began = database.now(session)
    session.rollback()  # nothing is held while Statuspage is asked
    components = {component.id: component for component in list_all(api)}
    there = {seen.id: seen for seen in endpoints.unresolved(api)}
    over = _open_here_only(session, there.keys())
    session.rollback()
    gone = {found: endpoints.incident_of_known_page(api, found) for found in over}
    with write_transaction(session):
        settings = connection.settings_row(session)
        settings.reconciled_at = database.now(session)
        _note_components(session, components, began)
        _note_looked_at(session, over)
        _note_incidents(session, {**gone, **there}, began)
    found = len(connection.list_drift(session)) + len(connection.list_drifted_incidents(session))
    return Look(found)


def look_around(statuspage: Statuspage, session: Session) -> None:
    """Reconcile where a page is connected; a failure is only logged, the next look comes soon."""
    settings = connection.page_settings(session)
    if statuspage.by_environment is None and (
        settings is None or settings.statuspage_page_id is None
    ):
        return
    try:
        look = reconcile(statuspage, session)
    except DeliveryError as error:
        log.warning("could not look at Statuspage: %s", error)
    else:
        log.info("looked at Statuspage", extra={"drifted": look.drifted})


def list_all(api: StatuspageApi) -> Iterator[SeenComponent]:
    """Yield every component of the page, by the hundred."""
    for number in range(1, MOST_PAGES + 1):
        page = endpoints.components(api, number)
        yield from page.components
        if not page.more:
            return


def _open_here_only(session: Session, there: Collection[str]) -> list[str]:
    """Return the ids of some of our incidents that are open here, and not among those open there.

    They take turns. What was deleted there stays so, and is not asked for again.
    """
    ids = session.scalars(
        select(PublicIncident.statuspage_id)
        .where(
            PublicIncident.statuspage_id.is_not(None),
            PublicIncident.status != PublicStatus.RESOLVED,
            PublicIncident.statuspage_found.is_distinct_from(DELETED),
        )
        .order_by(PublicIncident.statuspage_looked_at.nulls_first(), PublicIncident.incident_id)
    )
    return [found for found in ids if found and found not in there][:MOST_LOOKED_AT]


def _note_looked_at(session: Session, ids: Collection[str]) -> None:
    session.execute(
        update(PublicIncident)
        .where(PublicIncident.statuspage_id.in_(ids))
        .values(statuspage_looked_at=database.now(session))
    )


def _note_components(session: Session, seen: dict[str, SeenComponent], began: datetime) -> None:
    rows = session.scalars(
        select(StatuspageComponent).order_by(StatuspageComponent.id).with_for_update()
    )
    for row in rows.all():
        component = seen.get(row.component_id)
        if component is None or (row.found_at is not None and row.found_at > began):
            continue  # gone: the next delivery says so; or a delivery has looked meanwhile
        row.name = component.name[:255]
        row.found, row.found_at = component.status, database.now(session)
        if row.last_set is None and component.status is ComponentStatus.OPERATIONAL:
            row.last_set = ComponentStatus.OPERATIONAL


def _note_incidents(
    session: Session, seen: dict[str, SeenIncident | None], began: datetime
) -> None:
    """Write down which of our incidents stand there other than the last update of ours has left them."""
    rows = session.scalars(
        select(PublicIncident).where(
            PublicIncident.statuspage_id.in_(seen), PublicIncident.updated_at < began
        )
    )
    for known in rows.all():
        if _is_under_way(session, known):
            continue
        found = seen[str(known.statuspage_id)]
        left = session.scalars(
            select(PublicUpdate.status)
            .where(
                PublicUpdate.incident_id == known.incident_id,
                PublicUpdate.statuspage_posted_at.is_not(None),
            )
            .order_by(PublicUpdate.seq.desc())
            .limit(1)
        ).first()
        if found is None:
            known.statuspage_found = DELETED
        else:
            known.statuspage_found = None if found.status == left else found.status
    # What is open on neither side any more has nothing to be seen.
    for known in session.scalars(
        select(PublicIncident).where(
            PublicIncident.statuspage_found.is_not(None),
            PublicIncident.status == PublicStatus.RESOLVED,
            PublicIncident.statuspage_id.not_in(seen),
        )
    ):
        known.statuspage_found = None


def _is_under_way(session: Session, known: PublicIncident) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    Delivery.incident_id == known.incident_id,
                    Delivery.kind == "statuspage.incident",
                    Delivery.state.in_(UNFINISHED),
                )
            )
        )
    )
