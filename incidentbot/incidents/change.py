"""One command under way: the incident locked, what it was before, and everything written with it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.audit.models import Outcome
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import (
    AlreadyDone,
    InvalidMove,
    NotAllowed,
    NotFound,
    ReasonNeeded,
)
from incidentbot.incidents.figures import MOVES, count
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from incidentbot.incidents.permissions import Action, judge
from incidentbot.incidents.queries import parse_reference
from incidentbot.incidents.readiness import why_not_now
from incidentbot.incidents.search import add_words
from incidentbot.incidents.severities import words_by_severity
from incidentbot.incidents.text import REASON_LIMIT, clean_text
from incidentbot.incidents.visibility import may_see
from incidentbot.ops import context
from incidentbot.outbox.publish import wake
from incidentbot.routing.plan import IncidentEvent
from incidentbot.routing.route import route
from incidentbot.status_pages.publication import FOLLOWED, follow
from incidentbot.users.actor import Actor
from incidentbot.users.models import User


@dataclass(frozen=True)
class Result:
    """What came of a command: the incident as it is now, and a sentence for the person.

    `changed` is False when there was nothing to do, because it had been done already.
    """

    incident: Incident
    sentence: str
    changed: bool = True


class Change:
    """What one command writes: timeline events with their deliveries, then one audit entry."""

    def __init__(self, session: Session, incident: Incident, actor: Actor) -> None:
        context.note(incident=incident.reference)
        self.session = session
        self.incident = incident
        self.actor = actor
        # The story never runs backwards, even when two machines' clocks differ.
        self.now: datetime = max(database.now(session), incident.updated_at)
        self.before: dict[str, Any] = snapshot(incident)
        self.details: dict[str, Any] = {}
        self.reason: str | None = None
        self._nothing: str | None = None
        self._changed = False
        self._has_told = False

    def tell(
        self,
        kind: EventKind,
        text: str = "",
        data: Mapping[str, Any] | None = None,
        *,
        previous_severity: Severity | None = None,
        invite: Iterable[User | None] = (),
        remove: User | None = None,
        in_channel: bool = True,
        public: str = "",
    ) -> int:
        """Append an event to the timeline, write the deliveries that tell it, and return its number.

        `invite` are people who belong in the incident's channel from now on, `remove` is one who no
        longer does. `in_channel` is False for what the channel is spared. `public` is a text for customers.
        """
        self.touch()
        newest = select(func.max(TimelineEvent.seq)).where(
            TimelineEvent.incident_id == self.incident.id
        )
        seq = (self.session.scalar(newest) or 0) + 1
        data = dict(data or {})
        before = Status(data["from"]) if kind in MOVES else self.incident.status
        until_now = words_by_severity(self.session)[previous_severity or self.incident.severity]
        count(self.incident, kind, self.now, before, until_now.update_every)
        add_words(self.session, self.incident, text)
        self.session.add(
            TimelineEvent(
                incident_id=self.incident.id,
                seq=seq,
                kind=kind,
                at=self.now,
                actor_id=self.actor.user_id,
                actor_name=self.actor.name,
                door=self.actor.door.value,
                text=text,
                data=data,
            )
        )
        if not self._has_told:  # what follows from it, such as telling customers, is no reason
            self.reason, self._has_told = text or None, True
        self.session.flush()
        slack_ids = [user.slack_user_id for user in invite if user and user.slack_user_id]
        route(
            self.session,
            IncidentEvent(
                incident_id=self.incident.id,
                reference=self.incident.reference,
                kind=kind,
                seq=seq,
                severity=self.incident.severity,
                previous_severity=previous_severity,
                invite=tuple(dict.fromkeys(slack_ids)),
                remove=remove.slack_user_id if remove else None,
                in_channel=in_channel,
                is_private=self.incident.is_private,
                service_id=self.incident.service_id,
            ),
        )
        if kind in FOLLOWED:
            follow(self, kind, public)
        return seq

    def touch(self) -> None:
        """Mark the incident as changed now."""
        self.incident.version += 1
        self.incident.updated_at = self.now
        self._changed = True

    def nothing(self, sentence: str) -> None:
        """Say that there is nothing to do, and why."""
        self._nothing = sentence

    def why_not_now(self, action: Action) -> str:
        """Return why the incident's state does not allow `action`; "" when it does."""
        return why_not_now(action, self.incident.status, self.incident.reference)

    def require_now(self, action: Action) -> None:
        """Raise InvalidMove when the incident's state does not allow `action`."""
        reason = self.why_not_now(action)
        if reason:
            raise InvalidMove(reason)

    def audit(self, action: str, *, override: bool = False) -> None:
        """Append the audit entry: the last thing before the transaction ends. Nothing without a change."""
        if self._changed:
            if override and self.reason:
                self.details["text"] = self.reason
            audit.append(
                self.session,
                self.actor,
                action,
                self.incident.reference,
                before=self.before,
                after={**snapshot(self.incident), **self.details},
                override=override,
                reason=self.actor.override_reason if override else self.reason,
            )

    def result(self, sentence: str) -> Result:
        """Return what to tell the person: `sentence`, or why nothing was done."""
        return Result(self.incident, self._nothing or sentence, changed=self._changed)


