"""The manage API's endpoints: which request does what, once the key has been checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from incidentbot.sandbox.statuspage import components, incidents
from incidentbot.sandbox.statuspage.arguments import Fields, page_of
from incidentbot.sandbox.statuspage.errors import not_found
from incidentbot.sandbox.statuspage.model import Account, Incident, Json, Page
from incidentbot.sandbox.statuspage.present import (
    component_json,
    group_json,
    incident_json,
    page_json,
    update_json,
)
from incidentbot.sandbox.statuspage.rules import maintenances, unresolved


@dataclass(frozen=True)
class Call:
    """One request. The account is held under the store's lock; `ids` are the address's parts."""

    account: Account
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    now: float
    base_url: str

    @property
    def page(self) -> Page:
        """The page in the address. Raises ApiError 404 when it is not there, or deleted."""
        return page_at(self.account, self.ids["page"])

    def shown(self, incident: Incident) -> Json:
        """An incident as it is answered."""
        return incident_json(self.page, incident, self.base_url)

    def listed(self, found: list[Incident], size: str = "per_page") -> list[Json]:
        """The page of those incidents that the request asks for."""
        return [self.shown(incident) for incident in page_of(found, self.query, size)]


Answer = tuple[int, Any]


def page_at(account: Account, page_id: str) -> Page:
    """A page that is there. Raises ApiError 404 otherwise."""
    page = account.pages.get(page_id)
    if page is None or page.deleted:
        raise not_found()
    return page


def run(call: Callable[[Call], Answer], given: Call) -> Answer:
    """Let the clock move what moves by itself, then answer."""
    for page in given.account.pages.values():
        incidents.advance(page, given.now)
    return call(given)


def match(verb: str, path: str) -> tuple[Callable[[Call], Answer], dict[str, str]] | None:
    """The endpoint for a request, and the ids in its address; None when there is none."""
    parts = path.removesuffix(".json").strip("/").split("/")
    for verbs, pattern, call in _ENDPOINTS:
        wanted = pattern.split("/")
        if verb not in verbs.split() or len(wanted) != len(parts):
            continue
        pairs = list(zip(wanted, parts, strict=True))
        if all(part and (w.startswith("<") or w == part) for w, part in pairs):
            return call, {w[1:-1]: part for w, part in pairs if w.startswith("<")}
    return None


def _pages(call: Call) -> Answer:
    return 200, [page_json(p) for p in call.account.pages.values() if not p.deleted]


def _page(call: Call) -> Answer:
    return 200, page_json(call.page)


def _change_page(call: Call) -> Answer:
    fields = Fields.of(call.body, "page")
    name, url = fields.text("name", needed="name" in fields.values), fields.text("url")
    headline, about = fields.text("headline"), fields.text("page_description", 5000)
    fields.end()
    page = call.page
    page.name, page.url = name or page.name, url or page.url
    page.headline, page.page_description = (
        headline or page.headline,
        about or page.page_description,
    )
    page.updated_at = call.now
    return 200, page_json(page)


def _components(call: Call) -> Answer:
    found = page_of(components.listed(call.page), call.query)
    return 200, [component_json(call.page, component) for component in found]


def _component(call: Call) -> Answer:
    return 200, component_json(call.page, components.find(call.page, call.ids["component"]))


def _create_component(call: Call) -> Answer:
    made = components.create(call.page, call.body, call.now)
    return 201, component_json(call.page, made)


def _change_component(call: Call) -> Answer:
    component = components.find(call.page, call.ids["component"])
    components.change(call.page, component, call.body, call.now)
    return 200, component_json(call.page, component)


def _delete_component(call: Call) -> Answer:
    components.remove(call.page, components.find(call.page, call.ids["component"]), call.now)
    return 204, None


def _groups(call: Call) -> Answer:
    groups = [c for c in call.page.in_order() if c.group]
    return 200, [group_json(call.page, group) for group in page_of(groups, call.query)]


def _group(call: Call) -> Answer:
    found = components.find(call.page, call.ids["group"], group=True)
    return 200, group_json(call.page, found)


def _create_group(call: Call) -> Answer:
    made = components.create_group(call.page, call.body, call.now)
    return 201, group_json(call.page, made)


def _change_group(call: Call) -> Answer:
    group = components.find(call.page, call.ids["group"], group=True)
    components.change_group(call.page, group, call.body, call.now)
    return 200, group_json(call.page, group)


def _delete_group(call: Call) -> Answer:
    group = components.find(call.page, call.ids["group"], group=True)
    shown = group_json(call.page, group)
    components.remove(call.page, group, call.now)
    return 200, shown


def _incidents(call: Call) -> Answer:
    words = call.query.get("q", "")
    found = incidents.search(call.page, words) if words else call.page.newest_first()
    return 200, call.listed(found, "limit")


def _unresolved(call: Call) -> Answer:
    return 200, call.listed(unresolved(call.page))


def _planned(*statuses: str) -> Callable[[Call], Answer]:
    return lambda call: (200, call.listed(maintenances(call.page, *statuses)))


def _incident(call: Call) -> Answer:
    return 200, call.shown(incidents.find(call.page, call.ids["incident"]))


def _create_incident(call: Call) -> Answer:
    return 201, call.shown(incidents.create(call.page, call.body, call.now))


def _change_incident(call: Call) -> Answer:
    incident = incidents.find(call.page, call.ids["incident"])
    return 200, call.shown(incidents.change(call.page, incident, call.body, call.now))


def _delete_incident(call: Call) -> Answer:
    return 200, call.shown(incidents.remove(call.page, call.ids["incident"], call.now))


def _change_update(call: Call) -> Answer:
    incident = incidents.find(call.page, call.ids["incident"])
    changed = incidents.change_update(incident, call.ids["update"], call.body, call.now)
    return 200, update_json(incident, changed)


_PAGE = "pages/<page>"
_ENDPOINTS: tuple[tuple[str, str, Callable[[Call], Answer]], ...] = (
    ("GET", "pages", _pages),
    ("GET", _PAGE, _page),
    ("PATCH PUT", _PAGE, _change_page),
    ("GET", f"{_PAGE}/components", _components),
    ("POST", f"{_PAGE}/components", _create_component),
    ("GET", f"{_PAGE}/components/<component>", _component),
    ("PATCH PUT", f"{_PAGE}/components/<component>", _change_component),
    ("DELETE", f"{_PAGE}/components/<component>", _delete_component),
    ("GET", f"{_PAGE}/component-groups", _groups),
    ("POST", f"{_PAGE}/component-groups", _create_group),
    ("GET", f"{_PAGE}/component-groups/<group>", _group),
    ("PATCH PUT", f"{_PAGE}/component-groups/<group>", _change_group),
    ("DELETE", f"{_PAGE}/component-groups/<group>", _delete_group),
    ("GET", f"{_PAGE}/incidents", _incidents),
    ("POST", f"{_PAGE}/incidents", _create_incident),
    ("GET", f"{_PAGE}/incidents/unresolved", _unresolved),
    ("GET", f"{_PAGE}/incidents/upcoming", _planned("scheduled")),
    ("GET", f"{_PAGE}/incidents/scheduled", _planned("scheduled", "in_progress", "verifying")),
    ("GET", f"{_PAGE}/incidents/active_maintenance", _planned("in_progress", "verifying")),
    ("GET", f"{_PAGE}/incidents/<incident>", _incident),
    ("PATCH PUT", f"{_PAGE}/incidents/<incident>", _change_incident),
    ("DELETE", f"{_PAGE}/incidents/<incident>", _delete_incident),
    ("PATCH PUT", f"{_PAGE}/incidents/<incident>/incident_updates/<update>", _change_update),
)
