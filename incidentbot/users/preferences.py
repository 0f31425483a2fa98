"""What a person decides for themselves: name, time zone, colours, messages, password, sessions."""

from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.audit import log as audit
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import AlreadyDone, Conflict, InvalidInput
from incidentbot.users.actor import Actor
from incidentbot.users.fields import tidy_name
from incidentbot.users.links import use_up_links
from incidentbot.users.models import DirectMessages, User
from incidentbot.users.passwords import check_new_password, hash_password, is_right
from incidentbot.users.sign_in import count_try, forget_failures

THEMES = ("light", "dark")


@dataclass(frozen=True)
class Preferences:
    """What the form on one's own page says. "" for `time_zone` and `theme` is what the browser says."""

    name: str
    time_zone: str
    theme: str
    direct_messages: str


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names of all time zones, in order."""
    return tuple(sorted(available_timezones()))


def change_preferences(session: Session, actor: Actor, wanted: Preferences) -> None:
    """Store what a person chose.

    Raises InvalidInput, and AlreadyDone when this very form was sent with other values before.
    """
    name = tidy_name(wanted.name)
    if not name:
        raise InvalidInput("name", "Write your name.")
    zone = wanted.time_zone.strip()
    if zone and zone not in time_zones():
        raise InvalidInput("time_zone", "Choose a time zone in the list, such as Europe/Berlin.")
    if wanted.theme and wanted.theme not in THEMES:
        raise InvalidInput("theme", "Choose one of the three.")
    try:
        messages = DirectMessages(wanted.direct_messages)
    except ValueError:
        raise InvalidInput("direct_messages", "Choose one of the three.") from None
    with write_transaction(session):
        user = _locked(session, actor)
        was_sent = audit.find_request(session, actor.request_id) is not None
        before = _snapshot(user)
        user.name, user.time_zone, user.theme = name, zone or None, wanted.theme or None
        user.direct_messages = messages
        after = _snapshot(user)
        if before != after:
            if was_sent:
                raise AlreadyDone(
                    "This form was sent once already, so nothing is stored now. Send it again."
                )
            session.flush()
            audit.append(
                session, actor, "change_preferences", f"user {user.id}", before=before, after=after
            )


def set_password(session: Session, actor: Actor, password: str, current: str | None) -> User:
    """Store a new password, and end all sessions and links of its person. A double click is done once.

    Raises InvalidInput, and Conflict when another one was stored at the same moment.

    `current` is the password so far; None from who has just come in by a one-time link. Trying it
    counts as signing in does. Raises TooManyFailures.
    """
    user = session.get_one(User, actor.user_id)
    known, name, email = user.password_hash, user.name, user.email
    session.rollback()  # hashing takes a while: no transaction waits for it
    check_new_password(password, name, email)
    if current is not None and known is not None:
        count_try(session, email or f"user {actor.user_id}", actor.origin)
        if not is_right(known, current):
            raise InvalidInput("current", "That is not your password.")
    hashed = hash_password(password)
    with write_transaction(session):
        user = _locked(session, actor)
        stored = user.password_hash
        if stored == known:
            user.password_hash = hashed
            user.session_epoch += 1
            use_up_links(session, user.id)
            if current is not None:
                forget_failures(session, email or f"user {actor.user_id}")
            session.flush()
            audit.append(session, actor, "set_password", f"user {user.id}", before={}, after={})
            return user
    # Somebody was quicker. If it was the first click of two, all is as it should be.
    if not is_right(stored, password):
        raise Conflict(
            "Your password was changed just now, in another window. Sign in with that one."
        )
    return user


def sign_out_everywhere(session: Session, actor: Actor) -> None:
    """End every session of a person, on all devices."""
    with write_transaction(session):
        user = _locked(session, actor)
        user.session_epoch += 1
        session.flush()
        audit.append(session, actor, "sign_out_everywhere", f"user {user.id}", before={}, after={})


def _locked(session: Session, actor: Actor) -> User:
    return session.scalars(
        select(User)
        .where(User.id == actor.user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _snapshot(user: User) -> dict[str, str | None]:
    return {
        "name": user.name,
        "time_zone": user.time_zone,
        "theme": user.theme,
        "direct_messages": user.direct_messages.value,
    }
