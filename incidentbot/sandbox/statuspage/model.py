"""Status pages as data: components, incidents, updates. Times are unix seconds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_LETTERS = "0123456789bcdfghjklmnpqrstvwxyz"


def new_id() -> str:
    """An id such as Statuspage gives: twelve letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


@dataclass
class Component:
    """A part of the product, or (`group`) a heading over some of them."""

    id: str
    name: str
    created_at: float
    updated_at: float
    position: int = 1
    status: str = "operational"
    description: str | None = None
    group: bool = False
    group_id: str | None = None
    showcase: bool = True
    only_show_if_degraded: bool = False
    start_date: str | None = None


@dataclass
class Update:
    """One post in an incident. `affected` is what it said of each component."""

    id: str
    status: str
    body: str
    created_at: float
    updated_at: float
    display_at: float
    affected: list[Json] | None = None
    deliver_notifications: bool = True
    by_hand: bool = False


@dataclass
class Incident:
    """An incident or (with `scheduled_for`) a maintenance; its updates oldest first."""

    id: str
    name: str
    status: str
    created_at: float
    updated_at: float
    started_at: float
    impact: str = "none"
    impact_override: str | None = None
    component_ids: list[str] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    metadata: Json = field(default_factory=dict)
    monitoring_at: float | None = None
    resolved_at: float | None = None
    scheduled_for: float | None = None
    scheduled_until: float | None = None
    backfilled: bool = False
    flags: dict[str, bool] = field(default_factory=dict)

    @property
    def is_maintenance(self) -> bool:
        """Planned, rather than happened."""
        return self.scheduled_for is not None


@dataclass
class Page:
    """A status page. A deleted one is kept, so that a person can bring it back."""

    id: str
    name: str
    subdomain: str
    url: str
    created_at: float
    updated_at: float
    headline: str | None = None
    page_description: str | None = None
    time_zone: str = "UTC"
    components: dict[str, Component] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    deleted: bool = False

    def in_order(self, group_id: str | None = None) -> list[Component]:
        """The components of a group, or those at the top, in their order."""
        found = [c for c in self.components.values() if c.group_id == group_id]
        return sorted(found, key=lambda c: c.position)

    def newest_first(self) -> list[Incident]:
        """All incidents and maintenances."""
        return sorted(self.incidents.values(), key=lambda i: i.created_at, reverse=True)


@dataclass
class Account:
    """Everything that is saved. `key` is empty until a person has made a new one."""

    pages: dict[str, Page] = field(default_factory=dict)
    key: str = ""
