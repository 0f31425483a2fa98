"""How requests are read: what none may hold is refused at the door, and numbers are numbers."""

from collections.abc import Iterator

from flask import Flask, request
from werkzeug.routing import IntegerConverter, Map

from incidentbot.web.errors import Page, error_page

# Every id and number in the database fits into this.
_HIGHEST = 2**31 - 1
_DIGITS = len(str(_HIGHEST))


class Number(IntegerConverter):
    """`<int:…>` in an address: what no row can have is an address that does not exist."""

    regex = "[0-9]{1,10}"

    def __init__(self, url_map: Map, maximum: int = _HIGHEST) -> None:
        super().__init__(url_map, max=maximum)


def install(app: Flask) -> None:
    """Refuse it on every route that is added after this."""
    app.url_map.converters["int"] = Number
    app.before_request(_refuse_nul)


def number(text: str | None) -> int | None:
    """Return the number that an address or a form holds; None for anything else, or what no row can have."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
        return None
    found = int(text)
    return found if found <= _HIGHEST else None


def _refuse_nul() -> Page | None:
    """Refuse the character that PostgreSQL cannot keep. No keyboard types it and no browser shows it."""
    if any("\0" in text for text in _texts()):
        return error_page(
            400,
            "That holds a character that cannot be kept",
            "It is the one with the code 0 (NUL). Take it out, or type the text anew.",
        )
    return None


def _texts() -> Iterator[str]:
    yield request.path
    for name, value in request.args.items(multi=True):
        yield from (name, value)
    # Slack's requests are read, and their signature checked, from their bytes as they came.
    if request.blueprint != "slack":
        for name, value in request.form.items(multi=True):
            yield from (name, value)
