"""The Web API's door: tokens, scopes, forms and JSON, missing and malformed arguments, pages."""

import json
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.sandbox.conftest import (
    ADA,
    BOT,
    GENERAL,
    RANDOM,
    TOKEN,
    Json,
    Slack,
    complaints,
    refusal,
)

pytestmark = pytest.mark.server


def call(slack: Slack, method: str, **body: Any) -> Json:
    """Call a method without Slack's own client: `json=` or `data=` is the body."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    response = requests.post(f"{slack.url}/api/{method}", headers=headers, timeout=10, **body)
    found: Json = response.json()
    return found


def test_auth_test_tells_the_app_who_it_is(slack: Slack) -> None:
    me = slack.client.auth_test()
    assert (me["user_id"], me["bot_id"], me["team_id"]) == (BOT, "B0INCBOT00", "T0SANDBOX0")
    assert "chat:write" in me.headers["X-OAuth-Scopes"].split(",")


def test_a_call_without_a_token_is_not_authed(slack: Slack) -> None:
    assert refusal(WebClient(base_url=f"{slack.url}/api/").auth_test) == "not_authed"


def test_a_call_with_another_token_is_refused(slack: Slack) -> None:
    assert refusal(WebClient("xoxb-no", base_url=f"{slack.url}/api/").auth_test) == "invalid_auth"


def test_a_token_is_taken_from_a_form_but_not_from_json_or_the_address(slack: Slack) -> None:
    url = f"{slack.url}/api/auth.test"
    assert requests.post(url, data={"token": TOKEN}, timeout=10).json()["ok"]
    assert requests.post(url, json={"token": TOKEN}, timeout=10).json()["error"] == "not_authed"
    assert requests.get(url, params={"token": TOKEN}, timeout=10).json()["error"] == "not_authed"


@pytest.mark.parametrize(
    "state,error", [("revoked", "token_revoked"), ("inactive", "account_inactive")]
)
def test_a_token_can_die(slack: Slack, state: str, error: str) -> None:
    slack.settings(token_state=state)
    assert refusal(slack.client.auth_test) == error


def test_an_unknown_method_is_refused(slack: Slack) -> None:
    assert refusal(slack.client.api_call, api_method="chat.shout") == "unknown_method"


def test_a_missing_scope_is_named(slack: Slack) -> None:
    slack.settings(scopes=["users:read"])
    with pytest.raises(SlackApiError) as caught:
        slack.client.chat_postMessage(channel=GENERAL, text="hello")
    answer = caught.value.response
    assert answer["error"] == "missing_scope"
    assert (answer["needed"], answer["provided"]) == ("chat:write", "users:read")


def test_a_missing_argument_is_named(slack: Slack) -> None:
    said = complaints(slack.client.api_call, api_method="chat.postMessage", json={"text": "hello"})
    assert said == "[ERROR] missing required field: channel"


def test_arguments_come_as_a_form_or_as_json(slack: Slack) -> None:
    blocks = [{"type": "divider"}]
    message = {"channel": GENERAL, "text": "hello", "blocks": blocks}
    assert call(slack, "chat.postMessage", json=message)["ok"]
    assert call(slack, "chat.postMessage", data=message | {"blocks": json.dumps(blocks)})["ok"]


def test_some_methods_do_not_read_json(slack: Slack) -> None:
    assert call(slack, "users.info", data={"user": ADA})["ok"]
    assert call(slack, "users.info", json={"user": ADA})["error"] == "invalid_arguments"


@pytest.mark.parametrize(
    "body,error", [("{", "invalid_json"), ("[]", "json_not_object"), ("3", "json_not_object")]
)
def test_malformed_json_is_refused(slack: Slack, body: str, error: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    url = f"{slack.url}/api/chat.postMessage"
    assert requests.post(url, data=body, headers=headers, timeout=10).json()["error"] == error


def test_other_kinds_of_body_are_refused(slack: Slack) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/xml"}
    url = f"{slack.url}/api/auth.test"
    found = requests.post(url, data="<x/>", headers=headers, timeout=10).json()
    assert found["error"] == "invalid_post_type"


def test_lists_come_page_by_page(slack: Slack) -> None:
    names: list[str] = []
    cursor = ""
    pages = 0
    while cursor or not pages:
        page = slack.client.conversations_list(limit=3, cursor=cursor)
        names += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        pages += 1
    assert pages == 2
    assert sorted(names) == ["engineering", "general", "random", "support"]


@pytest.mark.parametrize("cursor", ["nonsense", "äöü", "YXQ6LTU="])
def test_a_false_cursor_is_refused(slack: Slack, cursor: str) -> None:
    assert refusal(slack.client.conversations_list, cursor=cursor) == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_false_limit_is_refused(slack: Slack, limit: str) -> None:
    assert refusal(slack.client.conversations_list, limit=limit) == "invalid_limit"


def test_people_are_found_by_id_and_by_address(slack: Slack) -> None:
    ada = slack.client.users_info(user=ADA)["user"]
    assert (ada["name"], ada["profile"]["email"]) == ("ada", "ada@example.com")
    assert slack.client.users_lookupByEmail(email="ADA@example.com")["user"]["id"] == ADA
    assert refusal(slack.client.users_info, user="U0NOBODY") == "user_not_found"
    assert refusal(slack.client.users_lookupByEmail, email="x@example.com") == "users_not_found"
    assert {user["name"] for user in slack.client.users_list()["members"]} > {"ada", "incidentbot"}


def test_addresses_need_their_own_scope(slack: Slack) -> None:
    slack.settings(scopes=["users:read"])
    assert "email" not in slack.client.users_info(user=ADA)["user"]["profile"]
    assert refusal(slack.client.users_lookupByEmail, email="a@example.com") == "missing_scope"


def test_the_call_log_tells_what_was_asked_and_answered(slack: Slack) -> None:
    slack.post(RANDOM, "hello")
    refusal(slack.client.users_info, user="U0NOBODY")
    posted, asked = slack.get("calls")["calls"][-2:]
    assert (posted["method"], posted["status"], posted["error"]) == ("chat.postMessage", 200, None)
    assert posted["arguments"] == {"channel": RANDOM, "text": "hello"}
    assert (asked["method"], asked["error"]) == ("users.info", "user_not_found")
    assert posted["started"] <= posted["ended"] <= asked["ended"]


KEYS = (
    "type", "text", "elements", "element", "accessory", "block_id", "action_id", "options",
    "option_groups", "initial_options", "blocks", "title", "fields",
)  # fmt: skip
KINDS = ("section", "actions", "input", "static_select", "modal", "mrkdwn")
ARGUMENTS = (
    "channel", "users", "user", "name", "is_private", "text", "blocks", "attachments", "metadata",
    "ts", "timestamp", "thread_ts", "limit", "cursor", "oldest", "latest", "inclusive", "topic",
    "view", "trigger_id", "view_id", "hash", "title", "type", "link", "emoji", "force",
)  # fmt: skip
METHODS = (
    "chat.postMessage", "chat.update", "chat.postEphemeral", "conversations.create",
    "conversations.invite", "conversations.history", "conversations.open",
    "conversations.setTopic", "pins.add", "bookmarks.add", "views.open", "views.update",
    "views.publish",
)  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner | st.sampled_from(KINDS), max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(METHODS), st.dictionaries(st.sampled_from(ARGUMENTS), JUNK, max_size=6))
def test_whatever_is_sent_the_answer_is_one_of_slacks(
    slack: Slack, method: str, junk: Json
) -> None:
    given = {"channel": GENERAL, "user": ADA, "user_id": ADA, "channel_id": GENERAL}
    answer = call(slack, method, json=given | junk)
    assert answer["ok"] is True or isinstance(answer["error"], str)
