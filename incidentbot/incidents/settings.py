"""One change of a setting under way: who may, whether somebody else was quicker, the audit entry."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot.audit import log as audit
from incidentbot.audit.models import Outcome
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import AlreadyDone, Conflict, NotAllowed
from incidentbot.outbox.publish import wake
from incidentbot.users.actor import Actor

State = Mapping[str, Any]


class SettingChange:
    """What one change of a setting did: the subject of its audit entry, what was, and what is."""

    def __init__(self) -> None:
        self._done: tuple[str, State, State] | None = None

    def record(self, subject: str, before: State, after: State) -> None:
        """Say what was changed. What is as it was leaves no audit entry."""
        self._done = (subject, before, after) if before != after else None

    @property
    def done(self) -> tuple[str, State, State] | None:
        """Subject, before and after; None when nothing was changed."""
        return self._done


def require_admin(session: Session, actor: Actor, action: str) -> None:
    """Raise NotAllowed, and have it audited, for who is no admin."""
    if actor.is_admin:
        return
    refusal = NotAllowed("Only an admin can change the settings. Ask one of them.")
    with write_transaction(session):
        audit.append(
            session,
            actor,
            action,
            "settings",
            before={},
            after={},
            outcome=Outcome.REFUSED,
            reason=str(refusal),
        )
    raise refusal


@contextmanager
def changing_setting(session: Session, actor: Actor, action: str) -> Iterator[SettingChange]:
    """Run the block as one transaction that ends with the audit entry of what it recorded.

    Raises NotAllowed (audited too) for who is no admin, AlreadyDone when this very request made its
    change before, Conflict when somebody else added the same at the same moment.
    """
    require_admin(session, actor, action)
    try:
        with write_transaction(session):
            if audit.find_request(session, actor.request_id) is not None:
                raise AlreadyDone("That was done already.")
            change = SettingChange()
            yield change
            session.flush()
            if change.done is not None:
                subject, before, after = change.done
                audit.append(session, actor, action, subject, before=before, after=after)
    except IntegrityError:
        raise Conflict(
            "Somebody else changed the same at this moment. Look, and try again."
        ) from None
    wake(session)


def fingerprint(state: State) -> str:
    """Return what changes when anything of a setting does: a form keeps what its reader has seen."""
    text = json.dumps(state, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def require_unchanged(state: State, seen: str) -> None:
    """Raise Conflict when a setting is not any more what the person saw when they began."""
    if fingerprint(state) != seen:
        raise Conflict(
            "Somebody else changed this while you had it open. Below is what it says now, and what "
            "you typed; save again to have it your way."
        )
