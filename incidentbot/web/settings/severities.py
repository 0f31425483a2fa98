"""How the severities are worded, and how often each needs an update."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents import severities as core
from incidentbot.incidents.errors import IncidentError
from incidentbot.incidents.lifecycle import Severity
from incidentbot.web.access import actor
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, seen_in

blueprint = Blueprint("severities", __name__, url_prefix="/settings/severities")


@blueprint.get("")
def index() -> Page:
    """Show every severity's words. For admins."""
    return _page(None, MultiDict())


@blueprint.post("/<severity>")
def save(severity: str) -> Page | Response:
    """Word a severity anew. For admins."""
    values = request.form
    chosen = _severity(severity)
    error = attempt(
        lambda: core.edit_severity(
            db.session(),
            chosen,
            actor(values.get("request_key")),
            values.get("meaning", ""),
            values.get("minutes", ""),
            values.get("seen", ""),
        )
    )
    if error is not None:
        return _page(chosen, values, error)
    flash(f"{chosen.value} is saved.")
    return redirect(url_for("severities.index"))


@blueprint.post("/<severity>/reset")
def reset(severity: str) -> Page | Response:
    """Give a severity its first words back. For admins."""
    values = request.form
    chosen = _severity(severity)
    error = attempt(
        lambda: core.reset_severity(
            db.session(), chosen, actor(values.get("request_key")), values.get("seen", "")
        )
    )
    if error is not None:
        return _page(None, values, error)
    flash(f"{chosen.value} has its first words again.")
    return redirect(url_for("severities.index"))


def _severity(value: str) -> Severity:
    if value not in list(Severity):
        abort(404)
    return Severity(value)


def _page(sent: Severity | None, values: Typed, error: IncidentError | None = None) -> Page:
    words = core.words_by_severity(db.session())
    return form_page(
        "settings/severities.html",
        values,
        error,
        sent=sent,
        words=words,
        seen={
            severity: seen_in(
                values if severity is sent else None, core.state_of_severity(found), error
            )
            for severity, found in words.items()
        },
        defaults={severity: core.default_words(severity) for severity in Severity},
        meaning_limit=core.MEANING_LIMIT,
    )
