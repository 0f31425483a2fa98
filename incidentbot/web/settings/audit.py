"""The audit log: read it, filter it, take it along, and prove that nobody changed it."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_login import current_user
from werkzeug.wrappers import Response as WerkzeugResponse

from incidentbot.audit import checks
from incidentbot.audit.models import AuditEntry, Outcome
from incidentbot.audit.queries import (
    Filter,
    count_entries,
    iterate_entries,
    list_actions,
    list_entries,
)
from incidentbot.extensions import db
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.queries import read_reference
from incidentbot.users.candidates import Among, candidate, find_person, offer
from incidentbot.users.people import get_user
from incidentbot.web.audit_words import in_words
from incidentbot.web.csv_files import csv_line
from incidentbot.web.people import written
from incidentbot.web.requests import number
from incidentbot.web.zones import own_zone, zone_of

blueprint = Blueprint("audit", __name__, url_prefix="/settings/audit")

COLUMNS = (
    "seq",
    "at",
    "actor_id",
    "actor_name",
    "actor_role",
    "door",
    "origin",
    "action",
    "subject",
    "outcome",
    "override",
    "reason",
    "before",
    "after",
    "previous_hash",
    "hash",
)
_FIELDS = ("who", "action", "subject", "outcome", "override", "from", "to")


@blueprint.get("")
def index() -> str:
    """List the log, the newest first, as filtered. For admins."""
    session = db.session()
    wanted, errors = _wanted()
    page = list_entries(session, wanted, number(request.args.get("before")))
    who = get_user(session, wanted.actor_id) if wanted.actor_id is not None else None
    return render_template(
        "settings/audit.html",
        entries=in_words(session, page.entries),
        next_before=page.next_before,
        chosen=_chosen() | ({"who": candidate(who).label} if who else {}),
        applied=_applied(wanted, errors),
        errors={field: f"{reason} It is left out here." for field, reason in errors.items()},
        offered=offer(session, Among.ACCOUNTS),
        actions=list_actions(session),
        outcomes=tuple(Outcome),
        count=count_entries(session),
        zone=_zone(),
        **_verification(),
    )


@blueprint.post("/verify")
def verify() -> str | WerkzeugResponse:
    """Have the whole log looked through for tampering, in the background. For admins."""
    checks.ask(db.session())
    if not request.headers.get("HX-Request"):
        return redirect(url_for("audit.index"))
    return render_template("settings/_verified.html", **_verification())


@blueprint.get("/verification")
def verification() -> str:
    """Show how far the look through the log is, and what came of the last. For admins."""
    return render_template("settings/_verified.html", **_verification())


def _verification() -> dict[str, Any]:
    """Return the look that is under way, whether it moves, and the last that came to its end."""
    session = db.session()
    check = checks.newest(session)
    if check is None or check.finished_at is not None:
        return {"under_way": None, "moves": False, "check": check}
    return {
        "under_way": check,
        "moves": checks.is_under_way(session, check),
        "check": checks.newest(session, finished=True),
    }


@blueprint.get("/export.csv")
def export_csv() -> Response:
    """Send what the filter leaves as CSV, the oldest first. For admins."""
    return _export(_csv, "text/csv; charset=utf-8", "csv")


@blueprint.get("/export.jsonl")
def export_json() -> Response:
    """Send what the filter leaves, a JSON object a line, the oldest first. For admins."""
    return _export(_json_lines, "application/x-ndjson", "jsonl")


def _export(lines: Any, kind: str, ending: str) -> Response:
    wanted, errors = _wanted()
    for field, reason in errors.items():
        raise InvalidInput(field, reason)  # else the file would hold more than was asked for
    entries = iterate_entries(db.session(), wanted)
    response = Response(stream_with_context(lines(entries)), mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="audit-log.{ending}"'
    return response


def _csv(entries: Iterator[AuditEntry]) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for entry in entries:
        found = _columns(entry)
        yield csv_line(
            json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
            for value in found.values()
        )


def _json_lines(entries: Iterator[AuditEntry]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(_columns(entry)) + "\n"


def _columns(entry: AuditEntry) -> dict[str, Any]:
    found = {name: getattr(entry, name) for name in COLUMNS}
    return found | {"at": entry.at.isoformat(), "outcome": entry.outcome.value}


def _chosen() -> dict[str, str]:
    """Return the filter as it is in the address, without what is not filled in.

    With days it says whose they are, so that a link to it means the same to others.
    """
    found = {name: request.args.get(name, "") for name in _FIELDS}
    found["who"] = written(request.args, "who")
    chosen = {name: value for name, value in found.items() if value}
    zone = _zone()
    if {"from", "to"} & chosen.keys() and zone != "UTC" and not own_zone(current_user):
        chosen["zone"] = zone
    return chosen


def _zone() -> str:
    return zone_of(current_user, request.args.get("zone", ""))


def _applied(wanted: Filter, errors: Mapping[str, str]) -> dict[str, str]:
    """Return the filter as an address has it, without what was not understood; the person by id."""
    applied = {name: value for name, value in _chosen().items() if name not in errors}
    return applied | ({"who": str(wanted.actor_id)} if wanted.actor_id is not None else {})


def _actor_id(who: str, errors: dict[str, str]) -> int | None:
    """Return whose entries are looked for: by id, as the log has it, or as somebody typed it."""
    known = number(who)
    if known is not None or not who:
        return known
    try:
        return find_person(db.session(), who, Among.ACCOUNTS, "who").user_id
    except InvalidInput as error:
        errors["who"] = error.reason
        return None


def _wanted() -> tuple[Filter, dict[str, str]]:
    """Return the filter in the address, and what is wrong with it by field."""
    chosen, errors = _chosen(), dict[str, str]()
    outcome = chosen.get("outcome", "")
    if outcome and outcome not in list(Outcome):
        errors["outcome"] = "Choose an outcome in the list."
    return Filter(
        actor_id=_actor_id(chosen.get("who", ""), errors),
        action=chosen.get("action", ""),
        subject=_subject(chosen.get("subject", "")),
        outcome=Outcome(outcome) if outcome in list(Outcome) else None,
        overrides_only="override" in chosen,
        since=_day("from", chosen, errors),
        until=_day("to", chosen, errors, and_its_end=True),
    ), errors


def _subject(typed: str) -> str:
    """Return the subject as the log has it: `inc-4` and `4` are INC-4."""
    number = read_reference(typed)
    return typed.strip()[:64] if number is None else f"INC-{number}"


def _day(
    field: str, chosen: Mapping[str, str], errors: dict[str, str], *, and_its_end: bool = False
) -> datetime | None:
    if field not in chosen:
        return None
    try:
        day = date.fromisoformat(chosen[field])
        day += timedelta(days=1) if and_its_end else timedelta()
        return datetime.combine(day, time(), ZoneInfo(_zone())).astimezone(UTC)
    except (ValueError, OverflowError):
        errors[field] = "Write the date as 2026-12-31."
        return None
