"""Keeping a workspace: one lock, a version that waiting pages watch, and a file on disk."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from incidentbot.sandbox.slack.model import Workspace
from incidentbot.sandbox.slack.seed import default_workspace

_SAVE_EVERY = 0.5


class Store:
    """The one place that holds the workspace. Never sleep or call out inside `change`."""

    def __init__(self, path: str = "") -> None:
        """Load the workspace from `path`, or start with the default one."""
        self.path = Path(path) if path else None
        self.version = 1
        self._saved_version = 1
        self._changed = threading.Condition(threading.RLock())
        self._disk = threading.Lock()
        self.workspace = self._load() or default_workspace()

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
        """Go back to the default workspace."""
        with self.change():
            self.workspace = default_workspace()

    def save(self) -> None:
        """Write the workspace if it changed: to a new file, then put in the old one's place."""
        if self.path is None:
            return
        with self._disk:
            with self.read() as ws:
                if self._saved_version == self.version and self.path.exists():
                    return
                version = self.version
                text = json.dumps(ws, default=vars)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.path)
            self._saved_version = version

    def keep_saving(self, stop: threading.Event) -> None:
        """Save twice a second until `stop` is set, and once more then."""
        while not stop.wait(_SAVE_EVERY):
            self.save()
        self.save()

    def _load(self) -> Workspace | None:
        if self.path is None or not self.path.exists():
            return None
        text = self.path.read_text(encoding="utf-8")
        return typing.cast(Workspace, revive(Workspace, json.loads(text))) if text else None


def revive(kind: Any, data: Any) -> Any:
    """Build a value of type `kind` (dataclass, list, dict, optional) from plain JSON."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{key: revive(hints[key], data[key]) for key in data if key in hints})
    if origin is list:
        return [revive(arguments[0], item) for item in data]
    if origin is dict:
        return {key: revive(arguments[1], item) for key, item in data.items()}
    if origin in (types.UnionType, typing.Union) and data is not None:
        return revive(next(a for a in arguments if a is not type(None)), data)
    return data
