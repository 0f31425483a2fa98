"""Buttons, menus and shortcuts, and answers that change the message they are in."""

import pytest
import requests

from tests.sandbox.conftest import (
    ADA,
    GENERAL,
    GRACE,
    Slack,
    button,
    modal,
    refusal,
    section,
)

pytestmark = pytest.mark.server


def card(slack: Slack) -> str:
    buttons = [button("resolve", value="INC-1", style="danger"), button("open")]
    actions = {"type": "actions", "block_id": "buttons", "elements": buttons}
    metadata = {"event_type": "card", "event_payload": {"key": "1"}}
    return slack.post(text="INC-1", blocks=[section("INC-1"), actions], metadata=metadata)


def press(slack: Slack, ts: str, action_id: str = "resolve", **more: object) -> dict[str, object]:
    arguments = {"user": ADA, "channel": "general", "ts": ts, "action_id": action_id}
    return slack.act("action", **(arguments | more))


def respond(slack: Slack, **answer: object) -> requests.Response:
    return requests.post(slack.app.last.payload["response_url"], json=answer, timeout=10)


def test_a_pressed_button_tells_who_where_and_what(slack: Slack) -> None:
    ts = card(slack)
    press(slack, ts)
    assert slack.app.last.signed
    sent = slack.app.last.payload
    assert (sent["type"], sent["user"]["id"]) == ("block_actions", ADA)
    assert sent["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": GENERAL,
        "is_ephemeral": False,
    }
    assert sent["channel"] == {"id": GENERAL, "name": "general"}
    (action,) = sent["actions"]
    assert (action["action_id"], action["block_id"]) == ("resolve", "buttons")
    assert (action["value"], action["type"]) == ("INC-1", "button")
    assert sent["message"]["metadata"]["event_payload"] == {"key": "1"}


def test_a_button_opens_a_modal_with_its_trigger(slack: Slack) -> None:
    press(slack, card(slack))
    trigger = slack.app.last.payload["trigger_id"]
    assert slack.client.views_open(trigger_id=trigger, view=modal())["ok"]


def test_a_menu_sends_the_option_chosen(slack: Slack) -> None:
    options = [
        {"text": {"type": "plain_text", "text": level}, "value": level} for level in ("P1", "P2")
    ]
    menu = {"type": "static_select", "action_id": "severity", "options": options}
    overflow = {"type": "overflow", "action_id": "more", "options": options}
    ts = slack.post(blocks=[section(accessory=menu), section(accessory=overflow)])
    press(slack, ts, "severity", selected_option="P2")
    assert slack.app.last.payload["actions"][0]["selected_option"]["value"] == "P2"
    press(slack, ts, "more", value="P1")
    assert slack.app.last.payload["actions"][0]["selected_option"]["value"] == "P1"


def test_a_person_can_be_chosen(slack: Slack) -> None:
    menu = {"type": "users_select", "action_id": "commander"}
    ts = slack.post(blocks=[section(accessory=menu)])
    press(slack, ts, "commander", selected_user=GRACE)
    sent = slack.app.last.payload
    assert sent["actions"][0]["selected_user"] == GRACE


@pytest.mark.parametrize("action_id", ["nothing", ""])
def test_a_button_that_is_not_there_cannot_be_pressed(slack: Slack, action_id: str) -> None:
    with pytest.raises(AssertionError, match="no element"):
        press(slack, card(slack), action_id)


def test_an_answer_replaces_or_deletes_the_message(slack: Slack) -> None:
    ts = card(slack)
    press(slack, ts)
    respond(slack, replace_original=True, text="INC-1 is resolved")
    shown = slack.messages()[-1]
    assert (shown["ts"], shown["text"]) == (ts, "INC-1 is resolved")
    assert "blocks" not in shown

    slack.reset()
    press(slack, card(slack))
    respond(slack, delete_original=True)
    assert "INC-1" not in slack.texts()


def test_an_answer_without_more_is_a_new_message_for_the_person(slack: Slack) -> None:
    press(slack, card(slack))
    respond(slack, text="Only you")
    assert slack.texts(user=ADA)[-1] == "Only you"
    assert slack.texts(user=GRACE)[-1] == "INC-1"


def test_an_ephemeral_message_is_not_sent_along_and_can_be_replaced(slack: Slack) -> None:
    slack.client.conversations_join(channel=GENERAL)
    blocks = [{"type": "actions", "elements": [button("yes")]}]
    sent = slack.client.chat_postEphemeral(channel=GENERAL, user=ADA, text="Sure?", blocks=blocks)
    ts = sent["message_ts"]
    press(slack, ts, "yes")
    payload = slack.app.last.payload
    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
    respond(slack, replace_original=True, text="Done")
    assert slack.texts()[-1] == "Done"
    update = slack.client.chat_update
    assert refusal(update, channel=GENERAL, ts=ts, text="x") == "message_not_found"


def test_others_do_not_reach_an_ephemeral_message(slack: Slack) -> None:
    slack.client.conversations_join(channel=GENERAL)
    blocks = [{"type": "actions", "elements": [button("yes")]}]
    sent = slack.client.chat_postEphemeral(channel=GENERAL, user=ADA, text="Sure?", blocks=blocks)
    with pytest.raises(AssertionError, match="no such message"):
        press(slack, sent["message_ts"], "yes", user=GRACE)


@pytest.mark.parametrize(
    "status,after,words", [(500, 0, "trouble connecting"), (200, 0.4, "timed out")]
)
def test_the_person_is_told_when_the_app_fails(
    slack: Slack, status: int, after: float, words: str
) -> None:
    slack.settings(ack_seconds=0.2)
    slack.app.always(status=status, after=after)
    press(slack, card(slack))
    assert words in slack.texts()[-1]


def test_shortcuts_reach_the_app(slack: Slack) -> None:
    slack.act("shortcut", user=ADA, callback_id="declare")
    sent = slack.app.last.payload
    assert (sent["type"], sent["callback_id"]) == ("shortcut", "declare")
    assert slack.client.views_open(trigger_id=sent["trigger_id"], view=modal())["ok"]

    ts = slack.act("message", user=GRACE, channel="general", text="It is slow")["ts"]
    shortcut = {"user": ADA, "channel": "general", "ts": ts, "callback_id": "add"}
    slack.act("message_shortcut", **shortcut)
    sent = slack.app.last.payload
    assert (sent["type"], sent["message"]["text"]) == ("message_action", "It is slow")
