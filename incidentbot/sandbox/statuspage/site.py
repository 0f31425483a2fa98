"""The page as customers see it, and the panel of the person who runs it. No script needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from incidentbot.sandbox.control.guard import only_from_here
from incidentbot.sandbox.page import add_headers
from incidentbot.sandbox.runtime import Sandbox, the_sandbox
from incidentbot.sandbox.statuspage import components, incidents
from incidentbot.sandbox.statuspage.errors import ApiError, invalid, not_found
from incidentbot.sandbox.statuspage.model import Incident, Json, Page
from incidentbot.sandbox.statuspage.rules import (
    COMPONENT_STATUSES,
    IMPACTS,
    OVER,
    REALTIME,
    SCHEDULED,
    maintenances,
    overall,
    status_of,
    unresolved,
)

blueprint = Blueprint("statuspage_site", __name__, url_prefix="/statuspage")
blueprint.before_request(only_from_here)

_DAYS, _CALLS = 7, 25
# What one mostly wants to try: a label, and the fault it stands for.
_FAULTS: tuple[tuple[str, Json], ...] = (
    ("429 to every call", {"kind": "rate_limited", "retry_after": 5}),
    ("503 to every call", {"kind": "server_error", "status": 503}),
    ("The next change is made, its answer lost", {"kind": "drop", "method": "P*", "count": 1}),
    ("No answer for 60 s, no effect", {"kind": "hang_before"}),
    ("2 s slower", {"kind": "latency", "ms": 2000}),
    ("The key is refused", {"kind": "token_revoked"}),
)


@blueprint.after_request
def headers(response: Response) -> Response:
    """Those of the sandbox's page; but its own forms must say where they come from."""
    response = add_headers(response)
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def words(status: str) -> str:
    """`partial_outage` as people read it."""
    return status.replace("_", " ").capitalize()


def moment(when: float) -> str:
    """A moment as the page writes it: `25 Nov 2026, 13:40 UTC`."""
    return f"{datetime.fromtimestamp(when, UTC):%d %b %Y, %H:%M} UTC"


def clock(when: float) -> str:
    """The time of day, to the second, in UTC."""
    return f"{datetime.fromtimestamp(when, UTC):%H:%M:%S}"


def machine_time(when: float) -> str:
    """The same for `datetime` attributes."""
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%SZ}"


@blueprint.context_processor
def _helpers() -> dict[str, Any]:
    return {
        "words": words,
        "moment": moment,
        "machine_time": machine_time,
        "clock": clock,
        "OVER": OVER,
    }


@blueprint.errorhandler(ApiError)
def not_there(refused: ApiError) -> tuple[str, int]:
    """There is nothing at that address, or not any more."""
    return render_template("statuspage/gone.html"), refused.status


@blueprint.get("/")
def first_page() -> AnyResponse:
    """To the first page that is there, or else to the panel that can bring one back."""
    with the_sandbox().store.read():
        pages = list(the_sandbox().store.statuspage.pages.values())
    there = next((page for page in pages if not page.deleted), None)
    if there is None:
        return redirect(url_for(".operate", page_id=pages[0].id))
    return redirect(url_for(".view", page_id=there.id))


@blueprint.get("/pages/<page_id>")
def view(page_id: str) -> str:
    """The page: overall state, open incidents, components, maintenance, the last days."""
    box = the_sandbox()
    with box.store.read():
        page = _page(box, page_id)
        indicator, said = overall(page)
        return render_template(
            "statuspage/page.html",
            page=page,
            indicator=indicator,
            said=said,
            open_incidents=unresolved(page),
            under_way=maintenances(page, "in_progress", "verifying"),
            upcoming=maintenances(page, "scheduled"),
            sections=_sections(page),
            days=_days(page, time.time()),
        )


@blueprint.get("/pages/<page_id>/incidents/<incident_id>")
def incident(page_id: str, incident_id: str) -> str:
    """One incident with all its updates."""
    box = the_sandbox()
    with box.store.read():
        page = _page(box, page_id)
        found = incidents.find(page, incident_id)
        return render_template("statuspage/incident.html", page=page, incident=found)


@blueprint.get("/pages/<page_id>/history")
def history(page_id: str) -> str:
    """All incidents and maintenances, by month."""
    box = the_sandbox()
    with box.store.read():
        page = _page(box, page_id)
        months: dict[str, list[Incident]] = {}
        for found in page.newest_first():
            month = f"{datetime.fromtimestamp(found.started_at, UTC):%B %Y}"
            months.setdefault(month, []).append(found)
        return render_template("statuspage/history.html", page=page, months=months)


@blueprint.get("/pages/<page_id>/operate")
def operate(page_id: str) -> str:
    """The panel: what a person does on Statuspage itself."""
    return _panel(the_sandbox(), page_id)


@blueprint.post("/pages/<page_id>/operate/<deed>")
def do(page_id: str, deed: str) -> AnyResponse | tuple[str, int]:
    """Do one thing by hand, and show the panel again; with the reason when it cannot be."""
    box = the_sandbox()
    if deed not in _DEEDS:
        raise not_found()
    try:
        with box.store.change():
            page = box.store.statuspage.pages.get(page_id)
            if page is None:
                raise not_found()
            _DEEDS[deed](box, page, request.form)
    except ApiError as refused:
        if refused.status == 404:
            raise
        return _panel(box, page_id, refused.words, request.form), refused.status
    return redirect(url_for(".operate", page_id=page_id, done=deed))


def _page(box: Sandbox, page_id: str) -> Page:
    page = box.store.statuspage.pages.get(page_id)
    if page is None or page.deleted:
        raise not_found()
    if incidents.advance(page, time.time()):
        box.store.touch()
    return page


