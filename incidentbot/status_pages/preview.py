"""What customers would read, shown before they do; and telling them, once somebody has looked at it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from incidentbot.incidents.change import Result, changing
from incidentbot.incidents.errors import Conflict, InvalidInput
from incidentbot.incidents.models import EventKind, Incident
from incidentbot.incidents.permissions import Action
from incidentbot.incidents.text import clean_text
from incidentbot.status_pages.connection import DRIFTED, has_drifted
from incidentbot.status_pages.models import (
    SETTINGS_ID,
    ComponentStatus,
    Impact,
    Publication,
    PublicIncident,
    PublicStatus,
    PublicUpdate,
    StatuspageComponent,
    StatusPageSettings,
)
from incidentbot.status_pages.publication import PUBLIC_TEXT_LIMIT, follow, words_for
from incidentbot.status_pages.standing import Standing, places, standing_of
from incidentbot.status_pages.states import current_statuses
from incidentbot.users.actor import Actor


@dataclass(frozen=True)
class Preview:
    """What customers would read, to the letter; and what they see of the service meanwhile.

    `components` are the names under which they know it. `is_new` says that they know nothing of the
    incident yet. `seen` names all of it but the text: whoever publishes says which they looked at.
    """

    title: str
    status: PublicStatus
    impact: Impact
    body: str
    components: Sequence[str]
    component_status: ComponentStatus
    is_new: bool
    publication: Publication

    @property
    def seen(self) -> str:
        """What names this preview, apart from its text."""
        parts = (
            self.title,
            self.status.value,
            self.impact.value,
            list(self.components),
            self.component_status.value,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class ForCustomers:
    """What customers read of an incident now, for the incident's page.

    `reach` says where they would read it: "Statuspage", "the status page". `known` is None while they
    know nothing; `drift` is what somebody changed on Statuspage by hand.
    """

    reach: Sequence[str]
    known: PublicIncident | None
    latest: PublicUpdate | None
    preview: Preview
    drift: Sequence[StatuspageComponent]


@dataclass(frozen=True)
class Told:
    """What customers know of an incident, at a glance: for its own page, in one query.

    `reach` as in ForCustomers. `title` is "" while they know nothing. `changed_by_hand` says that
    somebody set something else on Statuspage.
    """

    reach: Sequence[str]
    title: str
    status: PublicStatus | None
    body: str
    at: datetime | None
    changed_by_hand: bool


def told(session: Session, incident: Incident) -> Told | None:
    """Return what customers know of an incident; None where they are told nothing at all."""
    newest = select(func.max(PublicUpdate.seq)).where(PublicUpdate.incident_id == incident.id)
    drifted = select(StatuspageComponent.id).where(
        StatuspageComponent.service_id == incident.service_id, DRIFTED
    )
    row = session.execute(
        select(StatusPageSettings, PublicIncident, PublicUpdate, drifted.exists())
        .select_from(StatusPageSettings)
        .outerjoin(PublicIncident, PublicIncident.incident_id == incident.id)
        .outerjoin(
            PublicUpdate,
            and_(
                PublicUpdate.incident_id == incident.id,
                PublicUpdate.seq == newest.scalar_subquery(),
            ),
        )
        .where(StatusPageSettings.id == SETTINGS_ID)
    ).one_or_none()
    if row is None or incident.is_private:
        return None
    settings, by_hand = row[0], row[3]
    known: PublicIncident | None = row[1]
    latest: PublicUpdate | None = row[2]
    reach = places(settings)
    if not (reach or known):
        return None
    return Told(
        reach=reach,
        title=known.title if known else "",
        status=known.status if known else None,
        body=latest.body if latest else "",
        at=latest.at if latest else None,
        changed_by_hand=by_hand or bool(known and known.statuspage_found),
    )


def preview(session: Session, incident: Incident, text: str = "") -> Preview:
    """Return what would be published of the incident as it is now, with `text` or else the rule's."""
    known = session.get(PublicIncident, incident.id)
    return _preview(session, incident, known, standing_of(session, incident), text)


def _preview(
    session: Session,
    incident: Incident,
    known: PublicIncident | None,
    standing: Standing,
    text: str = "",
) -> Preview:
    told = words_for(incident, known, standing, text)
    components = [component.name for component in standing.components]
    return Preview(
        title=told.title,
        status=told.status,
        impact=told.impact,
        body=told.body,
        components=components or [name for name in (standing.public_name,) if name],
        component_status=current_statuses(session, [incident.service_id])[incident.service_id],
        is_new=known is None,
        publication=told.publication,
    )


def for_customers(session: Session, incident: Incident) -> ForCustomers | None:
    """Return what customers read of the incident; None where they are told nothing at all.

    That is while no status page is connected or switched on, and for a private incident.
    """
    standing = standing_of(session, incident)
    known = session.get(PublicIncident, incident.id)
    if incident.is_private or not (standing.reach or known):
        return None
    latest = session.scalars(
        select(PublicUpdate)
        .where(PublicUpdate.incident_id == incident.id)
        .order_by(PublicUpdate.seq.desc())
        .limit(1)
    ).first()
    drift = [component for component in standing.components if has_drifted(component)]
    shown = _preview(session, incident, known, standing)
    return ForCustomers(standing.reach, known, latest, shown, drift)


def tell_customers(session: Session, reference: str, actor: Actor, text: str, seen: str) -> Result:
    """Publish `text` to customers, just as `seen` was shown. Raises Conflict when that has changed.

    Raises InvalidInput for field public, too.
    """
    body = clean_text("public", text, PUBLIC_TEXT_LIMIT)
    with changing(session, reference, actor, Action.TELL_CUSTOMERS) as change:
        if change.incident.is_private:
            raise InvalidInput("public", "This incident is private: customers are told nothing.")
        if preview(session, change.incident, body).seen != seen:
            raise Conflict(
                "The incident has changed since you looked at this. Look again: what customers would "
                "read is not the same any more. Your text is kept."
            )
        change.touch()
        follow(change, EventKind.PUBLIC, body)
    return change.result("Customers are told.")
