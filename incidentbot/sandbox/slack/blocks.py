"""Block Kit's blocks and views, checked as Slack checks them before it takes a payload.

Limits: docs.slack.dev/reference/block-kit/blocks and …/views.
"""

from __future__ import annotations

import json
from typing import Any

from incidentbot.sandbox.slack.elements import ELEMENTS, IDENTIFIER, URL, plain_text, text
from incidentbot.sandbox.slack.schema import (
    Check,
    all_of,
    boolean,
    by_type,
    complain,
    each,
    integer,
    one_of,
    shape,
    string,
)

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
_VIEW_BYTES = 250_000

_MULTI = {name for name in ELEMENTS if name.startswith("multi_")}
_SECTION = set(ELEMENTS) - {"plain_text_input", "datetimepicker"}
_ACTIONS = set(ELEMENTS) - {"plain_text_input"} - _MULTI
_INPUT = set(ELEMENTS) - {"button", "overflow"}


def _only(names: set[str]) -> dict[str, Check]:
    return {name: ELEMENTS[name] for name in sorted(names)}


def _image_source(value: Any, pointer: str, out: list[str]) -> None:
    if (value.get("image_url") is None) == (value.get("slack_file") is None):
        complain(out, pointer, "must define either `image_url` or `slack_file`")


_SLACK_FILE = shape({}, {"id": IDENTIFIER, "url": URL})
_IMAGE = all_of(
    [
        shape(
            {"type": one_of("image"), "alt_text": string(2000)},
            {"image_url": URL, "slack_file": _SLACK_FILE},
        ),
        _image_source,
    ]
)


def _anything(value: Any, pointer: str, out: list[str]) -> None:
    """For the parts whose inside Slack does not limit either."""


_STYLE = shape(
    {},
    dict.fromkeys(
        (
            "bold",
            "italic",
            "strike",
            "code",
            "underline",
            "highlight",
            "client_highlight",
            "unlink",
        ),
        boolean,
    ),
)
_INLINE = by_type(
    {
        "text": shape({"type": _anything, "text": string(40_000, 1)}, {"style": _STYLE}),
        "link": shape(
            {"type": _anything, "url": URL},
            {"text": string(40_000), "unsafe": boolean, "style": _STYLE},
        ),
        "emoji": shape(
            {"type": _anything, "name": IDENTIFIER},
            {"unicode": string(100), "skin_tone": integer(1, 6), "style": _STYLE},
        ),
        "user": shape({"type": _anything, "user_id": IDENTIFIER}, {"style": _STYLE}),
        "usergroup": shape({"type": _anything, "usergroup_id": IDENTIFIER}, {"style": _STYLE}),
        "channel": shape({"type": _anything, "channel_id": IDENTIFIER}, {"style": _STYLE}),
        "broadcast": shape(
            {"type": _anything, "range": one_of("here", "channel", "everyone")}, {"style": _STYLE}
        ),
        "date": shape(
            {
                "type": _anything,
                "timestamp": integer(0, 99_999_999_999),
                "format": string(1000, 1),
            },
            {"url": URL, "fallback": string(1000), "style": _STYLE},
        ),
        "color": shape({"type": _anything, "value": string(20, 1)}),
    }
)
_INLINES = each(_INLINE, 10_000, 0)
_RICH_SECTION = shape({"type": one_of("rich_text_section"), "elements": _INLINES})
_BORDERED: dict[str, Check] = {"border": integer(0, 1)}
_RICH_PARTS: dict[str, Check] = {
    "rich_text_section": _RICH_SECTION,
    "rich_text_preformatted": shape(
        {"type": _anything, "elements": _INLINES}, {**_BORDERED, "language": string(50)}
    ),
    "rich_text_quote": shape({"type": _anything, "elements": _INLINES}, _BORDERED),
    "rich_text_list": shape(
        {
            "type": _anything,
            "style": one_of("bullet", "ordered"),
            "elements": each(_RICH_SECTION, 10_000, 0),
        },
        {**_BORDERED, "indent": integer(0, 8), "offset": integer(0, 100_000)},
    ),
}


