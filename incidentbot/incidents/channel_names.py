"""The name of an incident's channel."""

import re
import secrets
import unicodedata
from datetime import datetime

NAME_LIMIT = 80  # characters, https://api.slack.com/methods/conversations.create#naming

# Consonants make no words, so no service is called so.
_LETTERS = "bcdfghjkmnpqrstvwxz"


def slugify(text: str) -> str:
    """Return `text` in lower-case ASCII letters, digits and single hyphens; maybe ""."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def channel_name(declared_at: datetime, service: str, reference: str) -> str:
    """Return `inc-YYYYMMDD-service`, with the reference where the service leaves nothing to show."""
    slug = slugify(service) or reference.lower()
    return f"inc-{declared_at:%Y%m%d}-{slug}"[:NAME_LIMIT].rstrip("-")


def private_channel_name(declared_at: datetime) -> str:
    """Return `inc-YYYYMMDD-` and six random letters: nothing that others could infer the incident from.

    Were the service in it, the next public incident of that day would have to be called otherwise.
    """
    letters = "".join(secrets.choice(_LETTERS) for _ in range(6))
    return f"inc-{declared_at:%Y%m%d}-{letters}"


def with_suffix(name: str, suffix: str) -> str:
    """Return `name-suffix`, the name cut where both together would be too long."""
    return f"{name[: NAME_LIMIT - len(suffix) - 1].rstrip('-')}-{suffix}"
