"""What incidentbot relies on of Statuspage's API: every address, field and value, in this one place.

https://developer.statuspage.io. `tests/channels/statuspage/test_contract.py` holds the sandbox's
Statuspage to it. Left out on purpose: an incident's `components` map, which sets components as well.
A component's status has one writer here (`set_component`), so that what a person changed there by hand
is never overwritten by the way.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incidentbot.channels.statuspage.api import Refusal, StatuspageApi
from incidentbot.outbox.dispatch import Permanent
from incidentbot.status_pages.connection import SeenComponent
from incidentbot.status_pages.models import ComponentStatus

log = logging.getLogger(__name__)

PER_PAGE = 100
NAME_LIMIT = 255
METADATA_KEY = "incidentbot"


@dataclass(frozen=True)
class SeenIncident:
    """An incident or a maintenance as Statuspage shows it. `posts` are its updates, oldest first."""

    id: str
    name: str
    status: str
    impact_override: str
    created_at: datetime
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    component_ids: frozenset[str]
    marks: dict[str, Any]  # what we wrote into its metadata
    posts: tuple[tuple[str, str], ...]  # (status, body)


@dataclass(frozen=True)
class ComponentPage:
    """One page of components. `more` says that there may be another."""

    components: Sequence[SeenComponent]
    more: bool


def page_name(api: StatuspageApi) -> str:
    """Return what the page is called: the call that tries a key."""
    return str(api.call("GET", "").get("name") or "")


def components(api: StatuspageApi, page: int) -> ComponentPage:
    """Return one page of components, from 1. The headings over groups of them are left out.

    So is what cannot be read, with a line in the log: it must not keep us from all the others. Raises
    Permanent in words when the status page is gone.
    """
    try:
        answer = api.call("GET", f"/components?page={page}&per_page={PER_PAGE}")
    except Refusal as refusal:
        raise _gone(api, refusal, "the page", "") from None
    read = (_component(item) for item in answer if not item.get("group"))
    found = [component for component in read if component is not None]
    return ComponentPage(found, more=len(answer) == PER_PAGE)


def component(api: StatuspageApi, component_id: str) -> SeenComponent:
    """Return one component. Raises Permanent when it, or the page, is gone, or it cannot be read."""
    try:
        found = _component(api.call("GET", f"/components/{component_id}"))
    except Refusal as refusal:
        raise _gone(api, refusal, f"the component {component_id}", _MAP_AGAIN) from None
    if found is None:
        raise Permanent(
            f"Statuspage shows the component {component_id} in a way that this version of incidentbot "
            "does not know. Set it there to one of the usual states, or update incidentbot, then retry."
        )
    return found


def set_component(api: StatuspageApi, component_id: str, status: ComponentStatus) -> None:
    """Set a component's status. Raises Permanent when it, or the page, is gone."""
    body = {"component": {"status": status.value}}
    try:
        api.call("PATCH", f"/components/{component_id}", body)
    except Refusal as refusal:
        raise _gone(api, refusal, f"the component {component_id}", _MAP_AGAIN) from None


def incident(api: StatuspageApi, incident_id: str) -> SeenIncident | None:
    """Return one incident; None when it is not there any more. Raises Permanent when the page is gone."""
    found = incident_of_known_page(api, incident_id)
    if found is None:
        page_name_or_gone(api)
    return found


def incident_of_known_page(api: StatuspageApi, incident_id: str) -> SeenIncident | None:
    """Return one incident; None when it is not there. For who has just read the page: it is one call."""
    try:
        return _incident(api.call("GET", f"/incidents/{incident_id}"))
    except Refusal as refusal:
        if refusal.status != 404:
            raise
    return None


def page_name_or_gone(api: StatuspageApi) -> str:
    """Return the page's name. Raises Permanent in words when the page is gone."""
    try:
        return page_name(api)
    except Refusal as refusal:
        if refusal.status == 404:
            raise Permanent(
                f"The page {api.page_id} is not on Statuspage any more. "
                "Connect another page under Settings, Statuspage."
            ) from None
        raise


def unresolved(api: StatuspageApi) -> list[SeenIncident]:
    """Return the incidents that are not over."""
    return [_incident(item) for item in api.call("GET", "/incidents/unresolved")]


def find_incident(api: StatuspageApi, marks: dict[str, Any], since: datetime) -> str | None:
    """Return the id of the incident or maintenance that carries our `marks`, if it is there.

    `since` keeps apart those of an earlier installation that counted alike.
    """
    for path in ("/incidents/unresolved", f"/incidents?limit={PER_PAGE}"):
        for item in api.call("GET", path):
            found = _incident(item)
            if found.marks == marks and found.created_at >= since:
                return found.id
    return None


def open_incident(api: StatuspageApi, fields: dict[str, Any], marks: dict[str, Any]) -> str:
    """Open an incident or maintenance and return its id. Asked twice, Statuspage opens two."""
    body = {"incident": {**fields, "metadata": {METADATA_KEY: marks}}}
    try:
        answer = api.call("POST", "/incidents", body)
    except Refusal as refusal:
        raise _gone(api, refusal, "the page", "") from None
    return str(answer["id"])


def change_incident(api: StatuspageApi, incident_id: str, fields: dict[str, Any]) -> None:
    """Change an incident or maintenance; a `body` or another `status` posts an update."""
    api.call("PATCH", f"/incidents/{incident_id}", {"incident": fields})


def moment(value: datetime) -> str:
    """Return a time as Statuspage takes it."""
    return value.isoformat(timespec="seconds")


_MAP_AGAIN = "Map its service again under Settings, Statuspage."


def _gone(api: StatuspageApi, refusal: Refusal, what: str, remedy: str) -> Permanent:
    """Return the refusal in words that name what is not there any more."""
    if refusal.status != 404:
        return refusal
    page_name_or_gone(api)
    return Permanent(f"Statuspage does not know {what} any more. {remedy}".strip())


def _component(item: Any) -> SeenComponent | None:
    try:
        return SeenComponent(str(item["id"]), str(item["name"]), ComponentStatus(item["status"]))
    except (KeyError, TypeError, ValueError) as error:
        log.warning("a component on Statuspage cannot be read: %r", error)
        return None


def _incident(item: Any) -> SeenIncident:
    metadata = item.get("metadata")
    marks = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return SeenIncident(
        id=str(item["id"]),
        name=str(item["name"]),
        status=str(item["status"]),
        impact_override=str(item.get("impact_override") or ""),
        created_at=datetime.fromisoformat(item["created_at"]),
        scheduled_for=_time(item.get("scheduled_for")),
        scheduled_until=_time(item.get("scheduled_until")),
        component_ids=frozenset(str(component["id"]) for component in item.get("components") or ()),
        marks=marks if isinstance(marks, dict) else {},
        posts=tuple(_posts(item.get("incident_updates") or ())),
    )


def _posts(updates: Collection[Any]) -> Iterator[tuple[str, str]]:
    oldest_first = sorted(updates, key=lambda update: str(update.get("created_at")))
    for update in oldest_first:
        yield str(update["status"]), str(update.get("body") or "")


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
