"""What a new installation still lacks, read from what is in the database."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from incidentbot.audit.replays import SeenRequest
from incidentbot.incidents.models import Incident, service_owners
from incidentbot.users.models import User


class Step(StrEnum):
    """Something an admin does once."""

    SLACK = "slack"
    MEMBERS = "members"
    SERVICES = "services"
    INCIDENT = "incident"


def first_steps(session: Session, *, has_slack: bool) -> Mapping[Step, bool]:
    """Return each step, in the order in which to take them, and whether it is done.

    `has_slack` says that its tokens are set. Connected it is once a signed request has come from there.
    """
    with_address = (
        select(User.id)
        .where(
            User.email.is_not(None), User.deactivated_at.is_(None), User.merged_into_id.is_(None)
        )
        .limit(2)
        .subquery()
    )
    is_heard, members, has_owner, has_incident = session.execute(
        select(
            exists(select(SeenRequest.signature_hash)),
            select(func.count()).select_from(with_address).scalar_subquery(),
            exists(select(service_owners.c.service_id)),
            exists(select(Incident.id)),
        )
    ).one()
    return {
        Step.SLACK: has_slack and is_heard,
        Step.MEMBERS: members > 1,
        Step.SERVICES: has_owner,
        Step.INCIDENT: has_incident,
    }
