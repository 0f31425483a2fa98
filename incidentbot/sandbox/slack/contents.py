"""What a message may hold: text, blocks, attachments, metadata, with Slack's refusals."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from incidentbot.sandbox.slack.arguments import Arguments
from incidentbot.sandbox.slack.blocks import elements_of, message_problems
from incidentbot.sandbox.slack.errors import SlackError, bad_blocks
from incidentbot.sandbox.slack.model import Json

TEXT_LENGTH = 40_000
_ATTACHMENTS, _METADATA_BYTES = 100, 16_000
# All texts in the blocks of one message. Not in the reference; Slack's people speak of 12,000 and
# "a buffer for block containers", others have measured this: github.com/slackapi/bolt-js/issues/2509
_ALL_BLOCKS_LENGTH = 13_200
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class Contents:
    """A message's checked inside. `given` names the arguments that were sent and taken.

    `warnings` are Slack's words for what it has left out or cut.
    """

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    given: frozenset[str] = frozenset()
    warnings: list[str] = field(default_factory=list)

    def with_warnings(self, answer: Json) -> Json:
        """A method's answer, with the warnings where Slack puts them."""
        if not self.warnings:
            return answer
        metadata = {"warnings": self.warnings}
        return answer | {"warning": ",".join(self.warnings), "response_metadata": metadata}


def read_contents(args: Arguments) -> Contents:
    """Read and check a message. Raises `no_text`, `invalid_blocks` and such.

    A text over 40,000 characters is cut, and metadata of a badly named type left out.
    """
    text, warnings = args.text("text"), []
    if len(text) > TEXT_LENGTH:
        text = text[:TEXT_LENGTH]
        warnings.append("message_truncated")
    blocks = args.json("blocks", SlackError("invalid_blocks_format"))
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = message_problems(blocks or [])
    if problems:
        raise bad_blocks(problems)
    attachments = _attachments(args)
    if not (text.strip() or blocks or attachments):
        raise SlackError("no_text")
    given = {name for name in ("text", "blocks", "attachments", "metadata") if args.has(name)}
    metadata = _metadata(args)
    if metadata and not _EVENT_TYPE.fullmatch(metadata["event_type"]):
        metadata = None
        given.remove("metadata")
        warnings.append("invalid_metadata_schema")
    return Contents(
        text=text,
        blocks=with_ids(blocks or []),
        attachments=attachments,
        metadata=metadata,
        given=frozenset(given),
        warnings=warnings,
    )


def need_short_blocks(contents: Contents) -> None:
    """Refuse with `msg_blocks_too_long` what chat.* does not take; response URLs take more."""
    if _text_length(contents.blocks) > _ALL_BLOCKS_LENGTH:
        raise SlackError("msg_blocks_too_long")


def _text_length(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_text_length, value))
    if not isinstance(value, dict):
        return 0
    return sum(
        len(item) if name == "text" and isinstance(item, str) else _text_length(item)
        for name, item in value.items()
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
        blocks = attachment.get("blocks") or []
        problems = message_problems(blocks)
        if problems:
            raise SlackError("invalid_attachments", errors=problems)
        with_ids(blocks)
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
