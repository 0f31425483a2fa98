"""Block Kit's composition objects and interactive elements, with their limits.

Limits: docs.slack.dev/reference/block-kit/block-elements and …/composition-objects.
"""

from __future__ import annotations

from typing import Any

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

IDENTIFIER = string(255, 1)
URL = string(3000, 1, r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_DATE = string(10, 10, r"\d{4}-\d{2}-\d{2}")
_TIME = string(5, 5, r"([01]\d|2[0-3]):[0-5]\d")


def plain_text(maximum: int) -> Check:
    """A `plain_text` object of at most that many characters, and not empty."""
    return shape({"type": one_of("plain_text"), "text": string(maximum, 1)}, {"emoji": boolean})


def mrkdwn_text(maximum: int) -> Check:
    """A `mrkdwn` object; `emoji` belongs to plain text alone and is refused here."""
    return shape({"type": one_of("mrkdwn"), "text": string(maximum, 1)}, {"verbatim": boolean})


def text(maximum: int) -> Check:
    """Either kind of text object."""
    return by_type({"plain_text": plain_text(maximum), "mrkdwn": mrkdwn_text(maximum)})


CONFIRM = shape(
    {
        "title": plain_text(100),
        "text": text(300),
        "confirm": plain_text(30),
        "deny": plain_text(30),
    },
    {"style": one_of("primary", "danger")},
)
_OPTION_PARTS: dict[str, Check] = {"description": plain_text(75), "url": URL}
OPTION = shape({"text": plain_text(75), "value": string(150, 1)}, _OPTION_PARTS)
# Checkboxes and radio buttons alone take mrkdwn in their options.
RICH_OPTION = shape(
    {"text": text(75), "value": string(150, 1)}, {"description": text(75), "url": URL}
)
_OPTION_GROUP = shape({"label": plain_text(75), "options": each(OPTION, 100)})
_DISPATCH = shape(
    {}, {"trigger_actions_on": each(one_of("on_enter_pressed", "on_character_entered"), 2)}
)
_FILTER = shape(
    {},
    {
        "include": each(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
_COMMON: dict[str, Check] = {
    "type": string(50),
    "action_id": IDENTIFIER,
    "confirm": CONFIRM,
    "focus_on_load": boolean,
}
_SELECT: dict[str, Check] = {**_COMMON, "placeholder": plain_text(150)}
_MULTI: dict[str, Check] = {**_SELECT, "max_selected_items": integer(1, 1000)}
_IDS = each(IDENTIFIER, 1000)


def _options_known(value: Any, pointer: str, out: list[str]) -> None:
    """An initial option must be one of the options, to the letter."""
    offered = list(value.get("options") or [])
    for group in value.get("option_groups") or []:
        offered += group["options"]
    known = {(option["value"], option["text"]["text"]) for option in offered}
    one = value.get("initial_option")
    for option in value.get("initial_options") or ([one] if one else []):
        if (option["value"], option["text"]["text"]) not in known:
            complain(out, pointer, "initial option must match one of the provided options")


def _one_source(value: Any, pointer: str, out: list[str]) -> None:
    if bool(value.get("options")) == bool(value.get("option_groups")):
        complain(out, pointer, "must define either `options` or `option_groups`")


def _lengths_in_order(value: Any, pointer: str, out: list[str]) -> None:
    low, high = value.get("min_length"), value.get("max_length")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        complain(out, pointer, "min_length must not be more than max_length")


def _element(optional: dict[str, Check], required: dict[str, Check] | None = None) -> Check:
    return shape({"type": string(50), **(required or {})}, optional)


_OPTIONS: dict[str, Check] = {
    "options": each(OPTION, 100),
    "option_groups": each(_OPTION_GROUP, 100),
}
_CHOICES = {"options": each(RICH_OPTION, 10)}

ELEMENTS: dict[str, Check] = {
    "button": _element(
        {
            **{k: v for k, v in _COMMON.items() if k != "focus_on_load"},
            "url": URL,
            "value": string(2000),
            "style": one_of("primary", "danger"),
            "accessibility_label": string(75),
        },
        {"text": plain_text(75)},
    ),
    "static_select": all_of(
        [
            _element({**_SELECT, **_OPTIONS, "initial_option": OPTION}),
            _one_source,
            _options_known,
        ]
    ),
    "multi_static_select": all_of(
        [
            _element({**_MULTI, **_OPTIONS, "initial_options": each(OPTION, 100)}),
            _one_source,
            _options_known,
        ]
    ),
    "external_select": _element(
        {**_SELECT, "initial_option": OPTION, "min_query_length": integer(0, 1000)}
    ),
    "multi_external_select": _element(
        {**_MULTI, "initial_options": each(OPTION, 100), "min_query_length": integer(0, 1000)}
    ),
    "users_select": _element({**_SELECT, "initial_user": IDENTIFIER}),
    "multi_users_select": _element({**_MULTI, "initial_users": _IDS}),
    "channels_select": _element(
        {**_SELECT, "initial_channel": IDENTIFIER, "response_url_enabled": boolean}
    ),
    "multi_channels_select": _element({**_MULTI, "initial_channels": _IDS}),
    "conversations_select": _element(
        {
            **_SELECT,
            "initial_conversation": IDENTIFIER,
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": _FILTER,
        }
    ),
    "multi_conversations_select": _element(
        {
            **_MULTI,
            "initial_conversations": _IDS,
            "default_to_current_conversation": boolean,
            "filter": _FILTER,
        }
    ),
    "overflow": _element(
        {"action_id": IDENTIFIER, "confirm": CONFIRM}, {"options": each(OPTION, 5)}
    ),
    "radio_buttons": all_of(
        [_element({**_COMMON, "initial_option": RICH_OPTION}, _CHOICES), _options_known]
    ),
    "checkboxes": all_of(
        [_element({**_COMMON, "initial_options": each(RICH_OPTION, 10)}, _CHOICES), _options_known]
    ),
    "datepicker": _element({**_SELECT, "initial_date": _DATE}),
    "timepicker": _element({**_SELECT, "initial_time": _TIME, "timezone": string(100)}),
    "datetimepicker": _element({**_COMMON, "initial_date_time": integer(0, 9_999_999_999)}),
    "plain_text_input": all_of(
        [
            _element(
                {
                    "action_id": IDENTIFIER,
                    "placeholder": plain_text(150),
                    "initial_value": string(3000),
                    "multiline": boolean,
                    "min_length": integer(0, 3000),
                    "max_length": integer(1, 3000),
                    "dispatch_action_config": _DISPATCH,
                    "focus_on_load": boolean,
                }
            ),
            _lengths_in_order,
        ]
    ),
}
