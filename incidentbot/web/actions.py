"""The forms of the incident page: each one call of the core, and whether the person may use it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import UPDATE_STATUSES, Status
from incidentbot.incidents.models import Incident
from incidentbot.incidents.permissions import Action, Verdict, judge
from incidentbot.users.actor import Actor

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Form:
    """One form: what it is called in its address, the permission it needs, what it does."""

    name: str
    action: Action
    submit: Callable[[Session, str, Actor, Fields], Result]


def _update(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    status, message = fields.get("status", ""), fields.get("message", "")
    if not status:
        return commands.post_update(session, reference, actor, message)
    if status not in UPDATE_STATUSES:
        raise InvalidInput("status", "Choose a status in the list.")
    return commands.move_to(session, reference, actor, Status(status), message)


def _hand_over(session: Session, reference: str, actor: Actor, fields: Fields) -> Result:
    return commands.hand_over(session, reference, actor, person_id(fields.get("commander", "")))


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
                session, reference, actor, fields.get("message", "")
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


def person_id(value: str) -> int:
    """Return the id of the person chosen in a menu. Raises InvalidInput for anything else."""
    if not value.isdecimal() or len(value) > 9:
        raise InvalidInput("commander", "Choose a person in the list.")
    return int(value)
