"""The sandbox's Flask app: one blueprint per door."""

from __future__ import annotations

from flask import Flask

from incidentbot.sandbox import page
from incidentbot.sandbox.control import acting, reading, steering
from incidentbot.sandbox.control import statuspage as statuspage_control
from incidentbot.sandbox.runtime import Sandbox, put_on_shelf
from incidentbot.sandbox.settings import Settings
from incidentbot.sandbox.slack import response_url, web_api
from incidentbot.sandbox.slack.store import Store
from incidentbot.sandbox.statuspage import api, public, site

_DOORS = (
    web_api.blueprint,
    response_url.blueprint,
    acting.blueprint,
    reading.blueprint,
    steering.blueprint,
    page.blueprint,
    api.blueprint,
    public.blueprint,
    site.blueprint,
    statuspage_control.blueprint,
)


def create_app(box: Sandbox) -> Flask:
    """Build the app around a sandbox."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 16_000_000
    app.json.sort_keys = False  # type: ignore[attr-defined] # typed as its base class
    put_on_shelf(app.extensions, box)
    for door in _DOORS:
        app.register_blueprint(door)
    return app


def new_sandbox(settings: Settings, port: int) -> Sandbox:
    """A sandbox that listens on `port`, with its saved workspace or a new one."""
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host  # noqa: S104 - nobody listens there
    return Sandbox(settings, Store(settings.data), f"http://{host}:{port}")
