"""Headers that tell the browser what a page may do.

Strict: no framing, no inline style, and no inline script but one whose every byte we know.
"""

from base64 import b64encode
from hashlib import sha256

from flask import Flask, Response, current_app, g, request

from incidentbot.config import Settings

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src {scripts}",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# A year. This host only: what else its domain serves, and whether browsers ship it (preload), is not
# for incidentbot to say.
_ONLY_HTTPS = "max-age=31536000"


def install(app: Flask) -> None:
    """Send the headers with every answer."""
    app.after_request(_add_headers)


def allow_script(content: str) -> None:
    """Let the page that is being made hold this inline script, in which nothing is what people typed.

    It is allowed by its digest: one that differs in a byte does not run.
    """
    digest = b64encode(sha256(content.encode()).digest()).decode()
    g.scripts_allowed = f"'self' 'sha256-{digest}'"


def _add_headers(response: Response) -> Response:
    policy = _POLICY.format(scripts=g.get("scripts_allowed", "'self'"))
    response.headers.setdefault("Content-Security-Policy", policy)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    settings: Settings = current_app.extensions["settings"]
    if settings.base_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", _ONLY_HTTPS)
    if request.endpoint != "static":
        # Pages are private: no shared cache, no disk.
        response.headers.setdefault("Cache-Control", "no-store")
    return response