def _section_content(value: Any, pointer: str, out: list[str]) -> None:
    if value.get("text") is None and value.get("fields") is None:
        complain(out, pointer, "must define either `text` or `fields`")


def _block(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return shape({"type": string(50), **required}, {"block_id": IDENTIFIER, **(optional or {})})


BLOCKS: dict[str, Check] = {
    "section": all_of(
        [
            _block(
                {},
                {
                    "text": text(3000),
                    "fields": each(text(2000), 10),
                    "accessory": by_type({**_only(_SECTION), "image": _IMAGE}),
                    "expand": boolean,
                },
            ),
            _section_content,
        ]
    ),
    "header": _block({"text": plain_text(150)}),
    "divider": _block({}),
    "context": _block({"elements": each(by_type({"image": _IMAGE, "plain_text": text(2000),
                                                 "mrkdwn": text(2000)}), 10)}),
    "actions": _block({"elements": each(by_type(_only(_ACTIONS)), 25)}),
    "input": _block(
        {"label": plain_text(2000), "element": by_type(_only(_INPUT))},
        {"hint": plain_text(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "image": all_of(
        [
            _block(
                {"alt_text": string(2000)},
                {"image_url": URL, "slack_file": _SLACK_FILE, "title": plain_text(2000)},
            ),
            _image_source,
        ]
    ),
    "rich_text": _block({"elements": each(by_type(_RICH_PARTS), 1000, 0)}),
}  # fmt: skip
_BLOCK = by_type(BLOCKS)


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of one (valid) block, in the order they are shown."""
    kind = block["type"]
    if kind == "actions":
        return list(block["elements"])
    found = block.get({"input": "element", "section": "accessory"}.get(kind, ""))
    return [found] if found and found["type"] in ELEMENTS else []


def _unique_ids(blocks: Any, pointer: str, out: list[str]) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        if block_id := block.get("block_id"):
            if block_id in seen:
                complain(out, f"{pointer}/{index}/block_id", f"block_id already exists: {block_id}")
            seen.add(block_id)
        actions: set[str] = set()
        for position, element in enumerate(elements_of(block)):
            if action := element.get("action_id"):
                if action in actions:
                    where = f"{pointer}/{index}/elements/{position}/action_id"
                    complain(out, where, f"action_id already exists in this block: {action}")
                actions.add(action)


def _submittable(view: Any, pointer: str, out: list[str]) -> None:
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if has_input and not view.get("submit"):
        complain(out, f"{pointer}/submit", "missing required field: submit")


_VIEW_BLOCKS = all_of([each(_BLOCK, VIEW_BLOCKS, 0), _unique_ids])
_VIEW_COMMON: dict[str, Check] = {
    "private_metadata": string(3000),
    "callback_id": string(255),
    "external_id": string(255),
}
VIEWS: dict[str, Check] = {
    "modal": all_of(
        [
            shape(
                {"type": one_of("modal"), "title": plain_text(24), "blocks": _VIEW_BLOCKS},
                {
                    **_VIEW_COMMON,
                    "submit": plain_text(24),
                    "close": plain_text(24),
                    "clear_on_close": boolean,
                    "notify_on_close": boolean,
                    "submit_disabled": boolean,
                },
            ),
            _submittable,
        ]
    ),
    "home": shape({"type": one_of("home"), "blocks": _VIEW_BLOCKS}, _VIEW_COMMON),
}


def message_problems(blocks: Any) -> list[str]:
    """What Slack would refuse in a message's blocks; empty when it would take them."""
    out: list[str] = []
    all_of([each(_BLOCK, MESSAGE_BLOCKS, 0), _unique_ids])(blocks, "/blocks", out)
    return out


def view_problems(view: Any, kind: str) -> list[str]:
    """What Slack would refuse in a view of that kind (`modal` or `home`)."""
    out: list[str] = []
    if not isinstance(view, dict) or view.get("type") != kind:
        complain(out, "/view/type", f"must be a valid enum value: {kind}")
        return out
    VIEWS[kind](view, "/view", out)
    return out


def view_too_large(view: Any) -> bool:
    """Whether the view is past Slack's 250 KB."""
    return len(json.dumps(view).encode()) > _VIEW_BYTES
