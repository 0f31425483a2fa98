"""The rules an admin edits: add, change and delete them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.plan import Moment
from incidentbot.users.actor import Actor
from incidentbot.users.models import User

# https://docs.slack.dev/reference/methods/conversations.create: names; ids begin with C or G.
_CHANNEL_NAME = re.compile(r"#[a-z0-9_-]{1,80}")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,30}")


@dataclass(frozen=True)
class RuleFields:
    """What a person fills in of a rule.

    `channel` is a #name or an id, `user_id` whom to tell; the one that `kind` names counts.
    `service` is a slug, or "" for every service.
    """

    severity: str
    kind: str
    channel: str = ""
    user_id: int | None = None
    service: str = ""
    moments: frozenset[Moment] = frozenset({Moment.START, Moment.END})


def list_rules(session: Session) -> Sequence[RoutingRule]:
    """Return every rule, the worst severity first, in the order in which they were added."""
    return session.scalars(
        select(RoutingRule)
        .order_by(RoutingRule.severity, RoutingRule.kind, RoutingRule.id)
        .options(joinedload(RoutingRule.service))
    ).all()


def get_rule(session: Session, rule_id: int) -> RoutingRule:
    """Return one rule. Raises NotFound."""
    rule = session.get(RoutingRule, rule_id)
    if rule is None:
        raise NotFound("There is no such rule any more.")
    return rule


def state_of_rule(rule: RoutingRule) -> dict[str, Any]:
    """Return what the audit log keeps of a rule, and what an edit may run into."""
    return {
        "severity": rule.severity.value,
        "kind": rule.kind.value,
        "target": rule.target,
        "service": rule.service.slug if rule.service else None,
        "on_start": rule.on_start,
        "on_update": rule.on_update,
        "on_end": rule.on_end,
    }


def add_rule(session: Session, actor: Actor, fields: RuleFields) -> RoutingRule:
    """Add a rule. Raises InvalidInput for severity, kind, channel, person, service or moments."""
    with changing_setting(session, actor, "add_rule") as change:
        rule = RoutingRule()
        _fill(session, rule, fields)
        session.add(rule)
        session.flush()
        change.record(f"rule {rule.id}", {}, state_of_rule(rule))
    return rule


def edit_rule(
    session: Session, rule_id: int, actor: Actor, fields: RuleFields, seen: str
) -> RoutingRule:
    """Change a rule. Raises InvalidInput, Conflict, NotFound."""
    with changing_setting(session, actor, "edit_rule") as change:
        rule = _lock(session, rule_id)
        before = state_of_rule(rule)
        require_unchanged(before, seen)
        _fill(session, rule, fields)
        change.record(f"rule {rule.id}", before, state_of_rule(rule))
    return rule


def delete_rule(session: Session, rule_id: int, actor: Actor, seen: str) -> None:
    """Delete a rule. Raises Conflict, NotFound."""
    with changing_setting(session, actor, "delete_rule") as change:
        rule = _lock(session, rule_id)
        before = state_of_rule(rule)
        require_unchanged(before, seen)
        session.delete(rule)
        change.record(f"rule {rule.id}", before, {})


def _fill(session: Session, rule: RoutingRule, fields: RuleFields) -> None:
    if fields.severity not in list(Severity):
        raise InvalidInput("severity", "Choose a severity in the list.")
    if fields.kind not in list(AudienceKind):
        raise InvalidInput("kind", "Choose whether a channel or a person is told.")
    if not fields.moments:
        raise InvalidInput("moments", "Choose at least one moment of which they are told.")
    kind = AudienceKind(fields.kind)
    if kind is AudienceKind.CHANNEL:
        target = clean_channel(fields.channel)
    else:
        target = _person(session, fields.user_id, rule)
    service = _service(session, fields.service, rule)
    _require_new(session, rule, fields.severity, kind, target, service)
    rule.severity = Severity(fields.severity)
    rule.kind, rule.target, rule.service = kind, target, service
    rule.on_start = Moment.START in fields.moments
    rule.on_update = Moment.UPDATE in fields.moments
    rule.on_end = Moment.END in fields.moments


def clean_channel(typed: str) -> str:
    """Return a channel's #name or id as it is kept. Raises InvalidInput for field channel."""
    channel = typed.strip()
    if _CHANNEL_ID.fullmatch(channel):
        return channel
    name = f"#{channel.removeprefix('#').lower()}"
    if not _CHANNEL_NAME.fullmatch(name):
        raise InvalidInput(
            "channel",
            "Write the channel's name like #general (letters, digits, - and _), or its id like C012AB3CD.",
        )
    return name


def _person(session: Session, user_id: int | None, rule: RoutingRule) -> str:
    user = session.get(User, user_id) if user_id is not None else None
    if user is None or (not user.is_active and user.slack_user_id != rule.target):
        raise InvalidInput("person", "Choose a person in the list.")
    if not user.slack_user_id:
        raise InvalidInput("person", f"{user.name} has no Slack account here to be told in.")
    return user.slack_user_id


def _service(session: Session, slug: str, rule: RoutingRule) -> Service | None:
    if not slug:
        return None
    service = session.scalars(select(Service).where(Service.slug == slug)).one_or_none()
    is_new = service is not None and service.id != rule.service_id
    if service is None or (is_new and service.archived_at is not None):
        raise InvalidInput("service", "Choose a service in the list.")
    return service


def _require_new(
    session: Session,
    rule: RoutingRule,
    severity: str,
    kind: AudienceKind,
    target: str,
    service: Service | None,
) -> None:
    same = session.scalars(
        select(RoutingRule.id).where(
            RoutingRule.severity == severity,
            RoutingRule.kind == kind,
            RoutingRule.target == target,
            RoutingRule.service_id == service.id if service else RoutingRule.service_id.is_(None),
        )
    ).all()
    if set(same) - {rule.id}:
        field = "channel" if kind is AudienceKind.CHANNEL else "person"
        raise InvalidInput(field, "There is a rule for this already. Change that one.")


def _lock(session: Session, rule_id: int) -> RoutingRule:
    rule = session.scalars(
        select(RoutingRule)
        .where(RoutingRule.id == rule_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if rule is None:
        raise NotFound("There is no such rule any more.")
    return rule
