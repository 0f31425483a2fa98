"""Static files: sent compressed, and addressed by their content, so that a browser keeps them for good."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request, url_for
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from incidentbot.extensions import compress
from incidentbot.web import security

A_YEAR_IN_SECONDS = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Compress what is sent, and give each static file's address the digest of its content."""
    # A page holds secrets of its reader (the CSRF token) beside what others typed. That would be
    # guessable by its size (BREACH) if another site could have it fetched as the reader, which the
    # cookie's SameSite=Lax rules out.
    app.config.setdefault("COMPRESS_ALGORITHM", ["br", "gzip"])
    app.config.setdefault("COMPRESS_ALGORITHM_STREAMING", ["br", "gzip"])
    # At its usual level 4 Brotli packs our libraries no better than gzip; at 5 by a tenth, as quickly.
    app.config.setdefault("COMPRESS_BR_LEVEL", 5)
    folder = Path(app.static_folder or "static")
    modules = [f"js/{file.name}" for file in sorted((folder / "js").glob("*.js"))]

    @app.url_defaults
    def name_by_content(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            digest = _digest(folder / values["filename"])
            if digest:
                values["v"] = digest

    @app.after_request
    def keep_for_good(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 304):
            named = request.args.get("v")
            if named and named == _digest(folder / (request.view_args or {})["filename"]):
                response.cache_control.no_cache = None
                response.cache_control.public = True
                response.cache_control.max_age = A_YEAR_IN_SECONDS
                response.cache_control.immutable = True
        return response

    @app.template_global()
    def import_map() -> Markup:
        """Return the import map that has scripts fetch each other by the address of their content.

        They import "./news.js". The browser makes that /static/js/news.js, and looks for it here.
        """
        addresses = [url_for("static", filename=name) for name in modules]
        imports = {address.partition("?")[0]: address for address in addresses}
        content = htmlsafe_json_dumps({"imports": imports}, separators=(",", ":"))
        security.allow_script(content)
        return content

    compress.init_app(app)


def _digest(file: Path) -> str:
    """Return the beginning of the file's SHA-256; "" when there is no such file."""
    try:
        changed = file.stat().st_mtime_ns
    except (OSError, ValueError):
        return ""
    return _digest_as_of(file, changed)


@lru_cache(maxsize=256)
def _digest_as_of(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""
