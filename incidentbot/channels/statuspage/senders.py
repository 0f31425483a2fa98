"""Make each kind of Statuspage delivery. Nothing here holds a transaction while Statuspage is called.

A delivery writes once and then, if there is more to post, gives itself back: so it never outlasts its
lease, and what was posted is known before the next call.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from incidentbot import database
from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.api import StatuspageApi
from incidentbot.channels.statuspage.endpoints import SeenIncident
from incidentbot.channels.statuspage.link import Statuspage
from incidentbot.channels.statuspage.maintenance import send_maintenance
from incidentbot.channels.statuspage.sending import (
    FOUND_THERE,
    Sending,
    may_be_there,
    naming_components,
    plain,
)
from incidentbot.database import write_transaction
from incidentbot.incidents.text import shorten
from incidentbot.outbox.dispatch import Handler, Permanent, Receipt, Skip, Wait
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages import connection
from incidentbot.status_pages.models import (
    ComponentStatus,
    PublicIncident,
    PublicUpdate,
    StatuspageComponent,
)

# Why a delivery gives itself back although nothing is wrong.
MORE_TO_POST = "more updates are to be posted"

# How far Statuspage's clock and ours may be apart.
_SKEW = timedelta(minutes=5)


def handlers(statuspage: Statuspage, sessions: sessionmaker[Session]) -> dict[str, Handler]:
    """Return a handler for each kind of Statuspage delivery."""
    sending = Sending(statuspage, sessions)
    return {kind: Handler(partial(send, sending)) for kind, send in _SENDERS.items()}


def send_component(sending: Sending, delivery: Delivery) -> Receipt:
    """Bring a component to what its services are, unless somebody changed it by hand."""
    component_id = delivery.target
    with sending.sessions() as session:
        api = sending.statuspage.api(session)
        wanted = connection.wanted_by_component(session, [component_id]).get(component_id)
        if wanted is None:
            raise Skip("the component does not follow a service any more")
    api.reserve(2)
    seen = endpoints.component(api, component_id)
    is_new = _note(sending, component_id, seen.status, wanted)
    if is_new:
        endpoints.set_component(api, component_id, wanted)
        _note_set(sending, component_id, wanted)
    return {"component": component_id, "status": wanted.value, "changed": is_new}


def send_incident(sending: Sending, delivery: Delivery) -> Receipt:
    """Post what of the incident's public updates is not on Statuspage yet, one a call."""
    story = _read_story(sending, delivery)
    if story.statuspage_id is None:
        return _open(sending, story)
    story.api.reserve(2)
    seen = endpoints.incident(story.api, story.statuspage_id)
    if seen is None:
        raise Permanent(
            f"{delivery.target} was deleted on Statuspage. Nothing more is posted about it there."
        )
    pending = _match(sending, story, seen)
    _refuse_to_overwrite(story, seen, pending)
    if pending:
        _post(sending, story, pending)
    elif story.may_overwrite and seen.status != story.status:
        endpoints.change_incident(story.api, seen.id, {"status": story.status})
    elif seen.impact_override != story.impact and delivery.payload.get("impact"):
        endpoints.change_incident(story.api, seen.id, {"impact_override": story.impact})
    return {"incident": seen.id}


_SENDERS: dict[str, Callable[[Sending, Delivery], Receipt]] = {
    "statuspage.component": send_component,
    "statuspage.incident": send_incident,
    "statuspage.maintenance": send_maintenance,
}


def _note(
    sending: Sending, component_id: str, found: ComponentStatus, wanted: ComponentStatus
) -> bool:
    """Write down what was found, and whether it is to be set. Raises Skip for somebody else's change."""
    drifted = False
    with sending.sessions() as session, write_transaction(session):
        for row in _rows(session, component_id):
            row.found, row.found_at = found, database.now(session)
            if found is wanted:
                row.last_set, row.about_to_set = wanted, None
            elif connection.is_ours(row, found):
                row.about_to_set = wanted
            else:
                drifted = True
    if drifted:
        raise Skip(
            f"somebody set it to {found.value} on Statuspage by hand, so it was left as it is; it would "
            f"be {wanted.value}. Take it over again under Settings, Statuspage."
        )
    return found is not wanted


def _note_set(sending: Sending, component_id: str, status: ComponentStatus) -> None:
    with sending.sessions() as session, write_transaction(session):
        for row in _rows(session, component_id):
            row.last_set = row.found = status
            row.about_to_set, row.found_at = None, database.now(session)


def _rows(session: Session, component_id: str) -> Sequence[StatuspageComponent]:
    return session.scalars(
        select(StatuspageComponent)
        .where(StatuspageComponent.component_id == component_id)
        .order_by(StatuspageComponent.id)
        .with_for_update()
    ).all()


@dataclass(frozen=True)
class _Update:
    id: int
    status: str
    body: str
    is_posted: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.status, plain(self.body)


