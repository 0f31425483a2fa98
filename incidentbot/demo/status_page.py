"""The demo's status page: which services customers see, what they are told, work that is planned."""

from datetime import timedelta

from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.settings import fingerprint
from incidentbot.status_pages.maintenance import MaintenanceFields, schedule
from incidentbot.status_pages.models import Publication
from incidentbot.status_pages.rules import default_rule, edit_rule, rules_by_severity, texts_of
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
from incidentbot.users.actor import Actor

# slug of the service -> its public name, the group it stands in
_PUBLIC = {
    "payments": ("Card payments", "Shop"),
    "checkout": ("Checkout", "Shop"),
    "search": ("Search", "Shop"),
    "orders": ("Orders", "Shop"),
    "accounts": ("Sign-in and accounts", ""),
    "mobile": ("Mobile apps", ""),
    "website": ("Website", ""),
}


def open_status_page(session: Session, admin: Actor) -> None:
    """Switch the page on, name the services for customers, and tell them of P1 and P2 by itself."""
    page = PageFields(
        is_on=True,
        title="Acme status",
        about="How Acme's services are doing. We write here as soon as we know something.",
        time_zone="Europe/Berlin",
    )
    save_page(session, admin, page, fingerprint(state_of_page(get_page_settings(session))))
    shown = list_shown(session)
    fields = [
        ServiceFields(
            service.id,
            is_shown=service.slug in _PUBLIC,
            name=_PUBLIC.get(service.slug, ("", ""))[0],
            group=_PUBLIC.get(service.slug, ("", ""))[1],
            position=str(number),
        )
        for number, (service, _public) in enumerate(shown)
    ]
    save_services(session, admin, fields, fingerprint(state_of_services(shown)))
    rules = rules_by_severity(session)
    for severity in (Severity.P1, Severity.P2):
        now = texts_of(rules[severity])
        wanted = texts_of(default_rule(severity)) | {"publication": Publication.AUTOMATIC.value}
        edit_rule(session, admin, severity, wanted, fingerprint(now))


def plan_work(session: Session, admin: Actor) -> None:
    """Schedule a maintenance for the night after tomorrow."""
    begin = (clock.now() + timedelta(days=2)).replace(hour=22, minute=0, second=0, microsecond=0)
    shop = [service.id for service, public in list_shown(session) if public and public.group_name]
    schedule(
        session,
        admin,
        MaintenanceFields(
            title="New version of the shop's database",
            body="The shop may be slow for some minutes. Orders are kept.",
            starts_at=begin,
            ends_at=begin + timedelta(hours=2),
            service_ids=frozenset(shop),
        ),
    )
