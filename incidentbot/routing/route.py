"""Turn an event into deliveries, in the transaction of the change: rules, choices and throttling."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.incidents.lifecycle import Severity
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.publish import publish
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.plan import ON_END, WAR_ROOM, Audience, IncidentEvent, Level, plan
from incidentbot.users.models import DirectMessages, User

DM_INTERVAL = timedelta(minutes=5)


def route(session: Session, event: IncidentEvent) -> list[Delivery]:
    """Write the deliveries of `event` into the caller's transaction, which has locked its incident.

    The lock makes throttling hold across processes: two events of one incident cannot both find
    that a person has not been told yet.
    """
    level, known = Level(), dict[str, User]()
    if not event.is_private:
        level, known = audience_of(session, event.severity, event.service_id)
    told, silent = already_told(session, event.incident_id)
    # Where no rule of this severity speaks of a target, the one under which they were told still holds.
    still = {target for target in silent if level.hears_of_the_end(target) is None}
    level = replace(level, not_on_end=level.not_on_end | still)
    level, told, choices = who_is_here(
        level, told, known | _known(session, set(told.people) - known.keys())
    )
    throttled = _recently_told(session, event.incident_id)
    return publish(session, plan(event, level, told, throttled, choices))


def who_is_here(
    level: Level, told: Audience, known: Mapping[str, User]
) -> tuple[Level, Audience, Mapping[str, DirectMessages]]:
    """Return both without the people whose accounts have ended, and what the others want to hear.

    `known` are the accounts, by Slack id, of those in both who have one.
    """
    gone = {slack_id for slack_id, user in known.items() if not user.is_active}
    level = replace(
        level,
        people=_without(level.people, gone),
        on_update=_without_people(level.on_update, gone),
        on_end=_without_people(level.on_end, gone),
    )
    choices = {slack_id: user.direct_messages for slack_id, user in known.items()}
    return level, _without_people(told, gone), choices


def audience_of(
    session: Session, severity: Severity, service_id: int | None = None
) -> tuple[Level, dict[str, User]]:
    """Return who hears of incidents of this severity and service, beyond the incident's own channel.

    And the accounts of the people among them, by Slack id, of those who have one. Without a service:
    by the rules that hold for every service.
    """
    names_person = and_(
        RoutingRule.kind == AudienceKind.PERSON, User.slack_user_id == RoutingRule.target
    )
    rows = session.execute(
        select(RoutingRule, User)
        .outerjoin(User, names_person)
        .where(
            RoutingRule.severity == severity,
            or_(RoutingRule.service_id.is_(None), RoutingRule.service_id == service_id),
        )
        .order_by(RoutingRule.id)
    ).all()
    known = {}
    for rule, user in rows:
        if user is not None:
            known[rule.target] = user
    return level_of([rule for rule, _ in rows]), known


def level_of(rules: Sequence[RoutingRule]) -> Level:
    """Return who hears of what by these rules. A target of two rules hears what either says."""
    start = _targets(rule for rule in rules if rule.on_start)
    hears_the_end = {rule.target for rule in rules if rule.on_end}
    return Level(
        channels=start.channels,
        people=start.people,
        on_update=_targets(rule for rule in rules if rule.on_update),
        on_end=_targets(
            rule
            for rule in rules
            if rule.on_end and rule.target not in {*start.channels, *start.people}
        ),
        not_on_end=frozenset({rule.target for rule in rules} - hears_the_end),
    )


def _targets(rules: Iterable[RoutingRule]) -> Audience:
    once = {(rule.kind, rule.target): None for rule in rules}
    return Audience(
        channels=tuple(target for kind, target in once if kind is AudienceKind.CHANNEL),
        people=tuple(target for kind, target in once if kind is AudienceKind.PERSON),
    )


def _known(session: Session, slack_ids: Collection[str]) -> dict[str, User]:
    if not slack_ids:
        return {}
    users = session.scalars(select(User).where(User.slack_user_id.in_(slack_ids)))
    return {user.slack_user_id: user for user in users if user.slack_user_id}


def _without(people: tuple[str, ...], gone: Collection[str]) -> tuple[str, ...]:
    return tuple(person for person in people if person not in gone)


def _without_people(audience: Audience, gone: Collection[str]) -> Audience:
    return Audience(audience.channels, _without(audience.people, gone))


def already_told(session: Session, incident_id: int) -> tuple[Audience, frozenset[str]]:
    """Return which channels and people have been told of this incident, or are about to be.

    And which of them were last told of its start under rules that spare them the end.
    """
    rows = session.execute(
        select(Delivery.kind, Delivery.target, Delivery.payload)
        .where(
            Delivery.incident_id == incident_id,
            Delivery.kind.in_(("slack.announcement", "slack.dm", "slack.message")),
            Delivery.target != WAR_ROOM,
        )
        .order_by(Delivery.id)
    ).all()
    channels = dict.fromkeys(target for kind, target, _ in rows if kind == "slack.announcement")
    people = dict.fromkeys(target for kind, target, _ in rows if kind == "slack.dm")
    on_end = {target: payload[ON_END] for _, target, payload in rows if ON_END in payload}
    silent = frozenset(target for target, wanted in on_end.items() if wanted is False)
    return Audience(tuple(channels), tuple(people)), silent


def next_message_at(session: Session, delivery: Delivery) -> datetime | None:
    """Return when a direct message may leave, by when its person had the last one; None for at once.

    The sender asks again: a message that waited for another to leave could not know when it would.
    """
    last = session.scalar(
        select(func.max(Delivery.finished_at)).where(
            Delivery.incident_id == delivery.incident_id,
            Delivery.kind == "slack.dm",
            Delivery.target == delivery.target,
            Delivery.state == DeliveryState.DONE,
        )
    )
    return None if last is None else last + DM_INTERVAL


def _recently_told(session: Session, incident_id: int) -> dict[str, datetime]:
    """Return who is about to have a message about this incident, or had one recently, and may have one when.

    One that left late, because Slack was down, counts from when it left.
    """
    now = database.now(session)
    rows = session.execute(
        select(Delivery.target, Delivery.finished_at).where(
            Delivery.incident_id == incident_id,
            Delivery.kind == "slack.dm",
            or_(
                Delivery.state.in_(UNFINISHED),
                and_(
                    Delivery.state == DeliveryState.DONE, Delivery.finished_at > now - DM_INTERVAL
                ),
            ),
        )
    )
    may_have: dict[str, datetime] = {}
    for person, finished_at in rows:
        at = finished_at + DM_INTERVAL if finished_at else now
        may_have[person] = max(at, may_have.get(person, now))
    return may_have