def _sections(page: Page) -> list[Json]:
    """Components as they are listed: a group with what is in it, or one by itself."""
    return [
        {
            "component": c,
            "status": status_of(page, c),
            "children": page.in_order(c.id) if c.group else [],
        }
        for c in page.in_order()
        if not c.group or page.in_order(c.id)
    ]


def _days(page: Page, now: float) -> list[tuple[str, list[Incident]]]:
    """The last days, newest first, each with what began on it and is over."""
    today = datetime.fromtimestamp(now, UTC)
    days = [f"{today - timedelta(days=back):%d %b %Y}" for back in range(_DAYS)]
    over = [i for i in page.newest_first() if i.status in OVER]
    began = {i.id: f"{datetime.fromtimestamp(i.started_at, UTC):%d %b %Y}" for i in over}
    return [(day, [i for i in over if began[i.id] == day]) for day in days]


def _panel(
    box: Sandbox, page_id: str, problem: str = "", typed: Mapping[str, str] | None = None
) -> str:
    with box.store.read():
        page = box.store.statuspage.pages.get(page_id)
        if page is None:
            raise not_found()
        return render_template(
            "statuspage/operate.html",
            page=page,
            key=box.statuspage_key,
            api_url=f"{box.base_url}/statuspage/v1",
            limited=box.knobs.statuspage_limited,
            faults=[f for f in box.faults.listed() if f["service"] == "statuspage"],
            offered=[label for label, _ in _FAULTS],
            calls=box.statuspage_calls.listed(last=_CALLS)[::-1],
            sections=_sections(page),
            open_incidents=[i for i in page.newest_first() if i.status not in OVER],
            component_statuses=COMPONENT_STATUSES,
            realtime=REALTIME,
            scheduled=SCHEDULED,
            impacts=[impact for impact in IMPACTS if impact != "maintenance"],
            problem=problem,
            typed=typed or {},
            done=_SAID.get(request.args.get("done", ""), "") if not problem else "",
        )


Form = Mapping[str, str]


def _change_components(_box: Sandbox, page: Page, form: Form) -> None:
    for component in list(page.components.values()):
        status = form.get(f"status {component.id}", component.status)
        if not component.group and status != component.status:
            body = {"component": {"status": status}}
            components.change(page, component, body, time.time())


def _open(_box: Sandbox, page: Page, form: Form) -> None:
    planned = form.get("planned") == "yes"
    names = ("scheduled_for", "scheduled_until") if planned else ("impact_override",)
    wish: Json = {name: form.get(name, "") for name in ("name", "body", *names)}
    if planned:
        wish |= dict.fromkeys(_AUTOMATIC, True)
        wish["component_ids"] = [key.split()[1] for key in form if key.startswith("about ")]
        if not wish["scheduled_for"]:
            raise invalid("Scheduled for can't be blank")
    else:
        wish["status"] = form.get("status", "")
        wish["components"] = {
            key.split()[1]: state for key, state in form.items() if key.startswith("becomes ")
        }
    incidents.create(page, {"incident": wish}, time.time(), by_hand=True)


_AUTOMATIC = (
    "scheduled_auto_in_progress",
    "scheduled_auto_completed",
    "auto_transition_to_maintenance_state",
    "auto_transition_to_operational_state",
)


def _update(_box: Sandbox, page: Page, form: Form) -> None:
    found = incidents.find(page, form.get("incident", ""))
    wish: Json = {"status": form.get("status", ""), "body": form.get("body", "")}
    if form.get("well") == "yes":
        wish["components"] = dict.fromkeys(found.component_ids, "operational")
    if not wish["body"] and wish["status"] == found.status:
        raise invalid("Write what customers should read, or choose another status")
    incidents.change(page, found, {"incident": wish}, time.time(), by_hand=True)


def _remove(_box: Sandbox, page: Page, form: Form) -> None:
    incidents.remove(page, form.get("incident", ""), time.time())


def _key(box: Sandbox, _page: Page, _form: Form) -> None:
    box.new_statuspage_key()


def _delete(_box: Sandbox, page: Page, _form: Form) -> None:
    page.deleted = True


def _restore(_box: Sandbox, page: Page, _form: Form) -> None:
    page.deleted = False


def _reset(box: Sandbox, _page: Page, _form: Form) -> None:
    box.statuspage_calls.clear()
    box.store.reset_statuspage()


def _fault(box: Sandbox, _page: Page, form: Form) -> None:
    wish = dict(_FAULTS).get(form.get("fault", ""))
    if wish is None:
        raise invalid("There is no such fault")
    box.faults.add({**wish, "service": "statuspage"})


def _heal(box: Sandbox, _page: Page, _form: Form) -> None:
    for fault in box.faults.listed():
        if fault["service"] == "statuspage":
            box.faults.clear(fault["id"])


def _limit(box: Sandbox, _page: Page, _form: Form) -> None:
    box.knobs = box.knobs.changed({"statuspage_limited": not box.knobs.statuspage_limited})


_DEEDS: dict[str, Callable[[Sandbox, Page, Form], None]] = {
    "components": _change_components,
    "open": _open,
    "update": _update,
    "remove": _remove,
    "key": _key,
    "delete": _delete,
    "restore": _restore,
    "reset": _reset,
    "fault": _fault,
    "heal": _heal,
    "limit": _limit,
}
_SAID = {
    "components": "The components are changed.",
    "open": "It is on the page.",
    "update": "The update is on the page.",
    "remove": "It is gone from the page.",
    "key": "There is a new key. The old one is refused from now on.",
    "delete": "The page is deleted. To the API it is not there any more.",
    "restore": "The page is back.",
    "reset": "The page is as it was in the beginning.",
    "fault": "Calls of the API go wrong from now on.",
    "heal": "Calls of the API go right again.",
    "limit": "The rate limit is switched.",
}
