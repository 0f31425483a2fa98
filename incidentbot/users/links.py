"""One-time links: the way in for who has no other, or has forgotten it."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.models import LinkPurpose, SignInLink, User

LIFETIMES = {
    LinkPurpose.SIGN_IN: timedelta(hours=24),
    LinkPurpose.INVITATION: timedelta(days=7),
    LinkPurpose.RESET: timedelta(hours=1),
}


def make_sign_in_secret(
    session: Session, user: User, purpose: LinkPurpose = LinkPurpose.SIGN_IN
) -> str:
    """Return a secret that signs `user` in once, for as long as `purpose` allows. Its hash is stored."""
    user_id = user.id
    with write_transaction(session):
        return add_link(session, user_id, purpose)


def add_link(session: Session, user_id: int, purpose: LinkPurpose) -> str:
    """Do what `make_sign_in_secret` does, inside the caller's transaction."""
    secret = secrets.token_urlsafe(32)
    session.add(
        SignInLink(
            user_id=user_id,
            purpose=purpose,
            secret_hash=_hash(secret),
            expires_at=database.now(session) + LIFETIMES[purpose],
        )
    )
    return secret


def find_link(session: Session, secret: str) -> SignInLink | None:
    """Return the link with this secret while it still works, without using it up."""
    link = session.scalars(
        select(SignInLink).where(SignInLink.secret_hash == _hash(secret))
    ).one_or_none()
    return link if link is not None and _works(session, link) else None


def redeem_link(session: Session, secret: str, origin: str) -> SignInLink | None:
    """Use a link up and return it; None when it is unknown, used or too old, or its person may not in.

    It works however many wrong passwords there were: nobody is locked out.
    """
    with write_transaction(session):
        link = session.scalars(
            select(SignInLink)
            .where(SignInLink.secret_hash == _hash(secret))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if link is None or not _works(session, link):
            return None
        link.used_at = database.now(session)
        audit.append(
            session,
            actor_for(link.user, Door.WEB, origin),
            "sign_in",
            f"user {link.user_id}",
            before={},
            after={"way": "link", "purpose": link.purpose.value},
        )
        return link


def use_up_links(session: Session, user_id: int) -> None:
    """End every link of a person that still works, inside the caller's transaction."""
    session.execute(
        update(SignInLink)
        .where(SignInLink.user_id == user_id, SignInLink.used_at.is_(None))
        .values(used_at=database.now(session))
    )


def _works(session: Session, link: SignInLink) -> bool:
    is_fresh = link.used_at is None and link.expires_at >= database.now(session)
    return is_fresh and link.user.is_active


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
