"""Passwords: kept as argon2 hashes, checked in the same time whether or not the account exists."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from incidentbot.incidents.errors import InvalidInput

SHORTEST = 10
LONGEST = 200

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Return the hash to keep. Slow by design: never call it inside a transaction."""
    return _hasher.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash. Without a hash it takes as long, and is wrong."""
    try:
        _hasher.verify(password_hash or _nobodys(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def wants_rehash(password_hash: str) -> bool:
    """Whether the hash was made with parameters that are not today's."""
    return _hasher.check_needs_rehash(password_hash)


def check_new_password(password: str, name: str, email: str | None) -> None:
    """Raise InvalidInput for field password when it is too short, too long or the obvious one."""
    if len(password) < SHORTEST:
        raise InvalidInput("password", f"Use at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise InvalidInput("password", f"Use at most {LONGEST} characters.")
    plain = _plain(password)
    known = {_plain(name), _plain(email or ""), _plain((email or "").partition("@")[0])} - {""}
    if len(set(plain)) < 3 or any(plain in (word, word * 2) for word in known):
        raise InvalidInput("password", "That is easy to guess. Take something else.")


@cache
def _nobodys() -> str:
    return _hasher.hash("the password of nobody")


def _plain(text: str) -> str:
    return "".join(text.casefold().split())
