"""Find people, remember the ones Slack tells of, and sign them in by link."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.outbox.publish import Effect, publish, wake
from incidentbot.users.actor import OPERATOR, Actor
from incidentbot.users.models import Role, SignInLink, User

LINK_LIFETIME = timedelta(hours=24)
NAME_LIMIT = 120
EMAIL_LIMIT = 254
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


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
        name=_tidy(name) or slack_user_id,
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


def list_people(session: Session) -> Sequence[User]:
    """Return everyone known, by name."""
    return session.scalars(select(User).order_by(User.name, User.id)).all()


def record_profile(session: Session, slack_user_id: str, name: str, email: str | None) -> None:
    """Store what Slack says of a person, inside the caller's transaction.

    An e-mail address that another account already has is left where it is.
    """
    user = find_by_slack_id(session, slack_user_id)
    if user is None:
        return
    user.name = _tidy(name) or user.name
    address = (email or "").strip().lower()
    if address and len(address) <= EMAIL_LIMIT and address.isprintable() and not user.email:
        taken = session.scalars(select(User.id).where(User.email == address)).first()
        user.email = None if taken else address


class NotAnAddress(ValueError):
    """What was given is no e-mail address."""


def invite(
    session: Session, email: str, role: Role, name: str = "", actor: Actor = OPERATOR
) -> User:
    """Return the account for `email`, made if need be, with `role`. Raises NotAnAddress."""
    address = email.strip().lower()
    if not _ADDRESS.fullmatch(address) or len(address) > EMAIL_LIMIT:
        raise NotAnAddress(f"{email[:100]!r} is no e-mail address.")
    try:
        with write_transaction(session):
            user = session.scalars(select(User).where(User.email == address)).one_or_none()
            before = {} if user is None else {"role": user.role.value}
            if user is None:
                user = User(
                    name=_tidy(name) or _tidy(address),
                    email=address,
                    role=role,
                    created_at=database.now(session),
                )
                session.add(user)
            user.role = role
            after = {"role": role.value}
            if before != after:
                session.flush()
                audit.append(
                    session, actor, "invite", f"user {user.id}", before=before, after=after
                )
    except IntegrityError:  # somebody else invited this person at the same moment
        return invite(session, email, role, name, actor)
    return user


def make_sign_in_secret(session: Session, user: User) -> str:
    """Return a secret that signs `user` in once within a day. Only its hash is stored."""
    secret = secrets.token_urlsafe(32)
    with write_transaction(session):
        session.add(
            SignInLink(
                user_id=user.id,
                secret_hash=_hash(secret),
                expires_at=database.now(session) + LINK_LIFETIME,
            )
        )
    return secret


def redeem_sign_in_secret(session: Session, secret: str) -> User | None:
    """Return the person a secret signs in and use it up; None when it is unknown, used or too old."""
    with write_transaction(session):
        link = session.scalars(
            select(SignInLink).where(SignInLink.secret_hash == _hash(secret)).with_for_update()
        ).one_or_none()
        if link is None or link.used_at is not None or link.expires_at < database.now(session):
            return None
        link.used_at = database.now(session)
        return link.user


def names_by_id(session: Session, user_ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of these people, by their id; unknown ids are left out."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    rows = session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
    return dict(rows.all())


def _tidy(name: str) -> str:
    """Return a name in one line, without what cannot be stored or seen, cut at NAME_LIMIT characters."""
    line = " ".join(name.split())
    printable = "".join(character for character in line if character.isprintable())
    return printable.strip()[:NAME_LIMIT].strip()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
