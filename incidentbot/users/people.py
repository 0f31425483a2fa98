"""Find people, and remember the ones Slack tells of."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.outbox.publish import Effect, publish, wake
from incidentbot.users.actor import SYSTEM
from incidentbot.users.fields import tidy_address, tidy_name
from incidentbot.users.merging import may_merge, merge
from incidentbot.users.models import Role, User


def identify_slack_person(session: Session, slack_user_id: str, name: str = "") -> User:
    """Return the person behind a Slack user id, remembered from now on.

    `name` is what Slack calls them in the request at hand ("" when it does not say). A person not
    seen before is added, and their full name and e-mail address are asked of Slack later.
    """
    known = find_by_slack_id(session, slack_user_id)
    if known is not None:
        return known
    try:
        with write_transaction(session):
            user = add_slack_person(session, slack_user_id, name)
    except IntegrityError:  # another process met this person at the same moment
        return session.scalars(select(User).where(User.slack_user_id == slack_user_id)).one()
    wake(session)
    return user


def add_slack_person(session: Session, slack_user_id: str, name: str = "") -> User:
    """Add a person known by Slack id only, inside the caller's transaction, and ask for their profile."""
    user = User(
        name=tidy_name(name) or slack_user_id,
        slack_user_id=slack_user_id,
        role=Role.RESPONDER,
        created_at=database.now(session),
    )
    session.add(user)
    session.flush()
    publish(
        session,
        [
            Effect(
                kind="slack.profile",
                target=slack_user_id,
                stream=f"profile/{slack_user_id}",
                dedupe_key=f"profile/{slack_user_id}/1",
            )
        ],
    )
    return user


def find_by_slack_id(session: Session, slack_user_id: str) -> User | None:
    """Return the person with this Slack user id, if any."""
    return session.scalars(select(User).where(User.slack_user_id == slack_user_id)).one_or_none()


def get_user(session: Session, user_id: int) -> User | None:
    """Return the person with this id, if any."""
    return session.get(User, user_id)


def list_admins(session: Session) -> Sequence[User]:
    """Return who can be asked for what only an admin may do, by name."""
    active = (User.deactivated_at.is_(None), User.merged_into_id.is_(None))
    admins = select(User).where(*active, User.role == Role.ADMIN)
    return session.scalars(admins.order_by(User.name, User.id)).all()


def record_profile(session: Session, slack_user_id: str, name: str, email: str | None) -> None:
    """Store what Slack says of a person, inside the caller's transaction.

    `email` is one that Slack has confirmed. An account that has it already is the same person's, and
    goes on for both, closed if it is closed. If that account belongs to somebody else in Slack, the
    address stays there, and who comes with the address of a closed one is closed too.
    """
    user = find_by_slack_id(session, slack_user_id)
    if user is None:
        return
    address = None if user.email else tidy_address(email)
    owner = None
    if address is not None:
        owner = session.scalars(select(User).where(User.email == address)).one_or_none()
    if owner is not None and may_merge(user, owner):
        merge(session, user.id, owner.id, SYSTEM)  # first: it locks both
    user.name = tidy_name(name) or user.name
    if address is None:
        return
    if owner is None:
        user.email = address
    elif user.is_active and not owner.is_active:
        _close(session, user)


def _close(session: Session, user: User) -> None:
    """Close the account of somebody whose other one an admin closed."""
    user.deactivated_at = database.now(session)
    user.session_epoch += 1
    session.flush()
    audit.append(
        session,
        SYSTEM,
        "deactivate",
        f"user {user.id}",
        before={"deactivated_at": None},
        after={"deactivated_at": user.deactivated_at.isoformat()},
    )


def names_by_id(session: Session, user_ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of these people, by their id; unknown ids are left out."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    rows = session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
    return dict(rows.all())
