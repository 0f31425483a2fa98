"""What the forms of the settings share: send, and come back with what is wrong and all that was typed."""

from collections.abc import Callable
from typing import Any

from flask import render_template
from werkzeug.datastructures import MultiDict

from incidentbot.incidents.errors import AlreadyDone, Conflict, IncidentError, InvalidInput, InvalidMove
from incidentbot.web.errors import status_of

Typed = MultiDict[str, str]
Page = tuple[str, int]


def attempt(change: Callable[[], object]) -> IncidentError | None:
    """Do a change; return what the person must mend, None when it is done (a double click too)."""
    try:
        change()
    except AlreadyDone:
        return None
    except (InvalidInput, Conflict, InvalidMove) as error:
        return error
    return None


def form_page(template: str, values: Typed, error: IncidentError | None, /, **more: Any) -> Page:
    """Return the page of a form: empty, or with what was typed and what is wrong with it."""
    errors = {error.field: error.reason} if isinstance(error, InvalidInput) else {}
    status = 200 if error is None else status_of(error)
    page = render_template(template, values=values, errors=errors, error=error, **more)
    return page, status


def number(value: str | None) -> int | None:
    """Return the number chosen in a menu; None for anything else."""
    is_number = value is not None and value.isascii() and value.isdecimal() and len(value) < 10
    return int(value) if value is not None and is_number else None


def numbers(values: list[str]) -> list[int]:
    """Return the numbers ticked in a list; what is none stands for nobody, and is refused by the core."""
    return [number(value) or 0 for value in values]
