"""What a person sees when something is refused or broken: plain words, and what to do."""

import logging
from typing import Any

from flask import Flask, Response, current_app, g, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from incidentbot.database import DATABASE_AWAY
from incidentbot.extensions import db, login
from incidentbot.incidents.errors import (
    IncidentError,
    InvalidInput,
    InvalidInputs,
    NotAllowed,
    NotFound,
)
from incidentbot.ops import context
from incidentbot.web import status_page

# What people type into fields that do not show it. No page may ever send it back.
SECRETS = frozenset({"api_key", "current", "password"})
# What no person wrote, though it may look like it.
_MADE = frozenset({"csrf_token", "request_key", "seen", "version"})
# Fields that hold what people write, however short, in words that fit every form with such a field.
_WRITTEN = {
    "title": "Title",
    "summary": "Summary",
    "message": "Update",
    "public": "Text for customers",
    "text": "Text",
    "reason": "Why?",
    "override_reason": "Why do you act in the commander's place?",
    "body": "Text",
}

log = logging.getLogger(__name__)

Page = tuple[str, int]

_WORDS = {
    400: ("That request was not understood", "Go back, reload the page and send it again."),
    401: ("This needs a token", "Send the header Authorization: Bearer with METRICS_TOKEN."),
    403: ("You may not do that", "Ask the incident's commander, or an admin."),
    404: (
        "There is nothing here",
        "The address may be mistyped. A private incident is shown to its people only: "
        "ask one of them to add you.",
    ),
    405: ("There is no page at this address", "It only takes forms. Nothing was changed."),
    409: ("That does not fit any more", "Open the page again to see how it stands now."),
    413: ("That is too much text", "Nothing was stored. Go back, shorten it and send it again."),
    422: ("Something in it is missing or wrong", "Go back, mend it and send it again."),
    500: (
        "Something went wrong inside incidentbot",
        "Your incident is safe; please try again. If it happens again, tell an admin: "
        "the log says why, under the request named below.",
    ),
    503: (
        "The database cannot be reached",
        "Wait a moment and try again.",
    ),
}


def status_of(error: IncidentError) -> int:
    """Return the HTTP status that says why a command was refused."""
    if isinstance(error, InvalidInput):
        return 422
    if isinstance(error, NotAllowed):
        return 403
    return 404 if isinstance(error, NotFound) else 409


def by_field(error: IncidentError | None) -> dict[str, str]:
    """Return what is wrong, by the name of the field that it is said next to."""
    if isinstance(error, InvalidInputs):
        return error.reasons
    return {error.field: error.reason} if isinstance(error, InvalidInput) else {}


def install(app: Flask) -> None:
    """Show every error as a page in style."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(IncidentError, _refused)
    for no_database in DATABASE_AWAY:
        app.register_error_handler(no_database, _no_database)
    app.register_error_handler(Exception, _broken)


def error_page(status: int, title: str = "", advice: str = "", **more: Any) -> Page:
    """Return a page that says what went wrong and what to do; the words are those of its status.

    Customers at the status page get a notice of its own, in which nothing is about incidentbot.
    """
    if g.get("is_status_page"):
        return status_page.notice_of(status), status
    default_title, default_advice = _WORDS.get(status, _WORDS[400])
    page = render_template(
        "error.html",
        status=status,
        title=title or default_title,
        advice=advice or default_advice,
        onward=_onward(status),
        request_id=context.known().get("request") if status == 500 else None,
        **more,
    )
    return page, status


def _http_error(error: HTTPException) -> Page | HTTPException:
    status = error.code or 500
    try:
        return error if status < 400 else error_page(status)
    except DATABASE_AWAY:
        _ask_nobody_who_is_signed_in()
        return error_page(status)


def not_taken(status: int, title: str = "", advice: str = "", **more: Any) -> Page:
    """Return a page that shows what was written into a form that could not be taken.

    It is shown to be copied, not offered to be sent again: another site may have made the form.
    """
    return error_page(status, title, advice, written=_written(), **more)


def _written() -> list[tuple[str, str]]:
    """Return what a person wrote into the form that was sent, each text with the name of its field.

    Every field counts but what is known to be none, so no form has to be entered here: ids, keys and
    what is chosen in a list hold neither a space nor a letter outside ASCII.
    """
    found = []
    for name, text in request.form.items(multi=True):
        if name in SECRETS or name in _MADE or not text.strip():
            continue
        if name in _WRITTEN or any(letter.isspace() or not letter.isascii() for letter in text):
            words = _WRITTEN.get(name) or name.replace("_", " ").replace("-", " ").capitalize()
            found.append((words, text))
    return found


def _onward(status: int) -> tuple[str, str] | None:
    """Return where to go on, in words and as an address, besides the list of incidents.

    None where it would lead to the same refusal.
    """
    if status in (401, 403, 404, 422):
        return None
    if request.method == "GET" and status >= 500:
        return "Try again", request.full_path.rstrip("?")
    page = _page_of(request.path)
    return None if page == "/" else ("Open the page", page)


def _page_of(path: str) -> str:
    """Return the page that a form's address belongs to: what can be opened there, or nearest above."""
    routes = current_app.url_map.bind("")
    while path != "/":
        if routes.test(path, method="GET"):
            return path
        path = path.rpartition("/")[0] or "/"
    return path


def signed_out() -> Page:
    """Return the page for a form that was sent after its session had ended."""
    return not_taken(
        401,
        "You are signed out",
        "Sign in, and the page is offered again. Nothing was changed.",
        sign_in_for=_page_of(request.path),
    )


def has_written() -> bool:
    """Whether the form that was sent holds a text that would be missed."""
    return bool(_written())


def _forged(_error: CSRFError) -> Page | Response:
    if not current_user.is_authenticated:
        if "HX-Request" in request.headers:
            return Response(status=401)  # the page's script says so; see access.py
        return not_taken(
            400,
            "You are signed out, or this page was open for too long",
            "Sign in, and send it again. Nothing was changed.",
            sign_in_for=_page_of(request.path),
        )
    return not_taken(
        400,
        "This page was open for too long",
        "Open it again and send it once more. Nothing was changed.",
    )


def _refused(error: IncidentError) -> Page:
    status = status_of(error)
    advice = _WORDS[status][1]
    if request.method == "POST" and has_written():
        return not_taken(status, str(error), advice)
    return error_page(status, str(error), advice)


def _ask_nobody_who_is_signed_in() -> None:
    """Have the page shown without asking the database."""
    g._login_user = login.anonymous_user()


def _no_database(_error: Exception) -> Page:
    log.exception("no database", extra={"endpoint": request.endpoint})
    _ask_nobody_who_is_signed_in()
    if request.method != "POST":
        return error_page(503)
    if SECRETS & request.form.keys():
        return error_page(503, advice="Wait a moment, then fill the form in once more.")
    # Its token was good, so the form is ours; sent again with the same key it is done once.
    return error_page(
        503,
        advice="What you typed is kept here. Wait a moment and send it again; nothing is done twice.",
        typed=list(request.form.items(multi=True)),
        written=_written(),
    )


def _broken(_error: Exception) -> Page:
    log.exception("a page failed", extra={"endpoint": request.endpoint})
    db.session.rollback()  # a transaction that failed lets nobody read who is signed in
    return not_taken(500) if request.method == "POST" else error_page(500)
