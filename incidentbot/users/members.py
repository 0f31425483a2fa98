"""What an admin does with people's access: invite, rename, change roles, close and open accounts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import (
    AlreadyDone,
    IncidentError,
    InvalidInput,
    InvalidMove,
    NotAllowed,
    NotFound,
)
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import Effect, publish, wake
from incidentbot.users.actor import OPERATOR, Actor
from incidentbot.users.fields import tidy_address, tidy_name
from incidentbot.users.links import add_link
from incidentbot.users.models import LinkPurpose, Role, User

ACCOUNT_MAIL = "email.account"
# Who asks for a new password again and again gets one mail in this many seconds.
RESET_MAIL_SECONDS = 300

Admins = Sequence[User]


class NotAnAddress(InvalidInput):
    """What was given is no e-mail address."""


class NotSure(IncidentError):
    """Who gives up their own access is asked first: they cannot take it back by themselves."""


def list_members(
    session: Session, search: str = "", after: tuple[str, int] | None = None, limit: int = 50
) -> Sequence[User]:
    """Return people by name, those whose accounts are closed as well, after the one named last."""
    found = select(User).where(User.merged_into_id.is_(None))
    words = search.strip()[:200]
    if words:
        found = found.where(
            or_(
                User.name.icontains(words, autoescape=True),
                User.email.icontains(words, autoescape=True),
            )
        )
    if after is not None:
        found = found.where(tuple_(User.name, User.id) > after)
    return session.scalars(found.order_by(User.name, User.id).limit(limit)).all()


def get_member(session: Session, user_id: int) -> User:
    """Return one person. Raises NotFound."""
    user = session.get(User, user_id)
    if user is None or user.merged_into_id is not None:
        raise NotFound("There is no such person.")
    return user


def invite(
    session: Session,
    email: str,
    role: Role,
    name: str = "",
    actor: Actor = OPERATOR,
    *,
    by_mail: bool = False,
) -> User:
    """Return the account for `email`, made if need be, with `role`. `by_mail` sends the invitation too.

    Raises NotAnAddress, InvalidInput, AlreadyDone.
    """
    link = "mailed" if by_mail else None
    return _invite(session, _Invitation(email, role, name, actor, link))[0]


def invite_by_hand(
    session: Session,
    email: str,
    role: Role | None,
    name: str,
    actor: Actor,
    purpose: LinkPurpose = LinkPurpose.INVITATION,
) -> tuple[User, str]:
    """Do what `invite` does; return the secret of a link to hand over as well.

    Without a role somebody new becomes a responder, and who has an account keeps theirs.
    """
    return _invite(session, _Invitation(email, role, name, actor, "shown", purpose))


def change_role(
    session: Session, user_id: int, role: str, actor: Actor, *, sure: bool = False
) -> User:
    """Give a person another role.

    Raises InvalidInput, InvalidMove for the last admin, NotSure for oneself.
    """
    try:
        wanted = Role(role)
    except ValueError:
        raise InvalidInput("role", "Choose a role in the list.") from None
    with _changing(session, user_id, actor, "change_role", among_admins=True) as (user, admins):
        if wanted is not Role.ADMIN:
            _keep_an_admin(user, admins)
            if user.id == actor.user_id and not sure:
                raise NotSure(
                    "You would not be an admin any more, and only another admin could make you one again."
                )
        user.role = wanted
    return user


def rename(session: Session, user_id: int, name: str, actor: Actor) -> User:
    """Call a person by another name. Raises InvalidInput."""
    tidy = tidy_name(name)
    if not tidy:
        raise InvalidInput("name", "Write a name.")
    with _changing(session, user_id, actor, "rename") as (user, _):
        user.name = tidy
    return user


def deactivate(session: Session, user_id: int, actor: Actor, *, sure: bool = False) -> User:
    """Close an account: its person is signed out everywhere and cannot come in.

    Raises InvalidMove for the last admin, NotSure for oneself.
    """
    with _changing(session, user_id, actor, "deactivate", among_admins=True) as (user, admins):
        _keep_an_admin(user, admins)
        if user.id == actor.user_id and not sure:
            raise NotSure(
                "You would be signed out, and only another admin could open your account again."
            )
        if user.deactivated_at is None:
            user.deactivated_at = database.now(session)
            user.session_epoch += 1
    return user


def reactivate(session: Session, user_id: int, actor: Actor) -> User:
    """Open a closed account again."""
    with _changing(session, user_id, actor, "reactivate") as (user, _):
        user.deactivated_at = None
    return user


def send_link(session: Session, user_id: int, purpose: LinkPurpose, actor: Actor) -> User:
    """Send a person a one-time link by e-mail.

    Raises InvalidMove without address, or when inactive, and AlreadyDone.
    """
    with _linking(session, user_id, purpose, actor, "send_link") as user:
        if user.email is None:
            raise InvalidMove(f"{user.name} has no e-mail address.")
        mail_link(session, user, purpose)
    wake(session)
    return user


def show_link(session: Session, user_id: int, actor: Actor) -> tuple[str, LinkPurpose]:
    """Return the secret of a new one-time link, for an admin to hand over, and what it is for.

    It is for a new password; for who has no e-mail address to use one with, it only signs them in.
    """
    has_address = get_member(session, user_id).email is not None
    purpose = LinkPurpose.RESET if has_address else LinkPurpose.SIGN_IN
    with _linking(session, user_id, purpose, actor, "show_link") as user:
        return add_link(session, user.id, purpose), purpose


def ask_for_reset(session: Session, email: str) -> None:
    """Send a link to choose a new password, if somebody has this address. Says nothing either way."""
    address = tidy_address(email)
    if address is None:
        return
    try:
        with write_transaction(session):
            user = session.scalars(select(User).where(User.email == address)).one_or_none()
            if user is not None and user.is_active:
                period = int(database.now(session).timestamp()) // RESET_MAIL_SECONDS
                mail_link(session, user, LinkPurpose.RESET, f"asked/{period}")
    except IntegrityError:
        return  # asked for twice at the same moment
    wake(session)


def mail_link(session: Session, user: User, purpose: LinkPurpose, once: str = "") -> None:
    """Have a one-time link sent, inside the caller's transaction; with `once`, one time only.

    The link is made when the mail is sent: no secret lies in the outbox.
    """
    key = f"email/{user.id}/{purpose.value}/{once or uuid4().hex}"
    if once and session.scalars(select(Delivery.id).where(Delivery.dedupe_key == key)).first():
        return
    effect = Effect(
        kind=ACCOUNT_MAIL,
        target=user.email or "",
        stream=f"email/{user.id}",
        dedupe_key=key,
        payload={"user_id": user.id, "purpose": purpose.value},
        priority=2,  # somebody waits for it
    )
    publish(session, [effect])


@dataclass(frozen=True)
class _Invitation:
    """Who is invited as what, by whom. `link` is "mailed", "shown", or None for no link.

    No role: the one they have, or responder for somebody new.
    """

    email: str
    role: Role | None
    name: str
    actor: Actor
    link: str | None
    purpose: LinkPurpose = LinkPurpose.INVITATION


def _invite(session: Session, wanted: _Invitation) -> tuple[User, str]:
    """Return the account, and the secret of its link if that is to be shown."""
    _require_admin(wanted.actor)
    address = tidy_address(wanted.email)
    if not wanted.email.strip():
        raise NotAnAddress("email", "Write an e-mail address.")
    if address is None:
        raise NotAnAddress("email", f"{wanted.email[:100]!r} is no e-mail address.")
    try:
        done = _carry_out(session, address, wanted)
    except IntegrityError:  # somebody else invited this person at the same moment
        done = _carry_out(session, address, wanted)
    wake(session)
    return done


def _carry_out(session: Session, address: str, wanted: _Invitation) -> tuple[User, str]:
    secret = ""
    with write_transaction(session):
        _require_new(session, wanted.actor)
        user, admins = _found_among_admins(session, User.email == address)
        before = {} if user is None else {"role": user.role.value}
        role = wanted.role or (user.role if user else Role.RESPONDER)
        if user is None:
            user = User(
                name=tidy_name(wanted.name) or tidy_name(address),
                email=address,
                role=role,
                created_at=database.now(session),
            )
            session.add(user)
        elif not user.is_active:
            raise InvalidInput("email", f"{user.name}'s account is closed. Open it again.")
        elif wanted.role not in (None, Role.ADMIN):
            _keep_an_admin(user, admins)
            if user.id == wanted.actor.user_id:
                raise InvalidInput("role", "That is you. Change your role on your page of Members.")
        user.role = role
        session.flush()
        if wanted.link == "mailed":
            mail_link(session, user, wanted.purpose)
        elif wanted.link == "shown":
            secret = add_link(session, user.id, wanted.purpose)
        after = {"role": role.value} | ({"link": wanted.link} if wanted.link else {})
        if before != after:
            audit.append(
                session, wanted.actor, "invite", f"user {user.id}", before=before, after=after
            )
    return user, secret


@contextmanager
def _changing(
    session: Session, user_id: int, actor: Actor, action: str, *, among_admins: bool = False
) -> Iterator[tuple[User, Admins]]:
    """Run the block with the person locked, and all admins if need be; audit what it changed, and commit."""
    _require_admin(actor)
    with write_transaction(session):
        if among_admins:
            found, admins = _found_among_admins(session, User.id == user_id)
        else:
            found, admins = _found(session, User.id == user_id), ()
        user = _somebody(found)
        before = _snapshot(user)
        yield user, admins
        after = _snapshot(user)
        session.flush()
        if after != before:
            audit.append(session, actor, action, f"user {user.id}", before=before, after=after)


@contextmanager
def _linking(
    session: Session, user_id: int, purpose: LinkPurpose, actor: Actor, action: str
) -> Iterator[User]:
    _require_admin(actor)
    with write_transaction(session):
        user = _somebody(_found(session, User.id == user_id))
        _require_new(
            session, actor
        )  # which a second click at the same moment sees only behind the lock
        if not user.is_active:
            raise InvalidMove(f"{user.name}'s account is closed. Open it again first.")
        yield user
        after = {"purpose": purpose.value}
        audit.append(session, actor, action, f"user {user.id}", before={}, after=after)


def _require_admin(actor: Actor) -> None:
    if not actor.is_admin:
        raise NotAllowed("Only an admin can do that.")


def _require_new(session: Session, actor: Actor) -> None:
    """Raise AlreadyDone when this very request was carried out before."""
    if audit.find_request(session, actor.request_id) is not None:
        raise AlreadyDone("That was done already.")


def _found(session: Session, who: ColumnElement[bool]) -> User | None:
    """Return the person, locked until the transaction ends."""
    return session.scalars(_locking(and_(who, User.merged_into_id.is_(None)))).one_or_none()


def _found_among_admins(session: Session, who: ColumnElement[bool]) -> tuple[User | None, Admins]:
    """Return the person, and all admins who can sign in; locked together.

    Together, and in one order: two who demote each other cannot both succeed, nor wait for each other.
    """
    is_admin = and_(User.role == Role.ADMIN, User.deactivated_at.is_(None))
    everyone = and_(User.merged_into_id.is_(None), or_(who, is_admin))
    locked = session.scalars(_locking(everyone)).all()
    person = session.scalars(select(User).where(who, User.merged_into_id.is_(None))).one_or_none()
    return person, [user for user in locked if user.role is Role.ADMIN and user.is_active]


def _locking(condition: ColumnElement[bool]) -> Select[User]:
    return (
        select(User)
        .where(condition)
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def _somebody(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such person.")
    return user


def _keep_an_admin(leaving: User, admins: Admins) -> None:
    """Raise InvalidMove when `leaving` is the last of the admins who can sign in."""
    if leaving in admins and len(admins) == 1:
        raise InvalidMove(f"{leaving.name} is the last admin. Make somebody else admin first.")


def _snapshot(user: User) -> dict[str, str | None]:
    return {
        "name": user.name,
        "role": user.role.value,
        "deactivated_at": user.deactivated_at.isoformat() if user.deactivated_at else None,
    }
