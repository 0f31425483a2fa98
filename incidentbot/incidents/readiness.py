"""What the state of an incident allows. Pure; who may do it is decided in permissions.py."""

from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.permissions import Action

_WHILE_OPEN = frozenset(
    {Action.POST_UPDATE, Action.MOVE, Action.CHANGE_SEVERITY, Action.RESOLVE, Action.CANCEL}
)


def why_not_now(action: Action, status: Status, name: str = "It") -> str:
    """Return why nobody can do `action` to an incident of this status; "" where that does not forbid it.

    `name` is what the reason calls the incident.
    """
    if action in _WHILE_OPEN and not status.is_open:
        return f"{name} is {status.value}. Add a note, or reopen it first."
    if action is Action.REOPEN and status.is_open:
        return f"{name} is open: {status.value}."
    if action is Action.DRAFT_POSTMORTEM and status is not Status.RESOLVED:
        return f"{name} is {status.value}. The post-mortem can be drafted once it is resolved."
    return ""