@dataclass(frozen=True)
class _Story:
    """The public incident as it is in the database now, and the API to tell it by."""

    api: StatuspageApi
    incident_id: int
    number: int
    title: str
    status: str
    impact: str
    opened_at: datetime
    statuspage_id: str | None
    component_ids: list[str]
    updates: list[_Update]
    may_overwrite: bool
    may_be_there: bool

    @property
    def pending(self) -> list[_Update]:
        return [update for update in self.updates if not update.is_posted]

    @property
    def marks(self) -> dict[str, Any]:
        return {"reference": f"INC-{self.number}"}


def _read_story(sending: Sending, delivery: Delivery) -> _Story:
    with sending.sessions() as session:
        api = sending.statuspage.api(session)
        known = session.get(PublicIncident, delivery.incident_id)
        if known is None:
            raise Skip("customers are told nothing of this incident")
        updates = session.scalars(
            select(PublicUpdate)
            .where(PublicUpdate.incident_id == known.incident_id)
            .order_by(PublicUpdate.seq)
        ).all()
        components = session.scalars(
            select(StatuspageComponent.component_id)
            .where(StatuspageComponent.service_id == known.incident.service_id)
            .order_by(StatuspageComponent.id)
        ).all()
        return _Story(
            api=api,
            incident_id=known.incident_id,
            number=known.incident.number,
            title=known.title,
            status=known.status.value,
            impact=known.impact.value,
            opened_at=known.opened_at,
            statuspage_id=known.statuspage_id,
            component_ids=list(components),
            updates=[
                _Update(u.id, u.status.value, u.body, u.statuspage_posted_at is not None)
                for u in updates
            ],
            may_overwrite=bool(delivery.payload.get("take_over")),
            may_be_there=may_be_there(session, delivery),
        )


def _open(sending: Sending, story: _Story) -> Receipt:
    """Open the incident with its first update; when in doubt, look whether it is there already."""
    if not story.pending:
        raise Skip("there is nothing to post")
    story.api.reserve(4 if story.may_be_there else 2)
    if story.may_be_there:
        found = endpoints.find_incident(story.api, story.marks, story.opened_at - _SKEW)
        if found is not None:
            _note_opened(sending, story, found, None)
            raise Wait(FOUND_THERE, 0)
    first = story.pending[0]
    fields = {
        "name": shorten(story.title, endpoints.NAME_LIMIT),
        "status": first.status,
        "body": first.body,
        "impact_override": story.impact,
        "deliver_notifications": True,
    }
    opened = naming_components(
        story.component_ids,
        lambda named: endpoints.open_incident(story.api, {**fields, **named}, story.marks),
    )
    _note_opened(sending, story, opened, first)
    _go_on(story.pending[1:])
    return {"incident": opened}


def _match(sending: Sending, story: _Story, seen: SeenIncident) -> list[_Update]:
    """Return what is not there yet, having written down what an attempt in doubt has posted."""
    there = Counter((status, plain(body)) for status, body in seen.posts)
    there.subtract(update.key for update in story.updates if update.is_posted)
    arrived: list[_Update] = []
    pending: list[_Update] = []
    for update in story.pending:
        if there[update.key] > 0 and not pending:
            there[update.key] -= 1
            arrived.append(update)
        else:
            pending.append(update)
    if arrived:
        _note_posted(sending, arrived)
    return pending


def _refuse_to_overwrite(story: _Story, seen: SeenIncident, pending: list[_Update]) -> None:
    """Raise Permanent where somebody moved the incident on Statuspage by hand."""
    posted = story.updates[: len(story.updates) - len(pending)]
    ours = {posted[-1].status if posted else seen.status, story.status}
    if seen.status in ours or story.may_overwrite:
        return
    raise Permanent(
        f"Somebody set this incident to {seen.status} on Statuspage by hand; it would be {story.status}. "
        "It was left as it is. Take it over again under Settings, Statuspage, or post there yourself."
    )


def _post(sending: Sending, story: _Story, pending: list[_Update]) -> None:
    update = pending[0]
    fields = {
        "status": update.status,
        "body": update.body,
        "impact_override": story.impact,
        "deliver_notifications": True,
    }
    endpoints.change_incident(story.api, str(story.statuspage_id), fields)
    _note_posted(sending, [update])
    _go_on(pending[1:])


def _go_on(pending: Sequence[_Update]) -> None:
    if pending:
        raise Wait(MORE_TO_POST, 0)


def _note_opened(sending: Sending, story: _Story, opened: str, first: _Update | None) -> None:
    with sending.sessions() as session, write_transaction(session):
        session.get_one(PublicIncident, story.incident_id).statuspage_id = opened
        if first is not None:
            _mark_posted(session, [first])


def _note_posted(sending: Sending, updates: Sequence[_Update]) -> None:
    with sending.sessions() as session, write_transaction(session):
        _mark_posted(session, updates)


def _mark_posted(session: Session, updates: Sequence[_Update]) -> None:
    for update in updates:
        session.get_one(PublicUpdate, update.id).statuspage_posted_at = database.now(session)
