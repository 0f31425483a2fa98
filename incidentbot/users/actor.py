"""Who acts: a person or incidentbot itself, through which door, from where."""

from dataclasses import dataclass
from enum import StrEnum

from incidentbot.users.models import Role, User


class Door(StrEnum):
    """The way a request came in."""

    SLACK = "slack"
    WEB = "web"
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """The person behind a request. The audit log takes it whole.

    `origin` says from where: an IP address, or a Slack team and channel. `request_id` names the
    request at its door (a Slack trigger, a form's key): one request changes something at most once.
    `override_reason` is why an admin acts in the commander's place; "" when they have not said.
    """

    user_id: int | None
    name: str
    role: Role
    door: Door
    origin: str
    request_id: str | None = None
    override_reason: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether the person may override the commander."""
        return self.role is Role.ADMIN


SYSTEM = Actor(
    user_id=None, name="incidentbot", role=Role.RESPONDER, door=Door.SYSTEM, origin="incidentbot"
)


# Whoever can run `flask …` on a server of ours.
OPERATOR = Actor(
    user_id=None, name="operator", role=Role.ADMIN, door=Door.CLI, origin="command line"
)


def actor_for(user: User, door: Door, origin: str, request_id: str | None = None) -> Actor:
    """Return the actor that `user` is when coming through `door` from `origin`."""
    return Actor(
        user_id=user.id,
        name=user.name,
        role=user.role,
        door=door,
        origin=origin,
        request_id=request_id,
    )
