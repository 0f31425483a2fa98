"""One running sandbox: the parts that its doors share."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from incidentbot.sandbox.calllog import Log
from incidentbot.sandbox.faults import Faults
from incidentbot.sandbox.settings import Knobs, Settings
from incidentbot.sandbox.slack.store import Store
from incidentbot.sandbox.slack.tickets import Tickets
from incidentbot.sandbox.statuspage.limits import Limits

_KEY = "incidentbot.sandbox"


@dataclass
class Sandbox:
    """Settings, state, faults and logs. `base_url` has no slash at its end."""

    settings: Settings
    store: Store
    base_url: str
    knobs: Knobs = field(default_factory=Knobs)
    faults: Faults = field(default_factory=Faults)
    calls: Log = field(default_factory=Log)
    requests: Log = field(default_factory=Log)
    tickets: Tickets = field(default_factory=Tickets)
    statuspage_calls: Log = field(default_factory=Log)
    statuspage_limits: Limits = field(default_factory=Limits)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def statuspage_key(self) -> str:
        """The key of Statuspage's API: the one a person made last, or that of the settings."""
        return self.store.statuspage.key or self.settings.statuspage_key

    def new_statuspage_key(self, wished: str = "") -> str:
        """Put a new key in the old one's place, and say which."""
        with self.store.change():
            self.store.statuspage.key = wished or secrets.token_hex(32)
        return self.statuspage_key


def put_on_shelf(extensions: dict[str, object], box: Sandbox) -> None:
    """Make the sandbox known to a Flask app, by its `extensions`."""
    extensions[_KEY] = box


def the_sandbox() -> Sandbox:
    """The sandbox that the present request belongs to."""
    return cast(Sandbox, current_app.extensions[_KEY])
