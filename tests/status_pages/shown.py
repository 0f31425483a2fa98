"""A status page that is switched on, with services on it: what tests of it begin with."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from incidentbot.incidents.queries import get_incident
from incidentbot.incidents.settings import fingerprint
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import SeenComponent, state_of_mapping
from incidentbot.status_pages.preview import preview, tell_customers
from incidentbot.status_pages.settings import (
    PageFields,
    ServiceFields,
    get_page_settings,
    list_shown,
    save_page,
    save_services,
    state_of_page,
    state_of_services,
)
from incidentbot.users.actor import OPERATOR, Actor

TWO = {"payments": ("Card payments", "Shop"), "search": ("Product search", "")}


def switch_on(session: Session, **fields: Any) -> None:
    """Switch the page on; `fields` are those of the form."""
    seen = fingerprint(state_of_page(get_page_settings(session)))
    filled = PageFields(**{"is_on": True, "title": "Acme status", **fields})
    save_page(session, OPERATOR, filled, seen)


def show(session: Session, names: Mapping[str, tuple[str, str]] = TWO) -> dict[str, int]:
    """Show services by slug under a public name and group, and no others; return all ids by slug."""
    known = list_shown(session)
    fields = [
        ServiceFields(service.id, service.slug in names, *names.get(service.slug, ("", "")), str(n))
        for n, (service, _public) in enumerate(known)
    ]
    save_services(session, OPERATOR, fields, fingerprint(state_of_services(known)))
    return {service.slug: service.id for service, _public in known}


def map_components(
    session: Session, actor: Actor, components: Sequence[SeenComponent], choices: Mapping[str, str]
) -> int:
    """Have components follow services, as who has just looked at which they follow."""
    seen = fingerprint(state_of_mapping(session, choices))
    return connection.map_components(session, actor, components, choices, seen)


def tell(session: Session, reference: str, actor: Actor, text: str) -> None:
    """Tell customers of an incident, as who has just looked at what they would read."""
    seen = preview(session, get_incident(session, reference, actor), text).seen
    tell_customers(session, reference, actor, text, seen)
