"""Components and their groups: changed, made, taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incidentbot.sandbox.statuspage.arguments import Fields
from incidentbot.sandbox.statuspage.errors import bad_request, not_found
from incidentbot.sandbox.statuspage.model import Component, Page, new_id
from incidentbot.sandbox.statuspage.rules import COMPONENT_STATUSES


def find(page: Page, component_id: str, *, group: bool = False) -> Component:
    """A component of that page, or only a group. Raises ApiError 404 when there is none."""
    found = page.components.get(component_id)
    if found is None or (group and not found.group):
        raise not_found()
    return found


def listed(page: Page) -> list[Component]:
    """All components in the page's order, each group before what is in it."""
    found: list[Component] = []
    for component in page.in_order():
        found += [component, *(page.in_order(component.id) if component.group else ())]
    return found


def create(page: Page, body: Mapping[str, Any], now: float) -> Component:
    """Add a component. Raises ApiError 400 or 422; nothing has changed then."""
    fields = Fields.of(body, "component")
    component = Component(new_id(), "", now, now)
    _write(page, component, fields, now)
    component.position = len(page.in_order(component.group_id)) + 1
    page.components[component.id] = component
    return component


def change(page: Page, component: Component, body: Mapping[str, Any], now: float) -> Component:
    """Change some of a component's fields. Raises ApiError 400 or 422, as above."""
    _write(page, component, Fields.of(body, "component"), now)
    return component


def remove(page: Page, component: Component, now: float) -> None:
    """Take a component or a group away; what was in the group stays, at the top."""
    for child in page.in_order(component.id):
        child.group_id = None
        child.position = len(page.in_order())
    del page.components[component.id]
    for incident in page.incidents.values():
        incident.component_ids = [key for key in incident.component_ids if key != component.id]
    page.updated_at = now


def create_group(page: Page, body: Mapping[str, Any], now: float) -> Component:
    """Put components under a new heading. Raises ApiError 400 or 422."""
    group = Component(new_id(), "", now, now, group=True)
    _write_group(page, group, body, now)
    page.components[group.id] = group
    return group


def change_group(page: Page, group: Component, body: Mapping[str, Any], now: float) -> Component:
    """Rename a group or say anew what is in it. Raises ApiError 400 or 422."""
    _write_group(page, group, body, now)
    return group


def _write(page: Page, component: Component, fields: Fields, now: float) -> None:
    is_new = not component.name
    name = fields.text("name", needed=is_new or "name" in fields.values)
    status = fields.choice("status", COMPONENT_STATUSES)
    description, start = fields.text("description", 5000), fields.text("start_date", 10)
    group_id = fields.values.get("group_id")
    if group_id not in (None, "", "null"):
        group = page.components.get(str(group_id))
        if group is None or not group.group:
            fields.complain("Group is invalid")
    if status and component.group:
        fields.complain("Status can't be set on a group")
    fields.end()
    component.name = name.strip() or component.name
    component.status = status or component.status
    if "description" in fields.values:
        component.description = description or None
    if "group_id" in fields.values and not component.group:
        component.group_id = str(group_id) if group_id not in (None, "", "null") else None
    component.start_date = start or component.start_date
    component.showcase = fields.flag("showcase", component.showcase)
    component.only_show_if_degraded = fields.flag(
        "only_show_if_degraded", component.only_show_if_degraded
    )
    component.updated_at = page.updated_at = now


def _write_group(page: Page, group: Component, body: Mapping[str, Any], now: float) -> None:
    fields = Fields.of(body, "component_group")
    is_new = not group.name
    name = fields.text("name", needed=is_new or "name" in fields.values)
    ids = fields.words("components")
    if is_new and ids is None and not fields.wrong:
        raise bad_request("component_group[components] is missing")
    for key in ids or ():
        component = page.components.get(key)
        if component is None or component.group:
            fields.complain(f"Components contains no component of this page: {key}")
    fields.end()
    group.name = name.strip() or group.name
    if isinstance(body.get("description"), str):
        group.description = body["description"] or None
    if is_new:
        group.position = len(page.in_order()) + 1
    if ids is not None:
        for child in page.in_order(group.id):
            child.group_id = None
        for place, key in enumerate(ids, 1):
            page.components[key].group_id, page.components[key].position = group.id, place
    group.updated_at = page.updated_at = now
