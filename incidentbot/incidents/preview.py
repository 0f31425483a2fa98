"""What declaring an incident would do, told before it is done."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from incidentbot import database
from incidentbot.incidents.commands import first_people, free_channel_name
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import Counter, Incident, Service
from incidentbot.routing.preview import Preview, who_hears
from incidentbot.status_pages.outlook import Outlook, look_ahead
from incidentbot.users.actor import Actor
from incidentbot.users.candidates import Candidate
from incidentbot.users.models import User


@dataclass(frozen=True)
class Prospect:
    """What would happen: the channel that opens, who is invited, told and let in, what customers see."""

    severity: Severity
    service: Service
    is_private: bool
    channel_name: str
    hears: Preview
    customers: Outlook


def foresee(
    session: Session,
    actor: Actor,
    severity: str,
    service: str,
    commander: Candidate | None,
    is_private: bool,
) -> Prospect | None:
    """Return what declaring would do; None while the severity or the service is not chosen yet.

    Without a commander it is who declares. One whom only Slack knows so far is met by declaring.
    """
    if severity not in set(Severity):
        return None
    begins = session.execute(
        select(Service, Counter.value + 1, User)
        .select_from(Service)
        .join(Counter, Counter.name == "incident")
        .outerjoin(User, User.id == (commander.user_id if commander else None))
        .options(joinedload(Service.owners))
        .where(Service.slug == service, Service.archived_at.is_(None))
    )
    row = begins.unique().one_or_none()
    if row is None:
        return None
    found, number, chosen = row
    declarer = session.get(User, actor.user_id) if actor.user_id is not None else None
    first = declarer if commander is None else _account_of(commander, chosen)
    people = first_people(first, declarer, found, is_private) if first else []
    declared = Incident(
        severity=Severity(severity),
        status=Status.DECLARED,
        service_id=found.id,
        is_private=is_private,
    )
    return Prospect(
        severity=Severity(severity),
        service=found,
        is_private=is_private,
        channel_name=_channel_name(session, found, number, is_private),
        hears=who_hears(session, Severity(severity), found, is_private=is_private, invite=people),
        customers=look_ahead(session, declared),
    )


def _account_of(commander: Candidate, known: User | None) -> User:
    """Return their account, or one as it will be: it is stored by nobody here."""
    if known is not None:
        return known
    return User(name=commander.name, slack_user_id=commander.slack_user_id, role=commander.role)


def _channel_name(session: Session, service: Service, number: int, is_private: bool) -> str:
    now = database.now(session)
    if is_private:
        return f"inc-{now:%Y%m%d}-…"  # chosen at random when it is declared
    return free_channel_name(session, now, service.slug, number)
