"""Action items: what an incident leaves to do, who does it, until when."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from incidentbot.incidents.change import Result, changing
from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.models import ActionItem, EventKind, Incident
from incidentbot.incidents.permissions import Action
from incidentbot.incidents.text import clean_line
from incidentbot.incidents.visibility import visible_to
from incidentbot.users.actor import Actor
from incidentbot.users.models import User

TEXT_LIMIT = 500


def list_action_items(session: Session, incident_id: int) -> Sequence[ActionItem]:
    """Return an incident's action items, in the order in which they were added."""
    return session.scalars(
        select(ActionItem).where(ActionItem.incident_id == incident_id).order_by(ActionItem.id)
    ).all()


def list_open_of(session: Session, viewer: Actor, limit: int = 100) -> Sequence[ActionItem]:
    """Return the open action items that `viewer` owns, what is due first in front."""
    return session.scalars(
        select(ActionItem)
        .join(Incident)
        .where(
            ActionItem.owner_id == viewer.user_id,
            ActionItem.done_at.is_(None),
            visible_to(viewer),
        )
        .order_by(ActionItem.due_on.is_(None), ActionItem.due_on, ActionItem.id)
        .options(joinedload(ActionItem.incident))
        .limit(limit)
    ).all()


def add_action_item(
    session: Session, reference: str, actor: Actor, text: str, owner_id: int | None, due: str = ""
) -> Result:
    """Add an action item. `due` is an ISO date or "". Raises InvalidInput for text, owner or due."""
    line = clean_line("text", text, TEXT_LIMIT)
    try:
        due_on = date.fromisoformat(due) if due else None
    except ValueError:
        raise InvalidInput("due", "Write the date as 2026-12-31.") from None
    with changing(session, reference, actor, Action.ADD_ACTION_ITEM) as change:
        owner = session.get(User, owner_id) if owner_id is not None else None
        if owner_id is not None and (owner is None or not owner.is_active):
            raise InvalidInput("owner", "Choose a person in the list.")
        session.add(
            ActionItem(
                incident_id=change.incident.id,
                text=line,
                owner=owner,
                due_on=due_on,
                created_at=change.now,
                created_by_id=actor.user_id,
            )
        )
        who_and_when = {
            "owner": owner.name if owner else None,
            "due": due_on.isoformat() if due_on else None,
        }
        change.details |= who_and_when
        change.tell(EventKind.ACTION_ITEM, line, {"change": "added", **who_and_when})
    return change.result("The action item is added.")


def finish_action_item(
    session: Session, reference: str, actor: Actor, item_id: int, *, done: bool = True
) -> Result:
    """Tick an action item off, or open it again; its owner may whatever their role. Raises NotFound."""
    owner_id = session.scalar(select(ActionItem.owner_id).where(ActionItem.id == item_id))
    is_own = owner_id is not None and owner_id == actor.user_id
    with changing(session, reference, actor, Action.FINISH_ACTION_ITEM, is_own=is_own) as change:
        item = session.get(ActionItem, item_id)
        if item is None or item.incident_id != change.incident.id:
            raise NotFound(f"{change.incident.reference} has no such action item.")
        if (item.done_at is not None) is done:
            change.nothing(f"That action item is {'done' if done else 'open'} already.")
        else:
            change.before["done"], change.details["done"] = not done, done
            item.done_at = change.now if done else None
            item.done_by_id = actor.user_id if done else None
            data = {"change": "done" if done else "opened again"}
            change.tell(EventKind.ACTION_ITEM, item.text, data, in_channel=False)
    return change.result(f"The action item is {'done' if done else 'open again'}.")
