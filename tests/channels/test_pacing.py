"""How fast a service is called: its limits, its waits, and its being down, for one process or a fleet."""

import time
from collections.abc import Callable

import pytest
from limits import RateLimitItemPerMinute

from incidentbot.channels.pacing import FAILURES_TO_OPEN, Pacer

NOBODY_LISTENS = "redis://127.0.0.1:9/0"


@pytest.fixture(params=["process", "fleet", "redis away"])
def make_pacer(request: pytest.FixtureRequest) -> Callable[[], Pacer]:
    """Return what makes pacers that must agree: in a fleet two, else the same one again."""
    if request.param == "fleet":
        url = request.getfixturevalue("redis_url")
        return lambda: Pacer(url)
    only = Pacer(None if request.param == "process" else NOBODY_LISTENS)
    return lambda: only


def test_calls_over_the_limit_wait_for_its_window(make_pacer: Callable[[], Pacer]) -> None:
    limit = RateLimitItemPerMinute(3)
    asked = [make_pacer().ask("Slack", "pins_add", limit) for _ in range(4)]
    assert asked[:3] == [None, None, None]
    assert asked[3] is not None
    assert "rate limit" in asked[3].reason
    assert 0 < asked[3].seconds <= 60


def test_a_limit_counts_one_operation_alone(make_pacer: Callable[[], Pacer]) -> None:
    limit = RateLimitItemPerMinute(1)
    for operation in ("chat_postMessage in C1", "chat_postMessage in C2", "pins_add"):
        assert make_pacer().ask("Slack", operation, limit) is None
    assert make_pacer().ask("Slack", "pins_add", limit) is not None


def test_a_wait_that_was_asked_for_holds_everyone_and_nothing_else(
    make_pacer: Callable[[], Pacer],
) -> None:
    make_pacer().hold("Slack", "pins_add", 30)
    held = make_pacer().ask("Slack", "pins_add", None)
    assert held is not None
    assert 28 <= held.seconds <= 30.5
    assert make_pacer().ask("Slack", "bookmarks_add", None) is None


def test_a_wait_ends(make_pacer: Callable[[], Pacer]) -> None:
    make_pacer().hold("Slack", "pins_add", 0.5)
    assert make_pacer().ask("Slack", "pins_add", None) is not None
    deadline = time.monotonic() + 10
    while make_pacer().ask("Slack", "pins_add", None) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_service_that_keeps_failing_is_left_alone_and_the_others_are_not(
    make_pacer: Callable[[], Pacer],
) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        make_pacer().failed("Slack")
    assert make_pacer().ask("Slack", "pins_add", None) is None
    make_pacer().failed("Slack")
    pause = make_pacer().ask("Slack", "pins_add", None)
    assert pause is not None
    assert "does not answer" in pause.reason
    assert make_pacer().ask("Statuspage", "patch", None) is None


def test_an_answer_makes_earlier_failures_forgotten() -> None:
    pacer = Pacer(None)
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            pacer.failed("Slack")
        pacer.worked("Slack")
    assert pacer.ask("Slack", "pins_add", None) is None


def test_without_redis_a_process_paces_itself_at_once() -> None:
    pacer = Pacer(NOBODY_LISTENS)
    limit = RateLimitItemPerMinute(1)
    assert pacer.ask("Slack", "pins_add", limit) is None
    assert pacer.ask("Slack", "pins_add", limit) is not None
