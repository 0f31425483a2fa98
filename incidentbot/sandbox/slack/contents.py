"""What a message may hold: text, blocks, attachments, metadata, with Slack's refusals."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from incidentbot.sandbox.slack.arguments import Arguments
from incidentbot.sandbox.slack.blocks import elements_of, message_problems
from incidentbot.sandbox.slack.errors import SlackError, bad_blocks
from incidentbot.sandbox.slack.model import Json

_TEXT_LENGTH, _ATTACHMENTS, _METADATA_BYTES = 40_000, 100, 16_000


@dataclass
class Contents:
    """A message's checked inside. `given` names the arguments that were sent."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    given: frozenset[str] = frozenset()


def read_contents(args: Arguments, *, may_be_empty: bool = False) -> Contents:
    """Read and check a message. Raises `no_text`, `msg_too_long`, `invalid_blocks` and such."""
    text = args.text("text")
    if len(text) > _TEXT_LENGTH:
        raise SlackError("msg_too_long")
    blocks = args.json("blocks", SlackError("invalid_blocks_format"))
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = message_problems(blocks or [])
    if problems:
        raise bad_blocks(problems)
    attachments = _attachments(args)
    if not (text.strip() or blocks or attachments or may_be_empty):
        raise SlackError("no_text")
    return Contents(
        text=text,
        blocks=with_ids(blocks or []),
        attachments=attachments,
        metadata=_metadata(args),
        given=frozenset(k for k in ("text", "blocks", "attachments", "metadata") if args.has(k)),
    )


def with_ids(blocks: list[Json]) -> list[Json]:
    """The blocks with an id on each block and element that came without one, as Slack adds."""
    for block in blocks:
        block["block_id"] = block.get("block_id") or secrets.token_urlsafe(4)[:5]
        for element in elements_of(block):
            element["action_id"] = element.get("action_id") or secrets.token_urlsafe(4)[:5]
    return blocks


def _attachments(args: Arguments) -> list[Json]:
    found: Any = args.json("attachments", SlackError("invalid_attachments")) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise SlackError("invalid_attachments")
    if len(found) > _ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for attachment in found:
        problems = message_problems(attachment.get("blocks") or [])
        if problems:
            raise SlackError("invalid_attachments", errors=problems)
    return found


def _metadata(args: Arguments) -> Json | None:
    found: Any = args.json("metadata", SlackError("invalid_metadata_format"))
    if not found:
        return None
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("event_type"), str)
        or not isinstance(found.get("event_payload"), dict)
        or set(found) - {"event_type", "event_payload", "entities"}
    ):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(found).encode()) > _METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return found
