"""The forms of the incident page: each one call of the core, and whether the person may use it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from incidentbot.incidents import commands
from incidentbot.incidents.action_items import (
    add_action_item,
    change_action_item,
    finish_action_item,
)
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.models import ActionItem, Incident
from incidentbot.incidents.people import add_person, join, remove_person
from incidentbot.incidents.permissions import Action, Verdict, judge
from incidentbot.incidents.readiness import why_not_now
from incidentbot.users.actor import Actor
from incidentbot.users.candidates import Among
from incidentbot.users.models import User
from incidentbot.web import access
from incidentbot.web.people import picked, written
from incidentbot.web.requests import number

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Form:
    """One form: what it is called in its address, the permission it needs, what it does."""

    name: str
    action: Action
    submit: Callable[[Session, str, Actor, Fields], Result]


def _update(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    values = (fields.get(name, "") for name in ("status", "message", "public"))
    return commands.update_or_move(session, reference, actor, *values)


def _hand_over(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    commander = picked(fields, "commander", Among.COMMANDERS)
    return commands.hand_over(session, reference, actor, commander)


def _add_person(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    person = picked(fields, "person", Among.PEOPLE)
    return add_person(session, reference, actor, person, fields.get("role", ""))


def _add_item(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    return add_action_item(
        session, reference, actor, fields.get("text", ""), _owner_id(fields), fields.get("due", "")
    )


def _change_item(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    item_id = _item_id(reference, fields)
    item = session.get(ActionItem, item_id)
    keeping = [item.owner] if item is not None and item.owner is not None else []
    values = fields.get("text", ""), _owner_id(fields, keeping), fields.get("due", "")
    return change_action_item(session, reference, actor, item_id, *values)


def _finish_item(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    item_id = _item_id(reference, fields)
    return finish_action_item(session, reference, actor, item_id, done=fields.get("done") != "no")


def _owner_id(fields: Fields, keeping: Sequence[User] = ()) -> int | None:
    return picked(fields, "owner", Among.PEOPLE, keeping) if written(fields, "owner") else None


def _item_id(reference: str, fields: Fields) -> int:
    item_id = number(fields.get("item"))
    if item_id is None:
        raise NotFound(f"{reference} has no such action item.")
    return item_id


FORMS = {
    form.name: form
    for form in (
        Form("update", Action.POST_UPDATE, _update),
        Form(
            "severity",
            Action.CHANGE_SEVERITY,
            lambda session, reference, actor, fields: commands.change_severity(
                session, reference, actor, fields.get("severity", ""), fields.get("reason", "")
            ),
        ),
        Form(
            "resolve",
            Action.RESOLVE,
            lambda session, reference, actor, fields: commands.resolve(
                session, reference, actor, fields.get("message", ""), fields.get("public", "")
            ),
        ),
        Form("hand-over", Action.HAND_OVER, _hand_over),
        Form(
            "take-over",
            Action.TAKE_OVER,
            lambda session, reference, actor, fields: commands.take_over(
                session, reference, actor, fields.get("reason", "")
            ),
        ),
        Form(
            "note",
            Action.ADD_NOTE,
            lambda session, reference, actor, fields: commands.add_note(
                session, reference, actor, fields.get("text", "")
            ),
        ),
        Form(
            "cancel",
            Action.CANCEL,
            lambda session, reference, actor, fields: commands.cancel(
                session, reference, actor, fields.get("reason", "")
            ),
        ),
        Form(
            "reopen",
            Action.REOPEN,
            lambda session, reference, actor, fields: commands.reopen(
                session, reference, actor, fields.get("reason", "")
            ),
        ),
        Form(
            "postmortem",
            Action.DRAFT_POSTMORTEM,
            lambda session, reference, actor, _fields: commands.draft_postmortem(
                session, reference, actor
            ),
        ),
        Form(
            "join",
            Action.JOIN,
            lambda session, reference, actor, _fields: join(session, reference, actor),
        ),
        Form(
            "leave",
            Action.LEAVE,
            lambda session, reference, actor, _fields: remove_person(
                session, reference, actor, actor.user_id or 0
            ),
        ),
        Form("add-person", Action.ADD_PERSON, _add_person),
        Form(
            "remove-person",
            Action.REMOVE_PERSON,
            lambda session, reference, actor, fields: remove_person(
                session, reference, actor, member_id(fields.get("person", ""))
            ),
        ),
        Form("action-item", Action.ADD_ACTION_ITEM, _add_item),
        Form("change-item", Action.CHANGE_ACTION_ITEM, _change_item),
        Form("finish-item", Action.FINISH_ACTION_ITEM, _finish_item),
    )
}


def verdicts(incident: Incident, actor: Actor) -> dict[str, Verdict]:
    """Return for each form whether the person may use it on this incident, and why not."""
    return {
        name.replace("-", "_"): judge(
            form.action, actor, incident.commander_id, incident.commander.name
        )
        for name, form in FORMS.items()
    }


def not_now(incident: Incident, *, has_postmortem: bool) -> dict[str, str]:
    """Return for each form that the incident's state does not allow, why."""
    reasons = {
        name.replace("-", "_"): why_not_now(form.action, incident.status)
        for name, form in FORMS.items()
    }
    if has_postmortem or not incident.status.is_open:  # the page says it where the post-mortem is
        reasons["postmortem"] = ""
    return {name: reason for name, reason in reasons.items() if reason}


def acting(fields: Fields) -> Actor:
    """Return the signed-in person with what a form says: its key, and why an admin overrides."""
    return replace(
        access.actor(fields.get("request_key")),
        override_reason=fields.get("override_reason", ""),
    )


def member_id(value: str) -> int:
    """Return the id of the person chosen among an incident's. Raises InvalidInput for anything else."""
    person = number(value)
    if person is None:
        raise InvalidInput("person", "Choose a person in the list.")
    return person
