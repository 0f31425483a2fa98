"""Signing in with an account elsewhere: at an OpenID Connect provider, or in our Slack workspace."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import Conflict, InvalidMove, NotAllowed, NotFound
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.fields import tidy_address, tidy_name
from incidentbot.users.merging import may_merge, merge
from incidentbot.users.models import Identity, Role, User
from incidentbot.users.sign_in import record_sign_in

CLOSED = "This account was deactivated. Ask an admin."


@dataclass(frozen=True)
class Claims:
    """What a provider proved about a person. `slack_user_id` is None for any provider but Slack."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool
    name: str
    slack_user_id: str | None = None

    @property
    def address(self) -> str | None:
        """The e-mail address, if it is proven."""
        return tidy_address(self.email) if self.is_email_verified else None


def list_identities(session: Session, user_id: int) -> Sequence[Identity]:
    """Return the accounts elsewhere that sign a person in."""
    return session.scalars(
        select(Identity).where(Identity.user_id == user_id).order_by(Identity.id)
    ).all()


def sign_in_with_identity(
    session: Session, claims: Claims, origin: str, new_role: Role | None
) -> User:
    """Return the person whom a provider named. Somebody new gets `new_role`, or is refused without one.

    Raises NotAllowed with words that say what to do.
    """
    try:
        return _sign_in(session, claims, origin, new_role)
    except IntegrityError:  # the same person came by another door at the same moment
        return _sign_in(session, claims, origin, new_role)


def link_identity(session: Session, actor: Actor, claims: Claims) -> str:
    """Let an account elsewhere sign the actor in from now on; return what to say. Raises Conflict."""
    try:
        return _link_to(session, actor, claims)
    except IntegrityError:  # it was linked by another request at the same moment
        return _link_to(session, actor, claims)


def _link_to(session: Session, actor: Actor, claims: Claims) -> str:
    with write_transaction(session):
        user = session.get_one(User, actor.user_id, populate_existing=True)
        owner = _known(session, claims)
        if owner is not None and owner.id == user.id:
            return f"{claims.provider} is linked already."
        if claims.slack_user_id is None:
            if owner is not None:
                raise Conflict(f"That {claims.provider} account signs somebody else in.")
            _link(session, user, claims, actor)
        elif user.slack_user_id is not None:
            raise Conflict("Your account belongs to another person in Slack. Unlink that first.")
        elif owner is not None:
            merge(session, owner.id, user.id, actor)
        else:
            _link(session, user, claims, actor)
    return f"{claims.provider} is linked. You can sign in with it."


def unlink_identity(session: Session, actor: Actor, identity_id: int) -> None:
    """Have an account elsewhere sign nobody in any more. Raises NotFound, InvalidMove."""
    with write_transaction(session):
        user = _locked(session, actor)
        identity = session.get(Identity, identity_id)
        if identity is None or identity.user_id != user.id:
            raise NotFound("You have no such sign-in.")
        _require_another_way(session, user, without=1)
        session.delete(identity)
        before = {"issuer": identity.issuer, "subject": identity.subject}
        _audit_unlink(session, actor, before, {})


def unlink_slack(session: Session, actor: Actor) -> None:
    """Part an account from its person in Slack. Raises NotFound, InvalidMove.

    That person goes on as somebody of their own, with no more rights than they had: else who unlinks
    would be met in Slack as somebody new, and every new one is a responder.
    """
    with write_transaction(session):
        user = _locked(session, actor)
        if user.slack_user_id is None:
            raise NotFound("Slack is not linked.")
        _require_another_way(session, user, without=0)
        slack_id, user.slack_user_id = user.slack_user_id, None
        session.flush()  # the Slack id is unique: it is given up before it is taken
        parted = User(
            name=user.name,
            slack_user_id=slack_id,
            role=Role.VIEWER if user.role is Role.VIEWER else Role.RESPONDER,
            direct_messages=user.direct_messages,
            created_at=database.now(session),
        )
        session.add(parted)
        session.flush()
        _audit_unlink(session, actor, {"slack_user_id": slack_id}, {"user_id": parted.id})


