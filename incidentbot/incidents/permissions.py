"""Who may do what to which incident. Pure functions."""

from dataclasses import dataclass
from enum import StrEnum

from incidentbot.users.actor import Actor
from incidentbot.users.models import Role


class Action(StrEnum):
    """What a person may want to do. The value is its name in the audit log."""

    DECLARE = "declare"
    POST_UPDATE = "post_update"
    MOVE = "move_to"
    CHANGE_SEVERITY = "change_severity"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CANCEL = "cancel"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    ADD_NOTE = "add_note"
    DRAFT_POSTMORTEM = "draft_postmortem"
    EDIT_POSTMORTEM = "edit_postmortem"
    JOIN = "join"
    LEAVE = "leave"
    ADD_PERSON = "add_person"
    REMOVE_PERSON = "remove_person"
    ADD_ACTION_ITEM = "add_action_item"
    CHANGE_ACTION_ITEM = "change_action_item"
    FINISH_ACTION_ITEM = "finish_action_item"
    TELL_CUSTOMERS = "tell_customers"


# Everyone who responds may do these; all others belong to the commander.
OPEN_TO_RESPONDERS = frozenset(
    {
        Action.DECLARE,
        Action.ADD_NOTE,
        Action.TAKE_OVER,
        Action.JOIN,
        Action.LEAVE,
        Action.ADD_ACTION_ITEM,
        Action.CHANGE_ACTION_ITEM,
        Action.FINISH_ACTION_ITEM,
    }
)

# Whoever it belongs to may do these, whatever their role.
OPEN_TO_ITS_OWNER = frozenset({Action.FINISH_ACTION_ITEM})

_VERBS = {
    Action.DECLARE: "declare an incident",
    Action.POST_UPDATE: "post a status update",
    Action.MOVE: "change the status",
    Action.CHANGE_SEVERITY: "change the severity",
    Action.RESOLVE: "resolve the incident",
    Action.REOPEN: "reopen the incident",
    Action.CANCEL: "cancel the incident",
    Action.HAND_OVER: "hand over the command",
    Action.TAKE_OVER: "take over the command",
    Action.ADD_NOTE: "add a note",
    Action.DRAFT_POSTMORTEM: "draft the post-mortem",
    Action.EDIT_POSTMORTEM: "edit the post-mortem",
    Action.JOIN: "join the incident",
    Action.LEAVE: "leave the incident",
    Action.ADD_PERSON: "add people",
    Action.REMOVE_PERSON: "remove people",
    Action.ADD_ACTION_ITEM: "add action items",
    Action.CHANGE_ACTION_ITEM: "change action items",
    Action.FINISH_ACTION_ITEM: "tick off action items",
    Action.TELL_CUSTOMERS: "tell customers",
}


@dataclass(frozen=True)
class Verdict:
    """Whether an action is allowed; `override` marks an admin acting in the commander's place."""

    allowed: bool
    override: bool = False
    reason: str = ""


def overrides(actor: Actor, commander_id: int | None) -> bool:
    """Whether whatever `actor` does of what is the commander's, they do in the commander's place."""
    return actor.is_admin and actor.user_id != commander_id


def refusal(actor: Actor, commander: str) -> str:
    """Return why a person may not do what is the commander's, said once for all of it."""
    if actor.role is Role.VIEWER:
        return "Viewers can read this incident, but change nothing. Ask an admin for access."
    return _only_the_commander(commander, "do these")


def judge(
    action: Action,
    actor: Actor,
    commander_id: int | None,
    commander: str = "",
    *,
    is_own: bool = False,
) -> Verdict:
    """Return whether `actor` may do `action` to an incident that `commander_id` commands.

    `commander` is the commander's name, for the reason a refused person reads. `is_own` says that
    what is acted on belongs to `actor`.
    """
    if is_own and action in OPEN_TO_ITS_OWNER:
        return Verdict(True)
    if actor.role is Role.VIEWER:
        return Verdict(False, reason=f"Viewers cannot {_VERBS[action]}. Ask an admin for access.")
    if action in OPEN_TO_RESPONDERS or actor.user_id == commander_id:
        return Verdict(True)
    if overrides(actor, commander_id):
        return Verdict(True, override=True)
    return Verdict(False, reason=_only_the_commander(commander, _VERBS[action]))


def _only_the_commander(commander: str, verb: str) -> str:
    return (
        f"Only the commander, {commander}, can {verb}. "
        "Ask them, or take over the command if they cannot be reached."
    )
