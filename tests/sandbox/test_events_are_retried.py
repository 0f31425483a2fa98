"""Events: which the app is told of, how, and again when it does not answer."""

import time

import pytest

from tests.sandbox.conftest import (
    ADA,
    BOT,
    GENERAL,
    Answer,
    Json,
    Knock,
    Slack,
    eventually,
)

pytestmark = pytest.mark.server


@pytest.fixture
def told(slack: Slack) -> Slack:
    """A workspace whose app is in #general and subscribes to messages there."""
    slack.client.conversations_join(channel=GENERAL)
    slack.settings(events=["message"], retry_delays=[0, 0.1, 0.2], ack_seconds=0.3)
    return slack


def say(slack: Slack, text: str = "It is slow") -> None:
    slack.act("message", user=ADA, channel="general", text=text)


def after(slack: Slack, seconds: float = 0.3) -> list[Knock]:
    """What has come once everything that is coming has come."""
    time.sleep(seconds)
    return slack.app.knocks


def test_no_event_is_sent_unless_the_app_subscribes(slack: Slack) -> None:
    slack.client.conversations_join(channel=GENERAL)
    say(slack)
    assert after(slack) == []


def test_a_message_is_told_in_a_signed_envelope(told: Slack) -> None:
    say(told)
    eventually(lambda: len(told.app.knocks) == 1)
    knock = told.app.last
    assert knock.signed
    sent = knock.payload
    assert (sent["type"], sent["team_id"]) == ("event_callback", "T0SANDBOX0")
    assert sent["event_id"].startswith("Ev")
    event = sent["event"]
    assert (event["type"], event["user"], event["text"]) == ("message", ADA, "It is slow")
    assert (event["channel"], event["channel_type"]) == (GENERAL, "channel")
    assert "x-slack-retry-num" not in knock.headers


def test_the_apps_own_messages_are_told_too(told: Slack) -> None:
    told.post(GENERAL, "mine")
    eventually(lambda: len(told.app.knocks) == 1)
    event = told.app.last.payload["event"]
    assert (event["user"], event["bot_id"], event["text"]) == (BOT, "B0INCBOT00", "mine")


def test_an_event_needs_membership_and_scope(told: Slack) -> None:
    told.act("message", user=ADA, channel="random", text="x")
    told.settings(scopes=["chat:write"])
    say(told)
    assert after(told) == []


def test_an_event_is_repeated_until_it_is_taken(told: Slack) -> None:
    told.app.answer = lambda _knock: Answer(status=500 if len(told.app.knocks) < 3 else 200)
    say(told)
    eventually(lambda: len(told.app.knocks) == 3)
    assert len(after(told)) == 3
    first, second, third = told.app.knocks
    assert first.body == second.body == third.body
    assert second.headers["x-slack-retry-num"] == "1"
    assert third.headers["x-slack-retry-num"] == "2"
    assert third.headers["x-slack-retry-reason"] == "http_error"
    assert third.signed


def test_an_event_is_repeated_three_times_at_most(told: Slack) -> None:
    told.app.always(status=503)
    say(told)
    eventually(lambda: len(told.app.knocks) == 4)
    assert len(after(told, 0.5)) == 4


def test_no_answer_in_time_is_a_reason_to_repeat(told: Slack) -> None:
    def answer(knock: Knock) -> Answer:
        return Answer(after=0 if "x-slack-retry-num" in knock.headers else 0.5)

    told.app.answer = answer
    say(told)
    eventually(lambda: len(told.app.knocks) == 2)
    assert told.app.last.headers["x-slack-retry-reason"] == "http_timeout"


def test_the_app_can_ask_not_to_be_told_again(told: Slack) -> None:
    told.app.always(status=500, headers={"X-Slack-No-Retry": "1"})
    say(told)
    eventually(lambda: len(told.app.knocks) == 1)
    assert len(after(told)) == 1


@pytest.mark.parametrize(
    "kind,scope,act,expected",
    [
        ("reaction_added", "reactions:read", {"what": "react", "name": "eyes"}, {"user": ADA}),
        ("pin_added", "pins:read", {"what": "pin"}, {"channel_id": GENERAL}),
        ("app_home_opened", "", {"what": "home"}, {"tab": "home", "user": ADA}),
    ],
)
def test_other_things_people_do_are_told(
    slack: Slack, kind: str, scope: str, act: Json, expected: Json
) -> None:
    slack.settings(events=[kind], scopes=[scope, "chat:write", "chat:write.public"])
    ts = slack.post()
    slack.act(user=ADA, channel="general", ts=ts, **act)
    eventually(lambda: bool(slack.app.knocks))
    event = slack.app.last.payload["event"]
    assert event | expected | {"type": kind} == event


def test_the_address_is_verified_by_a_challenge(slack: Slack) -> None:
    slack.app.answer = lambda knock: Answer({"challenge": knock.payload["challenge"]})
    assert slack.act("url_verification")["verified"]
    slack.app.always("no")
    assert not slack.act("url_verification")["verified"]


def test_what_was_sent_can_be_read_whole(told: Slack) -> None:
    say(told)
    eventually(lambda: bool(told.get("requests")["requests"]))
    eventually(lambda: told.get("requests")["requests"][-1]["status"] == 200)
    entry = told.get("requests")["requests"][-1]
    assert (entry["kind"], entry["body"]) == ("event message", told.app.last.body)