@contextmanager
def changing(
    session: Session, reference: str, actor: Actor, action: Action, *, is_own: bool = False
) -> Iterator[Change]:
    """Run the block with the incident locked and the actor's right checked; then commit it all.

    `is_own` says that what is to change belongs to `actor`. Raises NotFound, NotAllowed (which is
    audited too), AlreadyDone when this very request made its change before, and ReasonNeeded when an
    admin does not say why they act in the commander's place.
    """
    number = parse_reference(reference)
    try:
        with write_transaction(session):
            incident = lock_incident(session, Incident.number == number)
            if incident is None or not may_see(session, incident, actor):
                raise NotFound(f"There is no incident INC-{number}.")
            if audit.find_request(session, actor.request_id) is not None:
                raise AlreadyDone("That was done already.")
            verdict = judge(
                action, actor, incident.commander_id, incident.commander.name, is_own=is_own
            )
            if not verdict.allowed:
                raise NotAllowed(verdict.reason)
            if verdict.override:
                actor = _with_reason(actor, incident)
            change = Change(session, incident, actor)
            yield change
            change.audit(action.value, override=verdict.override)
    except NotAllowed as refusal:
        record_refusal(session, actor, action, f"INC-{number}", refusal)
        raise
    wake(session)


def _with_reason(actor: Actor, incident: Incident) -> Actor:
    """Return the actor with a tidy reason for acting in the commander's place."""
    if not actor.override_reason.strip():
        raise ReasonNeeded(incident.reference, incident.commander.name)
    reason = clean_text("override_reason", actor.override_reason, REASON_LIMIT)
    return replace(actor, override_reason=reason)


def record_refusal(
    session: Session, actor: Actor, action: Action, subject: str, refusal: NotAllowed
) -> None:
    """Put a refused command into the audit log, in a transaction of its own."""
    with write_transaction(session):
        audit.append(
            session,
            actor,
            action.value,
            subject,
            before={},
            after={},
            outcome=Outcome.REFUSED,
            reason=str(refusal),
        )


def lock_incident(session: Session, condition: Any) -> Incident | None:
    """Return the incident that `condition` selects, locked until the transaction ends."""
    # Locked by a query of its own: one that joins the commander finds nothing on PostgreSQL when
    # somebody we waited for has changed the commander.
    incident_id = session.scalars(
        select(Incident.id).where(condition).with_for_update(key_share=True)
    ).one_or_none()
    if incident_id is None:
        return None
    return session.get(Incident, incident_id, populate_existing=True)


def snapshot(incident: Incident) -> dict[str, Any]:
    """Return what the audit log keeps of an incident, before and after."""
    return {
        "status": incident.status.value,
        "severity": incident.severity.value,
        "commander_id": incident.commander_id,
        "resolved_at": incident.resolved_at.isoformat() if incident.resolved_at else None,
    }
