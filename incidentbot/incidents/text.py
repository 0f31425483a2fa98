"""Text that people type: cleaned and measured in one place, whichever door it came through."""

import unicodedata

from incidentbot.incidents.errors import InvalidInput

TITLE_LIMIT = 100
MESSAGE_LIMIT = 10_000
REASON_LIMIT = 1_000
POSTMORTEM_LIMIT = 200_000

# Marks that make text show in another order than it was written; they can disguise a title.
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_line(field: str, value: str, limit: int = TITLE_LIMIT) -> str:
    """Return `value` as one tidy line; raise InvalidInput when it is empty or over `limit` characters."""
    return _measured(field, " ".join(_printable(value).split()), limit)


def clean_text(field: str, value: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return `value` as tidy text of several lines; raise InvalidInput when empty or over `limit`."""
    return _measured(field, _tidy_lines(value), limit)


def clean_optional(field: str, value: str | None, limit: int = MESSAGE_LIMIT) -> str:
    """Like clean_text, but nothing typed is fine and gives ""."""
    text = _tidy_lines(value or "")
    return _measured(field, text, limit) if _is_visible(text) else ""


def shorten(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _measured(field: str, text: str, limit: int) -> str:
    if not _is_visible(text):
        raise InvalidInput(field, "Please write something here.")
    if len(text) > limit:
        raise InvalidInput(field, f"At most {limit:,} characters, please; this has {len(text):,}.")
    return text


def _tidy_lines(value: str) -> str:
    lines = _printable(value.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def _printable(value: str) -> str:
    """Drop what cannot be stored or shown: control characters, lone surrogates, bidi overrides."""
    return "".join(
        character
        for character in value
        if character in "\n\t"
        or (
            unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDI_OVERRIDES
        )
    )


def _is_visible(text: str) -> bool:
    """Whether there is anything to see: more than spaces, joiners and other formatting marks."""
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)
