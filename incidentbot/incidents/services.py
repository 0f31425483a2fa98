"""The services an admin edits: what breaks, and who is called when it does."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from incidentbot import database
from incidentbot.incidents.channel_names import slugify
from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.incidents.text import clean_line
from incidentbot.users.actor import Actor
from incidentbot.users.models import User

NAME_LIMIT = 100
SLUG_LIMIT = 60


def list_all_services(session: Session) -> Sequence[Service]:
    """Return every service with its owners, those in use first, then by name."""
    return session.scalars(
        select(Service)
        .order_by(Service.archived_at.is_not(None), func.lower(Service.name), Service.id)
        .options(selectinload(Service.owners))
    ).all()


def get_service(session: Session, service_id: int) -> Service:
    """Return one service, archived or not. Raises NotFound."""
    service = session.get(Service, service_id)
    if service is None:
        raise NotFound("There is no such service.")
    return service


def state_of_service(service: Service) -> dict[str, Any]:
    """Return what the audit log keeps of a service, and what an edit may run into."""
    return {
        "name": service.name,
        "slug": service.slug,
        "owners": sorted(owner.id for owner in service.owners),
        "archived": service.archived_at is not None,
    }


def add_service(session: Session, actor: Actor, name: str, owner_ids: Collection[int]) -> Service:
    """Add a service; its slug is made of the name and stays. Raises InvalidInput for name or owners."""
    line = clean_line("name", name, NAME_LIMIT)
    with changing_setting(session, actor, "add_service") as change:
        slug = slugify(line)[:SLUG_LIMIT].rstrip("-") or _next_slug(session)
        if session.scalars(select(Service.id).where(Service.slug == slug)).first() is not None:
            raise InvalidInput("name", "There is a service of this name, perhaps an archived one.")
        service = Service(name=line, slug=slug, owners=_owners(session, owner_ids, []))
        session.add(service)
        session.flush()
        change.record(f"service {service.id}", {}, state_of_service(service))
    return service


def edit_service(
    session: Session,
    service_id: int,
    actor: Actor,
    name: str,
    owner_ids: Collection[int],
    seen: str,
) -> Service:
    """Rename a service and set its owners. Raises InvalidInput, Conflict, NotFound.

    The slug stays: incidents' channels and links are named after it.
    """
    line = clean_line("name", name, NAME_LIMIT)
    with changing_setting(session, actor, "edit_service") as change:
        service = _lock(session, service_id)
        before = state_of_service(service)
        require_unchanged(before, seen)
        service.name = line
        service.owners = _owners(session, owner_ids, service.owners)
        change.record(f"service {service.id}", before, state_of_service(service))
    return service


def archive_service(
    session: Session, service_id: int, actor: Actor, *, archived: bool = True
) -> Service:
    """Offer a service no longer, or again. What is so already stays so. Raises NotFound."""
    action = "archive_service" if archived else "unarchive_service"
    with changing_setting(session, actor, action) as change:
        service = _lock(session, service_id)
        before = state_of_service(service)
        if before["archived"] is not archived:
            service.archived_at = database.now(session) if archived else None
        change.record(f"service {service.id}", before, state_of_service(service))
    return service


def _lock(session: Session, service_id: int) -> Service:
    service = session.scalars(
        select(Service)
        .where(Service.id == service_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if service is None:
        raise NotFound("There is no such service.")
    return service


def _owners(session: Session, owner_ids: Collection[int], before: Collection[User]) -> list[User]:
    """Return these people. Somebody who has left may stay an owner, but is not made one."""
    users = session.scalars(select(User).where(User.id.in_(set(owner_ids))).order_by(User.id)).all()
    if len(users) != len(set(owner_ids)) or not all(u.is_active or u in before for u in users):
        raise InvalidInput("owners", "Choose people in the list.")
    return list(users)


def _next_slug(session: Session) -> str:
    """Return a slug for a name that has no letter of ours in it."""
    return f"service-{(session.scalar(select(func.max(Service.id))) or 0) + 1}"
