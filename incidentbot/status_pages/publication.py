"""Carry an incident to customers: nothing that was written for the team, only what is meant for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind, Incident
from incidentbot.incidents.text import clean_optional
from incidentbot.outbox.publish import Effect, publish
from incidentbot.status_pages.models import (
    SETTINGS_ID,
    Impact,
    Maintenance,
    Publication,
    PublicIncident,
    PublicStatus,
    PublicUpdate,
    StatuspageComponent,
    StatusPageSettings,
)
from incidentbot.status_pages.standing import Standing, standing_of
from incidentbot.status_pages.states import record_states

if TYPE_CHECKING:
    from incidentbot.incidents.change import Change

PUBLIC_TEXT_LIMIT = 5_000

# What of an incident's story moves it on for customers too.
FOLLOWED = frozenset(
    {
        EventKind.DECLARED,
        EventKind.UPDATE,
        EventKind.STATUS,
        EventKind.SEVERITY,
        EventKind.RESOLVED,
        EventKind.REOPENED,
        EventKind.CANCELLED,
    }
)
_PUBLIC_STATUS = {
    Status.DECLARED: PublicStatus.INVESTIGATING,
    Status.INVESTIGATING: PublicStatus.INVESTIGATING,
    Status.IDENTIFIED: PublicStatus.IDENTIFIED,
    Status.MONITORING: PublicStatus.MONITORING,
    Status.RESOLVED: PublicStatus.RESOLVED,
    Status.CANCELLED: PublicStatus.RESOLVED,
}


def is_connected(session: Session) -> bool:
    """Whether there is a page on Statuspage.io to keep true."""
    settings = session.get(StatusPageSettings, SETTINGS_ID)
    return settings is not None and settings.statuspage_page_id is not None


def has_own_page(session: Session) -> bool:
    """Whether the status page of our own is switched on."""
    settings = session.get(StatusPageSettings, SETTINGS_ID)
    return settings is not None and settings.is_on


def follow(change: Change, kind: EventKind, typed: str = "") -> None:
    """Bring what customers see up to the incident, inside the transaction of its change.

    `typed` is a text for customers ("" for none): it is published, and opens the incident for them if
    it is not open yet. Without one, an incident that customers know of moves on in the rule's words.
    Raises InvalidInput for field public.
    """
    session, incident = change.session, change.incident
    text = clean_optional("public", typed, PUBLIC_TEXT_LIMIT)
    if incident.is_private:
        if text:
            raise InvalidInput("public", "This incident is private: customers are told nothing.")
        return
    record_states(session, [incident.service_id], change.now)
    if kind in FOLLOWED:
        publish(session, _component_effects(session, incident))
    step = next_step(session, incident, kind, text)
    known, told = step.known, step.told
    if known is None and not step.publishes:
        return
    if known is None:
        known = PublicIncident(
            incident_id=incident.id,
            title=told.title,
            status=told.status,
            impact=told.impact,
            opened_at=change.now,
            updated_at=change.now,
        )
        session.add(known)
        session.flush()
    if known.impact is not told.impact:
        known.impact, known.updated_at = told.impact, change.now
    known.status = told.status
    known.resolved_at = change.now if known.status is PublicStatus.RESOLVED else None
    if step.publishes:
        _publish(change, known, told.body)
    elif kind is EventKind.SEVERITY and is_connected(session):
        publish(session, [incident_effect(incident, f"impact/{incident.version}", impact=True)])


@dataclass(frozen=True)
class Words:
    """What customers would read of an incident, to the letter."""

    title: str
    status: PublicStatus
    impact: Impact
    body: str
    publication: Publication


@dataclass(frozen=True)
class Step:
    """What one event of an incident does for customers.

    `known` is what they know of the incident before, `told` what they would read of it now; it is
    published as an update of its own, with mail for who asked for that, where `publishes` says so.
    """

    standing: Standing
    known: PublicIncident | None
    told: Words
    publishes: bool


def next_step(session: Session, incident: Incident, kind: EventKind, text: str = "") -> Step:
    """Return what an event does for customers: of an incident as it is after it, and not private.

    It changes nothing, so that it tells as well what a declaration would do.
    """
    # One that is not there yet has no id.
    known = session.get(PublicIncident, incident.id) if incident.id else None
    standing = standing_of(session, incident)
    told = words_for(incident, known, standing, text)
    if known is None:
        publishes = bool(text) or _opens_by_itself(told, kind, incident, standing)
    else:
        publishes = bool(text) or known.status is not told.status
    return Step(standing, known, told, publishes)


def words_for(
    incident: Incident, known: PublicIncident | None, standing: Standing, text: str = ""
) -> Words:
    """Return what customers would read if the incident as it is now was published with `text`.

    Without a text it is the rule's. The title stays as they have read it first (`known`).
    """
    rule, name = standing.rule, standing.name_in_texts
    status = _PUBLIC_STATUS[incident.status]
    return Words(
        title=known.title if known else rule.title_for(name),
        status=status,
        impact=rule.impact,
        body=text or rule.text_for(status, name),
        publication=rule.publication,
    )


def _opens_by_itself(told: Words, kind: EventKind, incident: Incident, standing: Standing) -> bool:
    """Whether customers are told without anybody asking: only of a service that they know."""
    return (
        told.publication is Publication.AUTOMATIC
        and kind in (EventKind.DECLARED, EventKind.SEVERITY, EventKind.REOPENED)
        and incident.status.is_open
        and bool(standing.reach)
        and standing.is_known
    )


def _publish(change: Change, known: PublicIncident, body: str) -> None:
    session, incident = change.session, change.incident
    newest = select(func.max(PublicUpdate.seq)).where(PublicUpdate.incident_id == incident.id)
    seq = (session.scalar(newest) or 0) + 1
    session.add(
        PublicUpdate(
            incident_id=incident.id,
            seq=seq,
            status=known.status,
            body=body,
            at=change.now,
            author_id=change.actor.user_id,
        )
    )
    known.updated_at = change.now
    data = {"status": known.status.value, "title": known.title}
    event_seq = change.tell(EventKind.PUBLIC, body, data)
    if is_connected(session):
        publish(session, [incident_effect(incident, str(seq))])
    if has_own_page(session):
        publish(session, [_mail_effect(incident, seq, event_seq)])


def _component_effects(session: Session, incident: Incident) -> Iterator[Effect]:
    """Yield one effect per component on Statuspage.io that follows the incident's service."""
    components = session.scalars(
        select(StatuspageComponent.component_id)
        .where(StatuspageComponent.service_id == incident.service_id)
        .order_by(StatuspageComponent.id)
    )
    for component_id in components.all():
        yield component_effect(component_id, f"{incident.reference}/{incident.version}", incident)


