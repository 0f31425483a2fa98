"""Keeping all of it: one lock, a version that waiting pages watch, and a file on disk.

The status pages are kept with the workspace: they share the lock, the version and the file.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from incidentbot.sandbox.slack.model import Workspace
from incidentbot.sandbox.slack.seed import default_workspace
from incidentbot.sandbox.statuspage.model import Account
from incidentbot.sandbox.statuspage.seed import default_account

_SAVE_EVERY = 0.5
# Saving holds everybody up, so a large workspace is saved less often: a tenth of the time at most.
_REST = 9

log = logging.getLogger(__name__)


class Store:
    """The one place that holds the workspace and the status pages.

    Never sleep or call out inside `change`.
    """

    def __init__(self, path: str = "") -> None:
        """Load the workspace from `path`, or start with the default one.

        Raises ValueError with a readable sentence when the file holds no workspace.
        """
        self.path = Path(path) if path else None
        self.version = 1
        self._saved_version = 1
        self._changed = threading.Condition(threading.RLock())
        self.workspace, self.statuspage = self._load() or (default_workspace(), default_account())

    @contextmanager
    def read(self) -> Iterator[Workspace]:
        """The workspace, held still."""
        with self._changed:
            yield self.workspace

    @contextmanager
    def change(self) -> Iterator[Workspace]:
        """The workspace, to be changed; those who wait for a change are told at the end."""
        with self._changed:
            try:
                yield self.workspace
            finally:
                self.version += 1
                self._changed.notify_all()

    def touch(self) -> None:
        """Tell waiting pages that something beside the workspace has changed."""
        with self.change():
            pass

    def wait(self, seen: int, seconds: float) -> int:
        """Wait at most `seconds` for a version other than `seen`; returns the present one."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != seen, seconds)
            return self.version

    def reset(self) -> None:
        """Go back to the default workspace and the default status page."""
        with self.change():
            self.workspace = default_workspace()
            self.statuspage = default_account()

    def reset_statuspage(self) -> None:
        """Go back to the default status page; the workspace stays."""
        with self.change():
            self.statuspage = default_account()

    def save(self) -> None:
        """Write the workspace if it changed: to a new file, then put in the old one's place.

        Raises OSError when it cannot be written.
        """
        if self.path is None:
            return
        with self.read() as ws:
            if self._saved_version == self.version and self.path.exists():
                return
            version = self.version
            text = json.dumps({**vars(ws), "statuspage": self.statuspage}, default=vars)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.tmp")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path)
        self._saved_version = version

    def keep_saving(self, stop: threading.Event) -> None:
        """Save twice a second until `stop` is set, and once more then."""
        rest = _SAVE_EVERY
        while not stop.wait(rest):
            started = time.monotonic()
            self._try_to_save()
            rest = max(_SAVE_EVERY, _REST * (time.monotonic() - started))
        self._try_to_save()

    def _try_to_save(self) -> None:
        try:
            self.save()
        except OSError as error:
            log.warning("sandbox: the workspace is not saved: %s", error)

    def _load(self) -> tuple[Workspace, Account] | None:
        if self.path is None or not self.path.exists():
            return None
        try:
            saved = json.loads(self.path.read_text(encoding="utf-8"))
            workspace = typing.cast(Workspace, revive(Workspace, saved))
            if workspace.bot_user not in workspace.users:
                raise ValueError("the bot is missing")
            pages = saved.get("statuspage")  # a file from before there were any has none
            return workspace, revive(Account, pages) if pages else default_account()
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.path} holds no workspace ({error}). "
                "Move it away, or set SANDBOX_DATA to another file."
            ) from error


def revive(kind: Any, data: Any) -> Any:
    """Build a value of type `kind` (dataclass, list, dict, optional) from plain JSON."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(data, dict):
            raise ValueError(f"{kind.__name__} expected, {type(data).__name__} found")
        hints = typing.get_type_hints(kind)
        return kind(**{key: revive(hints[key], data[key]) for key in data if key in hints})
    if origin is list:
        return [revive(arguments[0], item) for item in data]
    if origin is dict:
        return {key: revive(arguments[1], item) for key, item in data.items()}
    if origin in (types.UnionType, typing.Union) and data is not None:
        return revive(next(a for a in arguments if a is not type(None)), data)
    return data
