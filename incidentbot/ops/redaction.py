"""Blacking out secrets: those of the settings wherever they stand, and whatever looks like one."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "[redacted]"
# Shorter ones would black out ordinary words.
_SHORTEST_SECRET = 6

_NAMES = (
    r"(?:client_|signing_|bot_|access_|refresh_|id_|csrf_|api_|auth_)?"
    r"(?:token|secret|password|passwd|pwd|key)|code_verifier|signature|session|dsn"
)
_IS_SECRET_NAME = re.compile(rf"(?i)(?:.*[_-])?(?:{_NAMES}|cookie|authorization)")
# Names that look like one and are not: a delivery's or a form's own key, the audit log's.
_NO_SECRET_NAMES = frozenset({"dedupe_key", "request_key", "key"})

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Slack's tokens, and the addresses that let anybody who knows them post.
    (re.compile(r"\bxox[a-z]{1,2}[.-][\w.-]+|\bxapp-[\w-]+"), HIDDEN),
    (re.compile(r"(hooks\.slack\.com/)[^\s\"'<>]+"), rf"\1{HIDDEN}"),
    # Headers: `Authorization: Bearer …`, `Cookie: …`, and as they stand in a dict.
    (re.compile(r"(?i)\b(bearer|basic|oauth)(\s+)[\w.~+/=-]{6,}"), rf"\1\2{HIDDEN}"),
    (
        re.compile(
            r"""(?i)\b((?:set-)?cookie|(?:proxy-)?authorization)(["']?\s*[:=]\s*["']?)[^\r\n"']+"""
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"\b((?:__Host-)?incidentbot=)[\w.-]{20,}"), rf"\1{HIDDEN}"),
    # Signed things: JSON web tokens, and Flask's own.
    (re.compile(r"\.?\be(?:yJ|J)[\w-]{10,}\.[\w-]{5,}\.[\w-]{10,}"), HIDDEN),
    # The links in mails to subscribers: what they sign is a list that begins with a number.
    (re.compile(r"\bWz[\w-]{8,}(?:\.[\w-]{4,})?\.[\w-]{20,}"), HIDDEN),
    # user:password@host in an address.
    (re.compile(r"(://[^\s/:@\"']*:)[^\s/\"']+(?=@)"), rf"\1{HIDDEN}"),
    # ?token=…&code=…, and the fields of forms.
    (re.compile(rf"(?i)\b({_NAMES})(=)[^&\s\"',;)]+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)([?&](?:code|state|nonce|next|email)=)[^&\s\"']+"), rf"\1{HIDDEN}"),
    # {"password": "…"}
    (
        re.compile(rf"""(?i)(["'](?:{_NAMES})["']\s*:\s*)(?:"[^"]*"|'[^']*')"""),
        rf'\1"{HIDDEN}"',
    ),
    # One-time links, and any part of a path that is as long and as shapeless as their secrets.
    (re.compile(r"(?<=/sign-in/)[\w-]{20,}"), HIDDEN),
    (re.compile(r"(?<=/)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}(?![\w.-])"), HIDDEN),
)


class Redactor:
    """Blacks out the given secrets in whatever passes, and everything that looks like one."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        known = sorted((form for form in forms if len(form) >= _SHORTEST_SECRET), key=len)
        # The longest first: one may be the beginning of another.
        self._known = re.compile("|".join(map(re.escape, reversed(known)))) if known else None

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """Return a value as JSON knows it, without secrets, whatever is inside; `name` is its key."""
        if isinstance(value, bool | int | float | None):
            return value
        if name not in _NO_SECRET_NAMES and _IS_SECRET_NAME.fullmatch(name):
            return HIDDEN
        if isinstance(value, Mapping):
            return {str(key): self.value(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        return self.text(str(value))
