"""Who may use the control API and the page: a browser or script on this machine."""

from __future__ import annotations

import ipaddress
from typing import NoReturn
from urllib.parse import urlsplit

from flask import Response, abort, jsonify, request

from incidentbot.sandbox.runtime import the_sandbox


def refuse(status: int, reason: str) -> NoReturn:
    """End the request with a JSON error."""
    response: Response = jsonify(ok=False, error=reason)
    response.status_code = status
    abort(response)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _known_host(host: str, listening: str) -> bool:
    """A name that only this machine or its own network can have.

    A web page elsewhere can make a browser send requests here under a name of its own
    (DNS rebinding); such a name has a dot in it, and is neither an address nor ours.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if name in ("localhost", listening) or _loopback(name):
        return True
    if _loopback(listening) or listening == "localhost":
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and "." not in name
    return True


def only_from_here() -> None:
    """Refuse requests from other machines, other sites, or under another name."""
    listening = the_sandbox().settings.host
    if _loopback(listening) and not _loopback(request.remote_addr or ""):
        refuse(403, "loopback only")
    if not _known_host(request.host, listening):
        refuse(403, "unknown Host header")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        refuse(403, "cross-origin request")
    elsewhere = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
    # A link from elsewhere to the page itself is fine; nothing else is.
    if elsewhere and (request.method != "GET" or request.path.startswith("/sandbox/")):
        refuse(403, "cross-site request")
