"""Links in what people write: only plain web addresses, and the text is shown as it was written."""

import re
from urllib.parse import urlsplit

from markupsafe import Markup, escape

# Ends at a space, and at what could end an attribute or a tag.
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\\u200b-\u200f\u2028\u2029]+", re.IGNORECASE)
# What belongs to the sentence, not to the address, when it comes last.
_PUNCTUATION = ".,;:!?*_~…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_LIMIT = 2_000


def linked(text: str) -> Markup:
    """Return text as HTML in which web addresses are links. Everything in it is escaped."""
    parts: list[Markup] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        address = _trimmed(found[0])
        if not _is_plain(address):
            continue
        parts += escape(text[end : found.start()]), _link(address)
        end = found.start() + len(address)
    return Markup("").join([*parts, escape(text[end:])])


def _link(address: str) -> Markup:
    return Markup('<a href="{0}" rel="noreferrer nofollow">{0}</a>').format(address)


def _trimmed(address: str) -> str:
    """Return an address without the full stop or the bracket that closes the sentence around it."""
    while address:
        last = address[-1]
        opening = _BRACKETS.get(last)
        is_left_over = opening is not None and address.count(last) > address.count(opening)
        if last not in _PUNCTUATION and not is_left_over:
            break
        address = address[:-1]
    return address


def _is_plain(address: str) -> bool:
    """Whether an address leads to the host it shows: none with a name and password before it."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc and len(address) <= _LIMIT