def component_effect(component_id: str, what: str, incident: Incident | None = None) -> Effect:
    """Return the effect that brings a component on Statuspage.io to what its services are.

    `what` tells it from the other effects on this component.
    """
    return Effect(
        kind="statuspage.component",
        target=component_id,
        stream=f"statuspage/component/{component_id}",
        dedupe_key=f"{what}/statuspage.component/{component_id}",
        incident_id=incident.id if incident else None,
        newest_only=True,
        priority=int(incident.severity.value[1]) if incident else 5,
    )


def incident_effect(
    incident: Incident, what: str, *, impact: bool = False, take_over: bool = False
) -> Effect:
    """Return the effect that brings the incident on Statuspage.io up to its updates here.

    `impact` says that how bad it is has changed, `take_over` that what somebody did there by hand may
    be overwritten.
    """
    flags = {"impact": impact, "take_over": take_over}
    return Effect(
        kind="statuspage.incident",
        target=incident.reference,
        stream=f"statuspage/incident/{incident.reference}",
        dedupe_key=f"{incident.reference}/statuspage.incident/{what}",
        payload={name: True for name, is_set in flags.items() if is_set},
        incident_id=incident.id,
        priority=int(incident.severity.value[1]),
    )


def maintenance_effect(maintenance: Maintenance, what: str) -> Effect:
    """Return the effect that brings the maintenance on Statuspage.io to what it is here."""
    return Effect(
        kind="statuspage.maintenance",
        target=str(maintenance.id),
        stream=f"statuspage/maintenance/{maintenance.id}",
        dedupe_key=f"maintenance/{maintenance.id}/statuspage.maintenance/{what}",
        newest_only=True,
    )


def _mail_effect(incident: Incident, seq: int, event_seq: int) -> Effect:
    """Return the effect that has an update mailed to everyone who asked for it.

    Its payload names the update by its number among the public ones, and the event of the timeline that
    it is, as every delivery does that tells of one.
    """
    return Effect(
        kind="email.subscribers",
        target=f"{incident.reference}/{seq}",
        stream=f"subscribers/{incident.reference}",
        dedupe_key=f"{incident.reference}/email.subscribers/{seq}",
        payload={"update": seq, "seq": event_seq},
        incident_id=incident.id,
        priority=5,
    )
