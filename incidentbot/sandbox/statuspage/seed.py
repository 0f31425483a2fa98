"""The page a sandbox starts with. Its ids are stable, so configuration can name them."""

from __future__ import annotations

import time

from incidentbot.sandbox.statuspage.model import Account, Component, Page

PAGE = "acme00status"
SHOP, PLATFORM = "grp00000shop", "grp0platform"

# id, name, group, description; a group has no group and is marked by its id
_COMPONENTS = (
    (SHOP, "Shop", None, None),
    ("cmp000webshp", "Web shop", SHOP, "Browsing and searching the catalogue"),
    ("cmp0checkout", "Checkout", SHOP, "Baskets, orders and receipts"),
    ("cmp0payments", "Payments", SHOP, "Cards, refunds and invoices"),
    (PLATFORM, "Platform", None, None),
    ("cmp000000api", "API", PLATFORM, "The public REST API"),
    ("cmp0webhooks", "Webhooks", PLATFORM, None),
    ("cmp000search", "Search", PLATFORM, None),
    ("cmp00support", "Support", None, "Chat and e-mail"),
)


def default_account(now: float | None = None) -> Account:
    """One page, "Acme", with seven components in and beside two groups; all is well."""
    now = time.time() if now is None else now
    page = Page(
        id=PAGE,
        name="Acme",
        subdomain="acme",
        url="https://status.acme.example",
        page_description="How Acme's services are doing",
        created_at=now,
        updated_at=now,
    )
    places: dict[str | None, int] = {}
    for ident, name, group, description in _COMPONENTS:
        places[group] = places.get(group, 0) + 1
        page.components[ident] = Component(
            id=ident,
            name=name,
            created_at=now,
            updated_at=now,
            position=places[group],
            description=description,
            group=ident.startswith("grp"),
            group_id=group,
            start_date=time.strftime("%Y-%m-%d", time.gmtime(now)),
        )
    return Account(pages={PAGE: page})
