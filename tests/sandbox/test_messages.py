"""Messages: posting, changing, deleting, metadata, pins, bookmarks, reactions, files."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.conftest import (
    ADA,
    BOT,
    GENERAL,
    GRACE,
    RANDOM,
    Json,
    Slack,
    button,
    refusal,
    section,
)

pytestmark = pytest.mark.server

METADATA = {"event_type": "incidentbot_delivery", "event_payload": {"key": "delivery-1"}}


@pytest.fixture
def channel(slack: Slack) -> str:
    return str(slack.client.conversations_create(name="inc-1")["channel"]["id"])


def newest(slack: Slack, channel: str, *, include_all_metadata: bool = False) -> Json:
    history = slack.client.conversations_history(
        channel=channel, include_all_metadata=include_all_metadata
    )
    found: Json = history["messages"][0]
    return found


def test_a_posted_message_is_seen(slack: Slack) -> None:
    answer = slack.client.chat_postMessage(channel=GENERAL, text="hello", blocks=[section("hi")])
    assert (answer["channel"], answer["message"]["text"]) == (GENERAL, "hello")
    assert answer["message"]["blocks"][0]["block_id"]  # Slack names what comes without a name
    assert abs(float(answer["ts"]) - time.time()) < 5
    assert slack.texts()[-1] == "hello"


def test_messages_posted_at_once_are_all_there_each_with_a_time_of_its_own(slack: Slack) -> None:
    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda number: slack.post(GENERAL, str(number)), range(80)))
    assert len(set(times)) == 80
    shown = slack.messages()[-80:]
    assert [message["ts"] for message in shown] == sorted(times)
    assert {message["text"] for message in shown} == {str(number) for number in range(80)}


@pytest.mark.parametrize("ref", ["general", "#general", GENERAL])
def test_a_channel_is_named_by_id_or_name(slack: Slack, ref: str) -> None:
    assert slack.client.chat_postMessage(channel=ref, text="hello")["channel"] == GENERAL


def test_a_person_is_written_to_directly(slack: Slack) -> None:
    sent = slack.client.chat_postMessage(channel=ADA, text="psst")
    assert sent["channel"].startswith("D")
    assert slack.texts(sent["channel"], ADA) == ["psst"]
    assert slack.client.conversations_open(users=ADA)["channel"]["id"] == sent["channel"]


def test_a_public_channel_is_posted_to_from_outside_with_its_scope_only(slack: Slack) -> None:
    assert slack.client.chat_postMessage(channel=RANDOM, text="hello")["ok"]
    slack.settings(scopes=["chat:write"])
    post = slack.client.chat_postMessage
    assert refusal(post, channel=RANDOM, text="hello") == "not_in_channel"


@pytest.mark.parametrize(
    "message,error",
    [
        ({"text": ""}, "no_text"),
        ({"text": "  \n"}, "no_text"),
        ({"text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "marquee"}]}, "invalid_blocks"),
        ({"text": "x", "attachments": "nonsense"}, "invalid_attachments"),
        ({"text": "x", "metadata": "nonsense"}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_format"),
        (
            {"text": "x", "metadata": {"event_type": "a", "event_payload": "b"}},
            "invalid_metadata_format",
        ),
        (
            {"text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "c" * 20_000}}},
            "metadata_too_large",
        ),
        ({"text": "x", "channel": "C0NOWHERE"}, "channel_not_found"),
        ({"text": "x", "channel": "#nowhere"}, "channel_not_found"),
    ],
)
def test_a_message_slack_would_not_take_is_refused(slack: Slack, message: Json, error: str) -> None:
    arguments = {"channel": GENERAL, **message}
    assert refusal(slack.client.api_call, api_method="chat.postMessage", json=arguments) == error
    assert len(slack.texts()) == 1


def test_blocks_alone_are_a_message(slack: Slack) -> None:
    answer = slack.client.api_call(
        "chat.postMessage", json={"channel": GENERAL, "blocks": [section("hi")]}
    )
    assert answer["ok"]


def test_a_text_without_end_is_cut_with_a_warning(slack: Slack) -> None:
    answer = slack.client.chat_postMessage(channel=GENERAL, text="x" * 40_001)
    assert answer["response_metadata"]["warnings"] == ["message_truncated"]
    assert len(answer["message"]["text"]) == 40_000


def test_metadata_is_returned_when_asked_for_and_only_then(slack: Slack, channel: str) -> None:
    slack.post(channel, metadata=METADATA)
    assert "metadata" not in newest(slack, channel)
    assert newest(slack, channel, include_all_metadata=True)["metadata"] == METADATA


def test_metadata_of_a_badly_named_type_is_left_out_with_a_warning(
    slack: Slack, channel: str
) -> None:
    metadata = METADATA | {"event_type": "incidentbot.delivery"}
    answer = slack.client.chat_postMessage(channel=channel, text="x", metadata=metadata)
    assert answer["warning"] == "invalid_metadata_schema"
    assert "metadata" not in newest(slack, channel, include_all_metadata=True)

    ts = slack.post(channel, metadata=METADATA)
    slack.client.chat_update(channel=channel, ts=ts, text="x", metadata=metadata)
    assert newest(slack, channel, include_all_metadata=True)["metadata"] == METADATA


def test_an_update_keeps_what_it_does_not_name(slack: Slack, channel: str) -> None:
    ts = slack.post(channel, "old", blocks=[section("old")], metadata=METADATA)

    change = {"channel": channel, "ts": ts}
    slack.client.api_call("chat.update", json=change | {"blocks": [section("new")]})
    shown = newest(slack, channel, include_all_metadata=True)
    assert (shown["text"], shown["blocks"][0]["text"]["text"]) == ("old", "new")
    assert shown["metadata"] == METADATA

    slack.client.api_call("chat.update", json=change | {"attachments": [{"text": "more"}]})
    assert newest(slack, channel)["blocks"][0]["text"]["text"] == "new"

    slack.client.chat_update(channel=channel, ts=ts, text="words alone", metadata={})
    shown = newest(slack, channel, include_all_metadata=True)
    assert shown["text"] == "words alone"
    assert "blocks" not in shown
    assert "metadata" not in shown
    assert shown["edited"]["user"] == BOT


def test_an_update_takes_4000_characters(slack: Slack, channel: str) -> None:
    ts = slack.post(channel)
    update = slack.client.chat_update
    assert update(channel=channel, ts=ts, text="x" * 4000)["ok"]
    assert refusal(update, channel=channel, ts=ts, text="x" * 4001) == "msg_too_long"


def test_other_peoples_messages_are_not_the_apps_to_change(slack: Slack) -> None:
    client = slack.client
    ts = slack.act("message", user=ADA, channel="general", text="mine")["ts"]
    assert refusal(client.chat_update, channel=GENERAL, ts=ts, text="x") == "cant_update_message"
    assert refusal(client.chat_delete, channel=GENERAL, ts=ts) == "cant_delete_message"
    gone = "1.000000"
    assert refusal(client.chat_update, channel=GENERAL, ts=gone, text="x") == "message_not_found"
    assert refusal(client.chat_update, channel="general", ts=ts, text="x") == "channel_not_found"


def test_a_deleted_message_is_gone_with_its_pin(slack: Slack, channel: str) -> None:
    ts = slack.post(channel)
    slack.client.pins_add(channel=channel, timestamp=ts)
    slack.client.chat_delete(channel=channel, ts=ts)
    assert refusal(slack.client.chat_delete, channel=channel, ts=ts) == "message_not_found"
    slack.settings(scopes=["pins:read"])
    assert slack.client.pins_list(channel=channel)["items"] == []


def test_an_ephemeral_message_is_for_one_person_and_not_in_the_history(
    slack: Slack, channel: str
) -> None:
    client = slack.client
    client.conversations_invite(channel=channel, users=[ADA, GRACE])
    client.chat_postEphemeral(channel=channel, user=ADA, text="psst")
    assert slack.texts(channel, ADA)[-1] == "psst"
    assert "psst" not in slack.texts(channel, GRACE)
    assert newest(slack, channel)["text"] != "psst"
    post = client.chat_postEphemeral
    assert refusal(post, channel=channel, user=BOT * 2, text="x") == "user_not_in_channel"


def test_a_permalink_leads_to_the_message(slack: Slack) -> None:
    ts = slack.post()
    link = slack.client.chat_getPermalink(channel=GENERAL, message_ts=ts)["permalink"]
    assert link == f"{slack.url}/archives/{GENERAL}/p{ts.replace('.', '')}"


def test_a_message_is_pinned_once(slack: Slack, channel: str) -> None:
    ts = slack.post(channel)
    pin = slack.client.pins_add
    pin(channel=channel, timestamp=ts)
    assert newest(slack, channel)["pinned_to"] == [channel]
    assert refusal(pin, channel=channel, timestamp=ts) == "already_pinned"
    assert refusal(pin, channel=channel, timestamp="1.000000") == "message_not_found"
    assert refusal(pin, channel=channel, timestamp="now") == "bad_timestamp"
    assert refusal(pin, channel=channel) == "no_item_specified"
    assert refusal(pin, channel=RANDOM, timestamp=ts) == "not_in_channel"
    slack.client.pins_remove(channel=channel, timestamp=ts)
    assert refusal(slack.client.pins_remove, channel=channel, timestamp=ts) == "no_pin"


def test_a_bookmark_is_added_changed_and_removed(slack: Slack, channel: str) -> None:
    client = slack.client
    made = client.bookmarks_add(
        channel_id=channel, title="INC-1", type="link", link="https://x.example/1"
    )["bookmark"]
    client.bookmarks_edit(bookmark_id=made["id"], channel_id=channel, title="INC-1 (P1)")
    (listed,) = client.bookmarks_list(channel_id=channel)["bookmarks"]
    assert (listed["title"], listed["link"]) == ("INC-1 (P1)", "https://x.example/1")
    client.bookmarks_remove(bookmark_id=made["id"], channel_id=channel)
    remove = client.bookmarks_remove
    assert refusal(remove, bookmark_id=made["id"], channel_id=channel) == "not_found"


@pytest.mark.parametrize(
    "change,error",
    [
        ({"link": "ftp://x.example"}, "invalid_link"),
        ({"link": "nonsense"}, "invalid_link"),
        ({"type": "folder"}, "invalid_bookmark_type"),
        ({"emoji": "two words"}, "invalid_emoji"),
        ({"title": ""}, "invalid_arguments"),
        ({"channel_id": "C0NOWHERE"}, "channel_not_found"),
    ],
)
def test_a_bookmark_slack_would_not_take_is_refused(
    slack: Slack, channel: str, change: Json, error: str
) -> None:
    bookmark = {"channel_id": channel, "title": "x", "type": "link", "link": "https://x.example"}
    add = slack.client.bookmarks_add
    assert refusal(add, **(bookmark | change)) == error


def test_a_reaction_is_given_once(slack: Slack) -> None:
    slack.settings(scopes=["reactions:write", "chat:write", "chat:write.public"])
    ts = slack.post()
    add, remove = slack.client.reactions_add, slack.client.reactions_remove
    add(channel=GENERAL, timestamp=ts, name="eyes")
    slack.act("react", user=ADA, channel="general", ts=ts, name="eyes")
    assert slack.messages()[-1]["reactions"] == [{"name": "eyes", "users": [BOT, ADA], "count": 2}]
    assert refusal(add, channel=GENERAL, timestamp=ts, name="eyes") == "already_reacted"
    assert refusal(add, channel=GENERAL, timestamp=ts, name="Eyes!") == "invalid_name"
    remove(channel=GENERAL, timestamp=ts, name="eyes")
    assert refusal(remove, channel=GENERAL, timestamp=ts, name="eyes") == "no_reaction"


def test_a_file_is_uploaded_in_three_steps(slack: Slack, channel: str) -> None:
    slack.settings(scopes=["files:write"])
    done = slack.client.files_upload_v2(
        channel=channel, filename="log.txt", content="it broke", initial_comment="The log"
    )
    assert done["files"][0]["name"] == "log.txt"
    shared = slack.messages(channel, "")[-1]
    assert (shared["text"], shared["files"][0]["size"]) == ("The log", 8)
    complete = slack.client.files_completeUploadExternal
    again = [{"id": done["files"][0]["id"]}]
    assert refusal(complete, files=again, channel_id=channel) == "file_not_found"


def test_an_upload_needs_its_bytes_and_a_channel_to_go_to(slack: Slack) -> None:
    slack.settings(scopes=["files:write"])
    client = slack.client
    ask, complete = client.files_getUploadURLExternal, client.files_completeUploadExternal
    assert refusal(ask, filename="x", length=0) == "missing_argument"
    ticket = ask(filename="x", length=3)
    files = [{"id": ticket["file_id"]}]
    assert refusal(complete, files=files) == "file_not_found"
    assert requests.post(ticket["upload_url"], data=b"abc", timeout=10).ok
    assert refusal(complete, files=files, channel_id="C0NOWHERE") == "channel_not_found"
    assert refusal(complete, files=files, channel_id=RANDOM) == "not_in_channel"
    assert complete(files=files)["files"][0]["size"] == 3


def test_a_button_in_an_attachment_can_be_pressed(slack: Slack) -> None:
    blocks = [{"type": "actions", "elements": [button("go")]}]
    ts = slack.post(attachments=[{"blocks": blocks}])
    slack.act("action", user=ADA, channel="general", ts=ts, action_id="go")
    assert slack.app.last.payload["actions"][0]["action_id"] == "go"
