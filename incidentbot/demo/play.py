"""Play the demo's year: each step is one of the core's own commands, at its own time.

So what comes of it keeps every rule, and its audit log is whole. Only what no command does is written
here: the company itself, and what came of the deliveries, as nobody is told of what is made up.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.demo import company
from incidentbot.demo.status_page import open_status_page, plan_work
from incidentbot.demo.year import Step
from incidentbot.incidents import commands
from incidentbot.incidents.action_items import add_action_item, finish_action_item
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.errors import IncidentError
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import ActionItem, Incident, Service
from incidentbot.incidents.people import add_person, join
from incidentbot.incidents.queries import find_postmortem
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.models import User

_SECONDS_TO_DELIVER = 2
_GIVEN_UP = (
    "channel_not_found: Slack does not know this channel. Invite incidentbot to it, then retry."
)


@dataclass
class Stage:
    """The database, the people on it by name, and the incidents so far by their key in the plan."""

    session: Session
    people: dict[str, User]
    dice: random.Random
    references: dict[int, str] = field(default_factory=dict)

    def actor(self, step: Step) -> Actor:
        """Return who does a step: a person by name, or the incident's commander."""
        user = self.people.get(step.by) or self.incident(step.key).commander
        by_slack = user.slack_user_id is not None and self.dice.random() < 0.8
        if by_slack:
            return actor_for(user, Door.SLACK, "T0DEMO")
        return actor_for(user, Door.WEB, f"198.51.100.{user.id}")

    def incident(self, key: int) -> Incident:
        """Return an incident as it is now."""
        number = int(self.references[key].removeprefix("INC-"))
        return self.session.scalars(select(Incident).where(Incident.number == number)).one()


def play(session: Session, steps: Iterable[Step], seed: int) -> int:
    """Make the company, then do every step at its time; return how many incidents that made."""
    stage: Stage | None = None
    # What was to be delivered before belongs to real incidents, and somebody waits for it.
    real = session.scalar(select(func.max(Delivery.id))) or 0
    latest = datetime.min.replace(tzinfo=UTC)
    for step in steps:
        at = max(step.at, latest)
        with clock.at(at):
            if stage is None:
                dice = random.Random(seed)  # noqa: S311 - a story, not a secret
                stage = Stage(session, _make_company(session, at), dice)
                open_status_page(session, _admin(stage))
            try:
                _DO[step.what](stage, _with_ids(stage, step), step)
            except IncidentError:
                # Made up without looking: the incident has meanwhile gone another way.
                session.rollback()
        latest = at + timedelta(seconds=_SECONDS_TO_DELIVER)
        _deliver(session, latest, stage.dice, real)
    if stage is None:
        return 0
    plan_work(session, _admin(stage))
    return len(stage.references)


def _admin(stage: Stage) -> Actor:
    user = stage.people["Ada Winter"]
    return actor_for(user, Door.WEB, f"198.51.100.{user.id}")


def _with_ids(stage: Stage, step: Step) -> dict[str, Any]:
    """Return a step's words with the people in it as ids."""
    words = dict(step.words)
    for name in ("commander", "person", "owner"):
        if words.get(name):
            words[name] = stage.people[words[name]].id
    return words


def _declare(stage: Stage, words: dict[str, Any], step: Step) -> None:
    declaration = Declaration(
        title=words["title"],
        severity=words["severity"],
        service=words["service"],
        commander_id=words["commander"],
        summary=words["summary"],
        is_private=words["is_private"],
    )
    result = commands.declare(stage.session, declaration, stage.actor(step))
    stage.references[step.key] = result.incident.reference


def _write_postmortem(stage: Stage, words: dict[str, Any], step: Step) -> None:
    postmortem = find_postmortem(stage.session, stage.incident(step.key).id)
    if postmortem is None:
        return
    body, version = postmortem.body, postmortem.version
    gaps = (words["impact"], words["cause"], company.WENT_WELL, company.LESSONS)
    lines = body.split("\n")
    marked = [number for number, line in enumerate(lines) if line.startswith("_To fill in:")]
    # Without a summary the draft asks for one first.
    texts = (words["impact"], *gaps) if len(marked) > len(gaps) else gaps
    for number, text in zip(marked, texts, strict=False):
        lines[number] = text
    lines = ["| Kept in the incident's list | | |" if "_To fill in_" in x else x for x in lines]
    commands.edit_postmortem(
        stage.session, stage.references[step.key], stage.actor(step), "\n".join(lines), version
    )


def _finish_item(stage: Stage, words: dict[str, Any], step: Step) -> None:
    item_id = stage.session.scalar(
        select(ActionItem.id).where(
            ActionItem.incident_id == stage.incident(step.key).id, ActionItem.text == words["text"]
        )
    )
    if item_id is not None:
        reference = stage.references[step.key]
        finish_action_item(stage.session, reference, stage.actor(step), item_id)


