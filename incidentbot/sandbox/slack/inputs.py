"""What people choose and type: the state of a view's elements, in Slack's shape.

A state value looks like `{"type": "plain_text_input", "value": "…"}`, or carries
`selected_option`, `selected_user` and so on, by the element's type (docs.slack.dev,
"view_submission payload").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from incidentbot.sandbox.slack.blocks import elements_of
from incidentbot.sandbox.slack.model import Json

State = dict[str, dict[str, Json]]

# element type -> (its key in the state, the key of its initial value)
KEYS = {
    "plain_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
}
REQUIRED = "Please complete this required field."


class NoSuchChoice(ValueError):
    """A value was sent that the element does not offer."""


def stateful(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each block and element that keeps a value; buttons and overflow menus keep none."""
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in KEYS:
                yield block, element


def initial_value(element: Json) -> Json:
    """An element's state before anybody touched it."""
    key, initial = KEYS[element["type"]]
    value = element.get(initial)
    empty: Any = [] if key.endswith("s") and key != "value" else None
    return {"type": element["type"], key: empty if value is None else value}


def initial_state(blocks: list[Json]) -> State:
    """The state of all elements before anybody touched them."""
    state: State = {}
    for block, element in stateful(blocks):
        state.setdefault(block["block_id"], {})[element["action_id"]] = initial_value(element)
    return state


def kept_state(blocks: list[Json], typed: State) -> State:
    """The state after an update: kept where ids and type are unchanged, initial elsewhere."""
    state = initial_state(blocks)
    for block_id, actions in state.items():
        for action_id, fresh in actions.items():
            old = typed.get(block_id, {}).get(action_id)
            if old is not None and old["type"] == fresh["type"]:
                actions[action_id] = old
    return state


def options_of(element: Json) -> list[Json]:
    """All the options of an element, groups laid flat."""
    found = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        found += group["options"]
    return found


def _option(element: Json, value: Any) -> Json:
    if isinstance(value, dict):
        value = value.get("value")
    for option in [*options_of(element), *initial_options(element)]:
        if option["value"] == value:
            return {k: v for k, v in option.items() if k in ("text", "value", "description")}
    if "external" in element["type"] and isinstance(value, str):
        return {"text": {"type": "plain_text", "text": value, "emoji": True}, "value": value}
    raise NoSuchChoice(f"{element['action_id']} offers no option {value!r}")


def initial_options(element: Json) -> list[Json]:
    """The options an element starts with."""
    one = element.get("initial_option")
    return [*([one] if one else []), *(element.get("initial_options") or [])]


def chosen(element: Json, value: Any) -> Json:
    """The element's state after a person set it to `value`.

    Options are named by their value; people and channels by id; None and "" clear.
    Raises NoSuchChoice when the element does not offer that.
    """
    key, _ = KEYS[element["type"]]
    if key == "selected_options":
        value = [_option(element, one) for one in _listed(element, value)]
    elif key == "selected_option":
        value = _option(element, value) if value not in (None, "") else None
    elif key.endswith("s"):
        value = _listed(element, value)
    elif value in (None, ""):
        value = None
    elif not isinstance(value, int if key == "selected_date_time" else str):
        raise NoSuchChoice(f"{element['action_id']} cannot hold {value!r}")
    return {"type": element["type"], key: value}


def _listed(element: Json, value: Any) -> list[Any]:
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise NoSuchChoice(f"{element['action_id']} takes a list")
    return value


def is_empty(value: Json) -> bool:
    """Whether nothing is chosen or typed."""
    return value[KEYS[value["type"]][0]] in (None, "", [])


def problems(blocks: list[Json], state: State) -> dict[str, str]:
    """What the client itself refuses before it sends a form: block id -> its message."""
    found: dict[str, str] = {}
    for block, element in stateful(blocks):
        if block["type"] != "input":
            continue
        value = state[block["block_id"]][element["action_id"]]
        if is_empty(value):
            if not block.get("optional"):
                found[block["block_id"]] = REQUIRED
        elif message := _CHECKS.get(element["type"], _fine)(element, value):
            found[block["block_id"]] = message
    return found


def _fine(_element: Json, _value: Json) -> str:
    return ""


def _text(element: Json, value: Json) -> str:
    length = len(value["value"])
    low, high = element.get("min_length") or 0, element.get("max_length") or 3000
    if length > high:
        return f"Please enter a value of at most {high} characters."
    return f"Please enter a value of at least {low} characters." if length < low else ""


def _many(element: Json, value: Json) -> str:
    most = element.get("max_selected_items")
    picked = value[KEYS[element["type"]][0]]
    return f"Please choose at most {most} items." if most and len(picked) > most else ""


_CHECKS: dict[str, Callable[[Json, Json], str]] = {
    "plain_text_input": _text,
    **{name: _many for name in KEYS if name.startswith("multi_")},
}
