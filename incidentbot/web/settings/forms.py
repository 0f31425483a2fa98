"""What the forms of the settings share: send, and come back with what is wrong and all that was typed."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import flash, render_template
from werkzeug.datastructures import MultiDict

from incidentbot.incidents.errors import (
    AlreadyDone,
    Conflict,
    IncidentError,
    InvalidInput,
    InvalidMove,
    NotFound,
)
from incidentbot.incidents.settings import State, fingerprint
from incidentbot.web.errors import status_of
from incidentbot.web.requests import number

Typed = MultiDict[str, str]
Page = tuple[str, int]
T = TypeVar("T")


def attempt(change: Callable[[], object]) -> IncidentError | None:
    """Do a change; return what the person must mend, None when it is done (a double click too)."""
    try:
        change()
    except AlreadyDone:
        return None
    except (InvalidInput, Conflict, InvalidMove) as error:
        return error
    return None


def press(change: Callable[[], T], words: Callable[[T], str] | str) -> None:
    """Do what a button says, and say what came of it. Who was too late is told so, not refused."""
    try:
        done = change()
    except AlreadyDone as error:  # a double click
        flash(str(error))
    except (Conflict, InvalidMove, NotFound) as error:
        flash(str(error), "warning")
    else:
        flash(words if isinstance(words, str) else words(done))


def seen_in(values: Typed | None, state: State, error: IncidentError | None = None) -> str:
    """Return what a form's reader has seen of a setting: what they began with, else how it is now.

    After a conflict it is how it is now, which the page then shows beside what was typed.
    """
    began = "" if values is None or isinstance(error, Conflict) else values.get("seen", "")
    return began or fingerprint(state)


def form_page(template: str, values: Typed, error: IncidentError | None, /, **more: Any) -> Page:
    """Return the page of a form: empty, or with what was typed and what is wrong with it."""
    errors = {error.field: error.reason} if isinstance(error, InvalidInput) else {}
    status = 200 if error is None else status_of(error)
    page = render_template(template, values=values, errors=errors, error=error, **more)
    return page, status


def numbers(values: list[str]) -> list[int]:
    """Return the numbers ticked in a list; what is none stands for nobody, and is refused by the core."""
    return [number(value) or 0 for value in values]