def _sign_in(session: Session, claims: Claims, origin: str, new_role: Role | None) -> User:
    with write_transaction(session):
        user = _person_of(session, claims, origin, new_role)
        if not user.is_active:
            raise NotAllowed(CLOSED)
        record_sign_in(session, user, origin, claims.provider)
    return user


def _person_of(session: Session, claims: Claims, origin: str, new_role: Role | None) -> User:
    known = _known(session, claims)
    address = claims.address
    by_address = (
        session.scalars(select(User).where(User.email == address)).one_or_none()
        if address is not None
        else None
    )
    if by_address is not None and not by_address.is_active:
        raise NotAllowed(CLOSED)  # whatever else the person is known by
    if known is not None:
        if claims.slack_user_id is not None and by_address and may_merge(known, by_address):
            return merge(session, known.id, by_address.id, actor_for(by_address, Door.WEB, origin))
        return known
    if address is None:
        raise NotAllowed(
            f"{claims.provider} has not confirmed your e-mail address. Confirm it there, or sign in "
            f"another way and link {claims.provider} on your page."
        )
    if by_address is not None:
        if claims.slack_user_id is not None and by_address.slack_user_id is not None:
            raise NotAllowed(
                "An account with your e-mail address belongs to another person in Slack. Ask an admin."
            )
        _link(session, by_address, claims, actor_for(by_address, Door.WEB, origin))
        return by_address
    if new_role is None:
        raise NotAllowed("You have no account here yet. Ask an admin for an invitation.")
    user = User(
        name=tidy_name(claims.name) or tidy_name(address),
        email=address,
        role=new_role,
        created_at=database.now(session),
    )
    session.add(user)
    session.flush()
    actor = actor_for(user, Door.WEB, origin)
    _link(session, user, claims, actor)
    audit.append(
        session,
        actor,
        "create_account",
        f"user {user.id}",
        before={},
        after={"role": new_role.value},
    )
    return user


def _known(session: Session, claims: Claims) -> User | None:
    """Return the person whom the provider's own name for them leads to."""
    if claims.slack_user_id is not None:
        found = select(User).where(User.slack_user_id == claims.slack_user_id)
    else:
        found = (
            select(User)
            .join(Identity)
            .where(Identity.issuer == claims.issuer, Identity.subject == claims.subject)
        )
    return session.scalars(found.execution_options(populate_existing=True)).one_or_none()


def _link(session: Session, user: User, claims: Claims, actor: Actor) -> None:
    if claims.slack_user_id is not None:
        # Of two at one moment the second is not to undo the first.
        session.refresh(user, with_for_update={"key_share": True})
        if user.slack_user_id not in (None, claims.slack_user_id):
            raise Conflict("Somebody else in Slack was linked to this account just now.")
        user.slack_user_id = claims.slack_user_id
        after = {"slack_user_id": claims.slack_user_id}
    else:
        session.add(
            Identity(
                user_id=user.id,
                issuer=claims.issuer,
                subject=claims.subject,
                linked_at=database.now(session),
            )
        )
        after = {"issuer": claims.issuer, "subject": claims.subject}
    session.flush()
    audit.append(session, actor, "link_sign_in", f"user {user.id}", before={}, after=after)


def _locked(session: Session, actor: Actor) -> User:
    return session.scalars(
        select(User)
        .where(User.id == actor.user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _require_another_way(session: Session, user: User, without: int) -> None:
    """Raise InvalidMove when nothing is left to sign in with. An e-mail address brings a link."""
    linked = session.scalars(select(func.count()).where(Identity.user_id == user.id)).one()
    if user.password_hash is None and linked - without < 1:
        raise InvalidMove("You could not sign in any more. Set a password first.")


def _audit_unlink(
    session: Session, actor: Actor, before: dict[str, str], after: dict[str, int]
) -> None:
    subject = f"user {actor.user_id}"
    audit.append(session, actor, "unlink_sign_in", subject, before=before, after=after)