def _simply(
    command: Callable[..., Any], *names: str
) -> Callable[[Stage, dict[str, Any], Step], None]:
    """Return what calls a command with these of the step's words, in order."""

    def do(stage: Stage, words: dict[str, Any], step: Step) -> None:
        arguments = (words[name] for name in names)
        command(stage.session, stage.references[step.key], stage.actor(step), *arguments)

    return do


_DO: dict[str, Callable[[Stage, dict[str, Any], Step], None]] = {
    "declare": _declare,
    "update": _simply(commands.post_update, "message"),
    "move": _simply(commands.move_to, "status", "message"),
    "severity": _simply(commands.change_severity, "severity", "reason"),
    "resolve": _simply(commands.resolve, "message"),
    "reopen": _simply(commands.reopen, "reason"),
    "cancel": _simply(commands.cancel, "reason"),
    "hand_over": _simply(commands.hand_over, "person"),
    "take_over": _simply(commands.take_over, "reason"),
    "note": _simply(commands.add_note, "text"),
    "join": _simply(join),
    "add_person": _simply(add_person, "person", "role"),
    "draft": _simply(commands.draft_postmortem),
    "write": _write_postmortem,
    "to_do": _simply(add_action_item, "text", "owner", "due"),
    "did": _finish_item,
}


def _make_company(session: Session, start: datetime) -> dict[str, User]:
    """Add the people, services and routing that are not there yet; return the people by name."""
    since = start - timedelta(days=30)
    people: dict[str, User] = {}
    with write_transaction(session):
        for name, role, slack_id in company.PEOPLE:
            address = f"{name.lower().replace(' ', '.')}@example.com"
            known = session.scalars(
                select(User).where(
                    (User.slack_user_id == slack_id) if slack_id else (User.email == address)
                )
            ).one_or_none()
            user = known or User(slack_user_id=slack_id, created_at=since)
            user.name, user.email, user.role = name, address, role
            session.add(user)
            people[name] = user
        for each in company.SERVICES:
            service = session.scalars(
                select(Service).where(Service.slug == each.slug)
            ).one_or_none() or Service(slug=each.slug)
            service.name = each.name
            service.owners = [people[name] for name in each.owners]
            session.add(service)
        _make_routing(session, people)
    return people


def _make_routing(session: Session, people: dict[str, User]) -> None:
    known = {(rule.severity, rule.target) for rule in session.scalars(select(RoutingRule))}
    wanted = (
        (Severity.P1, AudienceKind.CHANNEL, "#general"),
        (Severity.P1, AudienceKind.CHANNEL, "#engineering"),
        (Severity.P1, AudienceKind.PERSON, people["Ken Alvarez"].slack_user_id),
        (Severity.P1, AudienceKind.PERSON, people["Margaret Chen"].slack_user_id),
        (Severity.P2, AudienceKind.CHANNEL, "#engineering"),
    )
    session.add_all(
        RoutingRule(severity=severity, kind=kind, target=target)
        for severity, kind, target in wanted
        if (severity, target) not in known
    )


def _deliver(session: Session, at: datetime, dice: random.Random, real: int) -> None:
    """Record what came of the deliveries above `real` as if Slack had been told: nearly all were made."""
    while True:
        with clock.at(at), write_transaction(session):
            due = session.scalars(
                select(Delivery)
                .where(Delivery.id > real, Delivery.state.in_(UNFINISHED))
                .order_by(Delivery.id)
            ).all()
            for delivery in due:
                delivery.attempts += 1
                if delivery.kind == "slack.announcement" and dice.random() < 0.006:
                    _finish(delivery, at, DeliveryState.PARKED, _GIVEN_UP)
                    commands.record_parked(session, delivery)
                    continue
                _finish(delivery, at, DeliveryState.DONE, None)
                delivery.receipt = _receipt(delivery)
                if delivery.kind == "slack.war_room":
                    _open_war_room(session, delivery)
        if not due:
            return


def _finish(delivery: Delivery, at: datetime, state: DeliveryState, error: str | None) -> None:
    delivery.state, delivery.last_error, delivery.finished_at = state, error, at


def _receipt(delivery: Delivery) -> dict[str, Any]:
    return {"channel": delivery.target, "ts": f"{delivery.created_at.timestamp():.6f}"}


def _open_war_room(session: Session, delivery: Delivery) -> None:
    incident = session.get_one(Incident, delivery.incident_id)
    channel = f"C0DEMO{incident.number:05}"
    delivery.receipt = {"channel": channel, "name": incident.slack_channel_name}
    commands.record_war_room(session, delivery)
