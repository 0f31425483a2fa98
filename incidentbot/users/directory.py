"""Who there is in our Slack workspace: candidates, who become people here when somebody picks them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import InvalidInput, NotAllowed
from incidentbot.outbox.publish import wake
from incidentbot.users.actor import Actor
from incidentbot.users.candidates import Candidate
from incidentbot.users.fields import tidy_address, tidy_name
from incidentbot.users.models import Role, SlackPerson, User
from incidentbot.users.people import add_slack_person, find_by_slack_id


@dataclass(frozen=True)
class Entry:
    """Somebody as Slack's directory has them. `name` is what they want to be called, `email` confirmed."""

    slack_user_id: str
    name: str
    real_name: str
    email: str | None


@dataclass(frozen=True)
class Directory:
    """When the directory was read last, and how many people it had; None for never."""

    read_at: datetime | None
    people: int


def about_directory(session: Session) -> Directory:
    """Return how old our copy of the directory is, and how large."""
    read_at, people = session.execute(select(func.max(SlackPerson.seen_at), func.count())).one()
    return Directory(read_at, people)


def store_directory(session: Session, entries: Iterable[Entry]) -> None:
    """Make our copy of the directory what was read just now: who is not in it any more goes.

    What has changed is found out first, so that nobody waits long for this to be written.
    """
    found = {entry.slack_user_id: _tidy(entry) for entry in entries}
    known = {person.slack_user_id: person for person in _copy(session)}
    new = [entry for key, entry in found.items() if key not in known]
    changed = [entry for key, entry in found.items() if key in known and entry != known[key]]
    with write_transaction(session):
        now = database.now(session)
        if new:
            session.execute(
                insert(SlackPerson), [{**asdict(entry), "seen_at": now} for entry in new]
            )
        if changed:
            session.execute(update(SlackPerson), [asdict(entry) for entry in changed])
        for gone in known.keys() - found.keys():
            session.execute(delete(SlackPerson).where(SlackPerson.slack_user_id == gone))
        session.execute(update(SlackPerson).values(seen_at=now))
    session.expire_all()


def _tidy(entry: Entry) -> Entry:
    return Entry(
        slack_user_id=entry.slack_user_id,
        name=tidy_name(entry.name) or entry.slack_user_id,
        real_name=tidy_name(entry.real_name),
        email=tidy_address(entry.email),
    )


def _copy(session: Session) -> Iterable[Entry]:
    columns = (
        SlackPerson.slack_user_id,
        SlackPerson.name,
        SlackPerson.real_name,
        SlackPerson.email,
    )
    return [Entry(*row) for row in session.execute(select(*columns))]


def pick(session: Session, actor: Actor, candidate: Candidate, field: str) -> int:
    """Return the id of who was picked; somebody known from Slack's directory only becomes one of us.

    So does the account on the web of somebody in the directory: Slack has confirmed its address.
    Raises NotAllowed, and InvalidInput for `field` when they cannot be picked any more.
    """
    slack_user_id = _to_be_met(session, candidate)
    if slack_user_id is None and candidate.user_id is not None:
        return candidate.user_id
    if actor.role is Role.VIEWER:
        raise NotAllowed("Viewers cannot do that.")
    slack_user_id = slack_user_id or candidate.slack_user_id or ""
    try:
        user_id = _meet(session, actor, slack_user_id, field)
    except IntegrityError:  # they came by themselves at the same moment
        user_id = _meet(session, actor, slack_user_id, field)
    wake(session)
    return user_id


def _to_be_met(session: Session, candidate: Candidate) -> str | None:
    """Return the Slack id that a pick tells us of, if it does."""
    if candidate.user_id is None:
        return candidate.slack_user_id
    if candidate.slack_user_id or candidate.email is None or candidate.has_left:
        return None
    nobodys = ~exists().where(User.slack_user_id == SlackPerson.slack_user_id)
    return session.scalars(
        select(SlackPerson.slack_user_id).where(SlackPerson.email == candidate.email, nobodys)
    ).first()


def _meet(session: Session, actor: Actor, slack_user_id: str, field: str) -> int:
    """Have somebody in Slack's directory be a person here, and audit it.

    As when they sign in with Slack: an account with the address that Slack has confirmed is theirs.
    """
    # The request is the command's that they were picked for: it must not count as done by this.
    actor = replace(actor, request_id=None)
    with write_transaction(session):
        person = session.get(  # locked: one pick of somebody comes after another
            SlackPerson, slack_user_id, populate_existing=True, with_for_update=True
        )
        known = find_by_slack_id(session, slack_user_id)
        if known is not None:
            return known.id
        if person is None:
            raise InvalidInput(field, "They are not in Slack any more. Choose somebody else.")
        account = _account_with(session, person.email)
        if account is not None and not account.is_active:
            raise InvalidInput(field, f"{account.name}'s account is closed. Choose somebody else.")
        if account is not None and account.slack_user_id is None:
            account.slack_user_id = slack_user_id
            session.flush()
            _audit(session, actor, account, "link_sign_in", {"slack_user_id": slack_user_id})
            return account.id
        user = add_slack_person(session, slack_user_id, person.name)
        if account is None:
            user.email = person.email
        session.flush()
        after = {"role": user.role.value, "slack_user_id": slack_user_id}
        _audit(session, actor, user, "create_account", after)
        return user.id


def _account_with(session: Session, email: str | None) -> User | None:
    if email is None:
        return None
    return session.scalars(
        select(User)
        .where(User.email == email)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _audit(session: Session, actor: Actor, user: User, action: str, after: dict[str, str]) -> None:
    audit.append(session, actor, action, f"user {user.id}", before={}, after=after)
