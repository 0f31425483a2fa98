"""Action items: what an incident leaves to do, who does it, until when."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from incidentbot.incidents.change import Result, changing
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotFound
from incidentbot.incidents.models import ActionItem, EventKind, Incident
from incidentbot.incidents.permissions import Action
from incidentbot.incidents.text import clean_line
from incidentbot.incidents.visibility import belongs_to, visible_to
from incidentbot.users.actor import Actor
from incidentbot.users.models import Role, User

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
    line, due_on = clean_line("text", text, TEXT_LIMIT), _read_date(due)
    with changing(session, reference, actor, Action.ADD_ACTION_ITEM) as change:
        item = ActionItem(
            incident_id=change.incident.id,
            text=line,
            owner=_owner(session, change.incident, owner_id),
            due_on=due_on,
            created_at=change.now,
            created_by_id=actor.user_id,
        )
        session.add(item)
        change.details |= _who_and_when(item)
        change.tell(EventKind.ACTION_ITEM, line, {"change": "added", **_who_and_when(item)})
    return change.result("The action item is added.")


def change_action_item(
    session: Session,
    reference: str,
    actor: Actor,
    item_id: int,
    text: str,
    owner_id: int | None,
    due: str = "",
) -> Result:
    """Change what an open action item says, who does it, and until when.

    Raises InvalidInput for text, owner or due, InvalidMove for one that is done, NotFound.
    """
    line, due_on = clean_line("text", text, TEXT_LIMIT), _read_date(due)
    with changing(session, reference, actor, Action.CHANGE_ACTION_ITEM) as change:
        item = _find(session, change.incident, item_id)
        if item.done_at is not None:
            raise InvalidMove("That action item is done. Open it again first.")
        before = {"text": item.text, **_who_and_when(item)}
        is_theirs = item.owner_id == owner_id
        if not is_theirs:  # else they may have left, and keep it until somebody takes it over
            item.owner = _owner(session, change.incident, owner_id)
        item.text, item.due_on = line, due_on
        after = {"text": line, **_who_and_when(item)}
        if after == before and is_theirs:
            change.nothing("The action item says that already.")
        else:
            change.before |= before
            change.details |= after
            data = {"change": "changed", **_who_and_when(item)}
            change.tell(EventKind.ACTION_ITEM, line, data, in_channel=not is_theirs)
    return change.result("The action item is changed.")


def finish_action_item(
    session: Session, reference: str, actor: Actor, item_id: int, *, done: bool = True
) -> Result:
    """Tick an action item off, or open it again; its owner may whatever their role. Raises NotFound."""
    owner_id = session.scalar(select(ActionItem.owner_id).where(ActionItem.id == item_id))
    is_own = owner_id is not None and owner_id == actor.user_id
    with changing(session, reference, actor, Action.FINISH_ACTION_ITEM, is_own=is_own) as change:
        item = _find(session, change.incident, item_id)
        if (item.done_at is not None) is done:
            change.nothing(f"That action item is {'done' if done else 'open'} already.")
        else:
            change.before["done"], change.details["done"] = not done, done
            item.done_at = change.now if done else None
            item.done_by_id = actor.user_id if done else None
            data = {"change": "done" if done else "opened again"}
            change.tell(EventKind.ACTION_ITEM, item.text, data, in_channel=False)
    return change.result(f"The action item is {'done' if done else 'open again'}.")


def _find(session: Session, incident: Incident, item_id: int) -> ActionItem:
    item = session.get(ActionItem, item_id)
    if item is None or item.incident_id != incident.id:
        raise NotFound(f"{incident.reference} has no such action item.")
    return item


def _owner(session: Session, incident: Incident, owner_id: int | None) -> User | None:
    """Return whose an action item becomes: somebody who may see its incident, or nobody."""
    if owner_id is None:
        return None
    owner = session.get(User, owner_id)
    if owner is None or not owner.is_active:
        raise InvalidInput("owner", "Choose a person in the list.")
    may_see = not incident.is_private or owner.role is Role.ADMIN
    if not (may_see or belongs_to(session, incident, owner.id)):
        raise InvalidInput(
            "owner", f"{owner.name} does not belong to this incident. Add them first."
        )
    return owner


def _read_date(due: str) -> date | None:
    try:
        return date.fromisoformat(due) if due else None
    except ValueError:
        raise InvalidInput("due", "Write the date as 2026-12-31.") from None


def _who_and_when(item: ActionItem) -> dict[str, str | None]:
    return {
        "owner": item.owner.name if item.owner else None,
        "due": item.due_on.isoformat() if item.due_on else None,
    }
