"""Turn an event into deliveries, in the transaction of the change: rules and throttling from the database."""

from datetime import timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.incidents.lifecycle import Severity
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import publish
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.plan import Audience, IncidentEvent, plan

DM_INTERVAL = timedelta(minutes=5)


def route(session: Session, event: IncidentEvent) -> list[Delivery]:
    """Write the deliveries of `event` into the caller's transaction, which has locked its incident.

    The lock makes throttling hold across processes: two events of one incident cannot both find
    that a person has not been told yet.
    """
    level = Audience() if event.is_private else audience_of(session, event.severity)
    told = already_told(session, event.incident_id)
    throttled = _recently_told(session, event.incident_id)
    return publish(session, plan(event, level, told, throttled))


def audience_of(session: Session, severity: Severity) -> Audience:
    """Return who hears of incidents of this severity, beyond the incident's own channel."""
    rules = session.scalars(
        select(RoutingRule).where(RoutingRule.severity == severity).order_by(RoutingRule.id)
    ).all()
    return Audience(
        channels=tuple(rule.target for rule in rules if rule.kind is AudienceKind.CHANNEL),
        people=tuple(rule.target for rule in rules if rule.kind is AudienceKind.PERSON),
    )


def already_told(session: Session, incident_id: int) -> Audience:
    """Return which channels and people have been told of this incident, or are about to be."""
    rows = session.execute(
        select(Delivery.kind, Delivery.target)
        .where(
            Delivery.incident_id == incident_id,
            Delivery.kind.in_(("slack.announcement", "slack.dm")),
        )
        .order_by(Delivery.id)
    ).all()
    channels = dict.fromkeys(target for kind, target in rows if kind == "slack.announcement")
    people = dict.fromkeys(target for kind, target in rows if kind == "slack.dm")
    return Audience(tuple(channels), tuple(people))


def _recently_told(session: Session, incident_id: int) -> frozenset[str]:
    """Return the people who are about to have a message about this incident, or had one recently.

    One that left late, because Slack was down, counts from when it left.
    """
    since = database.now(session) - DM_INTERVAL
    return frozenset(
        session.scalars(
            select(Delivery.target).where(
                Delivery.incident_id == incident_id,
                Delivery.kind == "slack.dm",
                or_(
                    Delivery.state.in_(UNFINISHED),
                    and_(Delivery.state == DeliveryState.DONE, Delivery.finished_at > since),
                ),
            )
        )
    )
