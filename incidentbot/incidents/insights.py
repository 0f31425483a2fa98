"""How incidents went, over a range of days: counts, times, cadence, open action items.

Cancelled incidents were false alarms and are left out everywhere. An incident belongs to the day on
which it was declared, in the viewer's time zone.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.audit.log import HEAD_ID
from incidentbot.audit.models import AuditHead
from incidentbot.database import snapshot
from incidentbot.incidents.insight_answers import Counted, Insights, Question
from incidentbot.incidents.insight_counts import Asked, count_all, waits
from incidentbot.users.actor import Actor, Door

_KEPT = 64  # answers, per database


def ask(session: Session, question: Question, viewer: Actor) -> Insights:
    """Return the answer, from what is kept when no command has changed anything since.

    Every change of anything appends to the audit log, so its head tells whether an answer still holds.
    """
    head = session.scalar(select(AuditHead.hash).where(AuditHead.id == HEAD_ID))
    sees_all = viewer.is_admin or viewer.door is Door.SYSTEM
    key = (head, question, None if sees_all else viewer.user_id)
    engine = session.get_bind().engine
    known = _known(engine, key)
    if known is None:
        known = _read(session, question, viewer)
        _keep(engine, key, known)
    return known.at(clock.now())


def read(session: Session, question: Question, viewer: Actor) -> Insights:
    """Return the answer, counted anew with a few queries, all of one moment."""
    return _read(session, question, viewer).at(clock.now())


def _read(session: Session, question: Question, viewer: Actor) -> Counted:
    """Count in a session of its own, and end what the caller's has read so far.

    A request that holds a connection while it asks for another would use up the pool together with
    others. What it has read stays read.
    """
    session.commit()
    with Session(session.get_bind()) as own, snapshot(own):
        asked = Asked(own, question, viewer)
        return Counted(count_all(asked), waits(asked))


_lock = Lock()
_answers: WeakKeyDictionary[Engine, OrderedDict[Any, Counted]] = WeakKeyDictionary()


def _known(engine: Engine, key: Any) -> Counted | None:
    with _lock:
        kept = _answers.setdefault(engine, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
        return kept.get(key)


def _keep(engine: Engine, key: Any, answer: Counted) -> None:
    with _lock:
        kept = _answers.setdefault(engine, OrderedDict())
        kept[key] = answer
        while len(kept) > _KEPT:
            kept.popitem(last=False)
