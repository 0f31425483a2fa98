"""One running sandbox: the parts that its doors share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from incidentbot.sandbox.calllog import Log
from incidentbot.sandbox.faults import Faults
from incidentbot.sandbox.settings import Knobs, Settings
from incidentbot.sandbox.slack.store import Store
from incidentbot.sandbox.slack.tickets import Tickets

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
    stopping: threading.Event = field(default_factory=threading.Event)


def put_on_shelf(extensions: dict[str, object], box: Sandbox) -> None:
    """Make the sandbox known to a Flask app, by its `extensions`."""
    extensions[_KEY] = box


def the_sandbox() -> Sandbox:
    """The sandbox that the present request belongs to."""
    return cast(Sandbox, current_app.extensions[_KEY])
