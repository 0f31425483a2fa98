"""What tests and pages read about the workspace as a whole."""

import pytest

from tests.sandbox.conftest import ADA, BOT, GENERAL, GRACE, Slack

pytestmark = pytest.mark.server


def test_the_state_shows_channels_with_what_is_stuck_to_them(slack: Slack) -> None:
    client = slack.client
    channel = client.conversations_create(name="inc-1")["channel"]["id"]
    client.conversations_setTopic(channel=channel, topic="P1 declared")
    ts = slack.post(channel)
    client.pins_add(channel=channel, timestamp=ts)
    client.bookmarks_add(channel_id=channel, title="x", type="link", link="https://x.example")
    client.chat_postMessage(channel=GRACE, text="psst")

    state = slack.get("state")
    room = next(c for c in state["channels"] if c["name"] == "inc-1")
    assert (room["id"], room["topic"], room["members"]) == (channel, "P1 declared", [BOT])
    assert (room["pins"], room["bookmarks"][0]["link"]) == ([ts], "https://x.example")
    assert [c["user"] for c in state["channels"] if c["is_im"]] == [GRACE]
    assert ADA in [user["id"] for user in state["users"]]


def test_a_reset_brings_the_beginning_back(slack: Slack) -> None:
    before = slack.get("state")
    slack.post(GENERAL, "hello")
    slack.client.conversations_create(name="inc-1")
    slack.settings(ack_seconds=1)
    slack.fault("latency", ms=1)
    slack.reset()
    names = [channel["name"] for channel in slack.get("state")["channels"]]
    assert names == [channel["name"] for channel in before["channels"]]
    assert "hello" not in slack.texts()
    assert (slack.get("faults")["faults"], slack.get("calls")["calls"]) == ([], [])
    assert slack.get("settings")["ack_seconds"] == 3


def test_answers_are_counted_at_the_root_of_their_thread(slack: Slack) -> None:
    root = slack.act("message", user=ADA, channel="random", text="root")["ts"]
    thread = {"user": ADA, "channel": "random", "thread_ts": root}
    for number in range(3):
        slack.act("message", text=f"answer {number}", **thread)
    shown = slack.messages("random")
    assert shown[0]["reply_count"] == 3
    assert all("reply_count" not in message for message in shown[1:])
