"""What came of something a person did: the app's answer and what the person then sees."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.lookup import top_view
from incidentbot.sandbox.slack.model import Json
from incidentbot.sandbox.slack.present import view_json
from incidentbot.sandbox.slack.sender import Reply


@dataclass
class Outcome:
    """The shape every `/sandbox/act/…` that reaches the app answers with.

    `errors` are field errors (block id -> text); `view` is the modal then on top, or null.
    """

    status: int | None = None
    body: Any = ""
    elapsed_ms: float = 0.0
    error: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    trigger_id: str = ""
    view: Json | None = None

    def as_json(self) -> Json:
        """Without the parts that say nothing."""
        found = asdict(self)
        for name in ("error", "errors"):
            if not found[name]:
                del found[name]
        return found


def outcome_of(box: Sandbox, user: str, reply: Reply, trigger_id: str) -> Outcome:
    """The outcome of one request, with the view that is open for `user` now."""
    with box.store.read() as ws:
        view = top_view(ws, user)
        shown = view_json(ws, view) if view else None
        # A copy, for the view may change while the answer is being written.
        return Outcome(
            status=reply.status,
            body=reply.body,
            elapsed_ms=reply.elapsed_ms,
            error=reply.error,
            trigger_id=trigger_id,
            view=None if shown is None else _copied(shown),
        )


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
