"""Faults on demand: calls are slow, refused, lost on the way there or on the way back."""

import time
from collections.abc import Callable
from http.client import RemoteDisconnected
from urllib.error import URLError

import pytest
import requests
from slack_sdk.errors import SlackApiError

from tests.sandbox.conftest import GENERAL, Slack, refusal

pytestmark = pytest.mark.server

LOST = (RemoteDisconnected, ConnectionError, URLError, TimeoutError)


def seconds(do: Callable[[], object]) -> float:
    started = time.monotonic()
    do()
    return time.monotonic() - started


def failure(slack: Slack) -> SlackApiError:
    """How a post fails, when Slack answers at all."""
    with pytest.raises(SlackApiError) as caught:
        slack.post(text="hello")
    return caught.value


def posted(slack: Slack) -> int:
    """How often "hello" was in fact posted."""
    return slack.texts().count("hello")


@pytest.mark.parametrize("when", ["before", "after", "half"])
def test_latency_makes_a_call_slow(slack: Slack, when: str) -> None:
    slack.fault("latency", ms=200, when=when)
    assert 0.2 <= seconds(slack.post) < 1
    assert posted(slack) == 1


def test_latency_before_delays_the_effect_too(slack: Slack) -> None:
    slack.fault("latency", ms=150, when="before")
    started = time.time()
    assert float(slack.post()) - started >= 0.15


def test_a_rate_limit_says_how_long_to_wait_and_nothing_is_posted(slack: Slack) -> None:
    slack.fault("rate_limited", retry_after=7)
    answer = failure(slack).response
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers["Retry-After"] == "7"
    assert posted(slack) == 0


def test_a_server_error_posts_nothing(slack: Slack) -> None:
    slack.fault("server_error")
    assert failure(slack).response.status_code == 500
    assert posted(slack) == 0


def test_a_server_error_after_hides_that_the_message_was_posted(slack: Slack) -> None:
    slack.fault("server_error_after")
    assert failure(slack).response.status_code == 500
    assert posted(slack) == 1


@pytest.mark.parametrize(
    "kind,effect", [("hang", 1), ("drop", 1), ("hang_before", 0), ("refuse", 0)]
)
def test_a_lost_connection_may_or_may_not_have_posted(slack: Slack, kind: str, effect: int) -> None:
    slack.fault(kind, **({"ms": 150} if "hang" in kind else {}))
    with pytest.raises(LOST):
        slack.post(text="hello")
    assert posted(slack) == effect
    (call,) = slack.get("calls")["calls"]
    assert (call["error"], call["fault"]) == ("dropped", kind)


def test_a_client_that_gives_up_does_not_know_that_the_message_was_posted(slack: Slack) -> None:
    slack.fault("hang")
    client = slack.client
    client.timeout = 1
    with pytest.raises(LOST):
        client.chat_postMessage(channel=GENERAL, text="hello")
    assert posted(slack) == 1


def test_hanging_calls_are_let_go_when_the_faults_are_taken_away(slack: Slack) -> None:
    slack.fault("latency", ms=60_000, count=1)
    headers = {"Authorization": f"Bearer {slack.client.token}"}
    with pytest.raises(requests.Timeout):
        requests.post(f"{slack.url}/api/auth.test", headers=headers, timeout=0.2)
    slack.heal()
    assert seconds(slack.client.auth_test) < 1


def test_a_revoked_token_is_refused(slack: Slack) -> None:
    slack.fault("token_revoked")
    assert refusal(slack.client.auth_test) == "token_revoked"


def test_any_error_of_slacks_can_be_had(slack: Slack) -> None:
    slack.fault("error", method="conversations.create", error="restricted_action")
    assert refusal(slack.client.conversations_create, name="x") == "restricted_action"


def test_a_fault_hits_the_methods_it_names(slack: Slack) -> None:
    slack.fault("server_error", method="chat.*")
    assert slack.client.auth_test()["ok"]
    assert failure(slack).response.status_code == 500


def test_a_fault_can_end_after_some_calls(slack: Slack) -> None:
    slack.fault("error", error="fatal_error", count=2)
    for _ in range(2):
        assert refusal(slack.client.auth_test) == "fatal_error"
    assert slack.client.auth_test()["ok"]


def outcomes(slack: Slack, calls: int) -> list[bool]:
    return [refused(slack) for _ in range(calls)]


def refused(slack: Slack) -> bool:
    try:
        slack.client.auth_test()
    except SlackApiError:
        return True
    return False


def test_a_fault_can_hit_every_third_call(slack: Slack) -> None:
    slack.fault("error", every=3)
    assert outcomes(slack, 6) == [False, False, True] * 2


def test_a_fault_can_hit_by_chance_and_the_same_way_again(slack: Slack) -> None:
    slack.fault("error", probability=0.5, seed=3)
    first = outcomes(slack, 30)
    assert 5 < sum(first) < 25
    slack.heal()
    slack.fault("error", probability=0.5, seed=3)
    assert outcomes(slack, 30) == first


def test_faults_add_up_and_count_their_hits(slack: Slack) -> None:
    slack.fault("latency", ms=100)
    slack.fault("error", error="fatal_error")
    assert seconds(lambda: refusal(slack.client.auth_test)) >= 0.1
    assert [fault["hits"] for fault in slack.get("faults")["faults"]] == [1, 1]


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"kind": "gremlins"},
        {"kind": ["latency"]},
        {"kind": "latency", "ms": "long"},
        {"kind": "latency", "ms": -1},
        {"kind": "latency", "when": "never"},
        {"kind": "latency", "every": 0},
        {"kind": "latency", "method": 5},
        {"kind": "latency", "seed": {}},
        {"kind": "latency", "colour": "red"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(slack: Slack, wish: dict[str, object]) -> None:
    answer = requests.post(f"{slack.url}/sandbox/faults", json=wish, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert slack.get("faults")["faults"] == []


def test_a_list_of_faults_is_taken_whole_or_not_at_all(slack: Slack) -> None:
    url = f"{slack.url}/sandbox/faults"
    good, bad = {"kind": "server_error"}, {"kind": "gremlins"}
    assert requests.put(url, json=[good, good], timeout=10).ok
    assert requests.put(url, json=[good, bad], timeout=10).status_code == 422
    assert len(slack.get("faults")["faults"]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"weather": "fine"},
        {"scopes": "chat:write"},
        {"scopes": [1]},
        {"ack_seconds": 0},
        {"ack_seconds": True},
        {"trigger_seconds": -1},
        {"retry_delays": ["soon"]},
        {"token_state": "lost"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(slack: Slack, change: dict[str, object]) -> None:
    before = slack.get("settings")
    answer = requests.put(f"{slack.url}/sandbox/settings", json=change, timeout=10)
    assert answer.status_code == 422
    assert slack.get("settings") == before
