"""Headers that tell the browser what a page may do. Strict: no inline script or style, no framing."""

from flask import Flask, Response, current_app, request

from incidentbot.config import Settings

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
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
    "Content-Security-Policy": _POLICY,
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


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    settings: Settings = current_app.extensions["settings"]
    if settings.base_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", _ONLY_HTTPS)
    if request.endpoint != "static":
        # Pages are private: no shared cache, no disk.
        response.headers.setdefault("Cache-Control", "no-store")
    return response
