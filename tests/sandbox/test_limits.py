"""Block Kit's limits: what is at a limit is taken, what is over it is refused, and it says where."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from tests.sandbox.conftest import ADA, Json, Slack, button, field_of, modal, section

pytestmark = pytest.mark.server

IN_TURN = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(text: str = "one", value: str = "1", **more: object) -> Json:
    return {"text": plain(text), "value": value, **more}


def select(*options: Json, **more: object) -> Json:
    return {"type": "static_select", "action_id": "s", "options": list(options), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def confirm(**change: str) -> Json:
    words = {"title": "Sure?", "text": "Really", "confirm": "Yes", "deny": "No"} | change
    return {name: plain(text) for name, text in words.items()}


def buttons(count: int) -> list[Json]:
    return [button(f"b{number}") for number in range(count)]


def options(count: int) -> list[Json]:
    return [option(value=str(number)) for number in range(count)]


# What grows with n -> the largest n that Slack takes in a message.
IN_MESSAGES: dict[str, tuple[Callable[[int], list[Json]], int]] = {
    "blocks": (lambda n: [{"type": "divider"}] * n, 50),
    "section text": (lambda n: [section("x" * n)], 3000),
    "field": (lambda n: [{"type": "section", "fields": [plain("x" * n)]}], 2000),
    "fields": (lambda n: [{"type": "section", "fields": [plain("x")] * n}], 10),
    "header": (lambda n: [{"type": "header", "text": plain("x" * n)}], 150),
    "button text": (lambda n: [actions(button("b", "x" * n))], 75),
    "button value": (lambda n: [actions(button("b", value="x" * n))], 2000),
    "button address": (lambda n: [actions(button("b", url="https:".ljust(n, "x")))], 3000),
    "accessibility label": (lambda n: [actions(button("b", accessibility_label="x" * n))], 75),
    "action id": (lambda n: [actions(button("b" * n))], 255),
    "block id": (lambda n: [section(block_id="b" * n)], 255),
    "elements of actions": (lambda n: [actions(*buttons(n))], 25),
    "option text": (lambda n: [actions(select(option("x" * n)))], 75),
    "option value": (lambda n: [actions(select(option(value="x" * n)))], 150),
    "option description": (
        lambda n: [actions(select(option(description=plain("x" * n))))],
        75,
    ),
    "options": (lambda n: [actions(select(*options(n)))], 100),
    "overflow options": (
        lambda n: [actions({"type": "overflow", "action_id": "o", "options": options(n)})],
        5,
    ),
    "checkboxes": (
        lambda n: [actions({"type": "checkboxes", "action_id": "c", "options": options(n)})],
        10,
    ),
    "placeholder": (
        lambda n: [actions(select(option(), placeholder=plain("x" * n)))],
        150,
    ),
    "confirm title": (lambda n: [actions(button("b", confirm=confirm(title="x" * n)))], 100),
    "confirm text": (lambda n: [actions(button("b", confirm=confirm(text="x" * n)))], 300),
    "confirm button": (lambda n: [actions(button("b", confirm=confirm(confirm="x" * n)))], 30),
    "context elements": (lambda n: [{"type": "context", "elements": [plain("x")] * n}], 10),
    "alternative text": (
        lambda n: [{"type": "image", "image_url": "https://x.example", "alt_text": "x" * n}],
        2000,
    ),
    "all texts": (lambda n: [section("x" * 2640)] * 4 + [section("x" * (n - 4 * 2640))], 13_200),
}

IN_MODALS: dict[str, tuple[Callable[[int], Json], int]] = {
    "blocks": (lambda n: modal(*[{"type": "divider"}] * n), 100),
    "title": (lambda n: modal(title="x" * n), 24),
    "submit": (lambda n: modal(submit=plain("x" * n)), 24),
    "close": (lambda n: modal(close=plain("x" * n)), 24),
    "private metadata": (lambda n: modal(private_metadata="x" * n), 3000),
    "callback id": (lambda n: modal(callback_id="x" * n), 255),
    "external id": (lambda n: modal(external_id="x" * n), 255),
    "label": (lambda n: modal(field_of("name") | {"label": plain("x" * n)}), 2000),
    "hint": (lambda n: modal(field_of("name") | {"hint": plain("x" * n)}), 2000),
    "placeholder": (lambda n: modal(field_of("name", placeholder=plain("x" * n))), 150),
    "initial value": (lambda n: modal(field_of("name", initial_value="x" * n)), 3000),
    "length of a field": (lambda n: modal(field_of("name", max_length=n)), 3000),
}


def error_of_post(slack: Slack, blocks: list[Json]) -> str:
    try:
        slack.post(blocks=blocks)
    except SlackApiError as error:
        return str(error.response["error"])
    return ""


def error_of_view(slack: Slack, view: Json) -> str:
    """What is wrong with a view, by putting it in the place of an open one."""
    opened = slack.get(f"views?user={ADA}")["view"] or slack.open(modal())
    try:
        slack.client.views_update(view_id=opened["id"], view=view)
    except SlackApiError as error:
        return str(error.response["error"])
    return ""


@pytest.mark.parametrize("name", IN_MESSAGES)
def test_a_message_at_the_limit_is_taken_and_one_over_it_is_not(slack: Slack, name: str) -> None:
    build, most = IN_MESSAGES[name]
    assert error_of_post(slack, build(most)) == ""
    over = "msg_blocks_too_long" if name == "all texts" else "invalid_blocks"
    assert error_of_post(slack, build(most + 1)) == over


@pytest.mark.parametrize("name", IN_MODALS)
def test_a_modal_at_the_limit_is_taken_and_one_over_it_is_not(slack: Slack, name: str) -> None:
    build, most = IN_MODALS[name]
    assert error_of_view(slack, build(most)) == ""
    assert error_of_view(slack, build(most + 1)) == "invalid_arguments"


@IN_TURN
@given(st.sampled_from(sorted(IN_MESSAGES)), st.data())
def test_how_far_under_or_over_a_limit_makes_no_difference(
    slack: Slack, name: str, data: st.DataObject
) -> None:
    build, most = IN_MESSAGES[name]
    low, high = (
        (13_000, 13_500) if name == "all texts" else (7, most * 2)
    )  # "https:" alone is no address
    size = data.draw(st.integers(low, max(high, low)))
    taken = error_of_post(slack, build(size)) == ""
    assert taken == (size <= most)


@IN_TURN
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=140, max_size=160))
def test_limits_count_characters_of_any_script(slack: Slack, text: str) -> None:
    taken = error_of_post(slack, [{"type": "header", "text": plain(text)}]) == ""
    assert taken == (len(text) <= 150)


@pytest.mark.parametrize(
    "block,complaint",
    [
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (section(colour="red"), "invalid additional property: colour [json-pointer:/blocks/0]"),
        ({"type": "section"}, "must define either `text` or `fields` [json-pointer:/blocks/0]"),
        (
            {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
            "must be a valid enum value: plain_text [json-pointer:/blocks/0/text/type]",
        ),
        (actions(), "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
        (
            actions(button("a"), button("a")),
            "action_id already exists in this block: a "
            "[json-pointer:/blocks/0/elements/1/action_id]",
        ),
        (
            actions({"type": "multi_users_select", "action_id": "m"}),
            "unsupported type: multi_users_select [json-pointer:/blocks/0/elements/0/type]",
        ),
        (
            actions(button("a", style="primary-ish")),
            "must be a valid enum value: primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            actions(select(option(), initial_option=option("two", "2"))),
            "initial option must match one of the provided options "
            "[json-pointer:/blocks/0/elements/0]",
        ),
        (
            actions(select(option(), option_groups=[{"label": plain("x"), "options": options(1)}])),
            "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
        ),
        (
            {"type": "image", "alt_text": "x"},
            "must define either `image_url` or `slack_file` [json-pointer:/blocks/0]",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(slack: Slack, block: Json, complaint: str) -> None:
    with pytest.raises(SlackApiError) as caught:
        slack.post(blocks=[block])
    assert caught.value.response["errors"] == [complaint]


def test_two_blocks_cannot_have_the_same_id(slack: Slack) -> None:
    blocks = [section(block_id="same"), section(block_id="same")]
    assert error_of_post(slack, blocks) == "invalid_blocks"
    assert error_of_view(slack, modal(*blocks)) == "invalid_arguments"


def test_a_view_has_an_end(slack: Slack) -> None:
    assert error_of_view(slack, modal(*[section("x" * 2900)] * 100)) == "view_too_large"


def test_rich_text_is_taken(slack: Slack) -> None:
    words = [{"type": "text", "text": "bold", "style": {"bold": True}}]
    line = {"type": "rich_text_section", "elements": words}
    bullets = {"type": "rich_text_list", "style": "bullet", "elements": [line]}
    assert error_of_post(slack, [{"type": "rich_text", "elements": [line, bullets]}]) == ""
