"""What people type about people: names and e-mail addresses, made tidy in one place."""

import re

NAME_LIMIT = 120
EMAIL_LIMIT = 254
# No more than a mail server needs to be asked; what would part a header's addresses is left out.
_ADDRESS = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[^@\s,;:<>()\[\]\\\"]+")


def tidy_name(name: str) -> str:
    """Return a name in one line, without what cannot be stored or seen, cut at NAME_LIMIT characters."""
    line = " ".join(name.split())
    printable = "".join(character for character in line if character.isprintable())
    return printable.strip()[:NAME_LIMIT].strip()


def tidy_address(email: str | None) -> str | None:
    """Return an e-mail address in the form in which it is kept; None for what is no address."""
    address = (email or "").strip().lower()
    fits = len(address) <= EMAIL_LIMIT and address.isprintable()
    return address if fits and _ADDRESS.fullmatch(address) else None
