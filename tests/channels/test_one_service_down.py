"""One service is down and slow to say so: what goes to the others leaves as promptly as ever."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from incidentbot.channels.pacing import FAILURES_TO_OPEN, Pacer
from incidentbot.outbox.dispatch import Dispatcher, Handler, Receipt, Retry, Wait
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.runners import EmbeddedRunner
from tests.outbox.conftest import migrated_postgres, migrated_sqlite, processes, team
from tests.outbox.post import PATIENCE_SECONDS, eventually, letter, post, states
from tests.team import Team

__all__ = ["migrated_postgres", "migrated_sqlite", "processes", "team"]

THREADS = 3
SLOW_SECONDS = 1.0  # what the slow service takes to fail
PROMPT_SECONDS = 0.7


class Services:
    """Two services called through one pacer: "slow" fails after a while, "quick" works at once."""

    def __init__(self) -> None:
        self.pacer = Pacer(None)
        self.slow_under_way = 0
        self.most_slow = 0
        self.slow_calls = 0
        self.slow_works = False
        self.quick_at: list[float] = []
        self._lock = threading.Lock()

    def send(self, delivery: Delivery) -> Receipt:
        """Deliver to the service that the delivery's target names."""
        service = delivery.target
        if (pause := self.pacer.ask(service, "post", None)) is not None:
            raise Wait(pause.reason, pause.seconds)
        if service == "quick" or self.slow_works:
            self.quick_at.append(time.monotonic())
            self.pacer.worked(service)
            return {}
        with self._lock:
            self.slow_calls += 1
            self.slow_under_way += 1
            self.most_slow = max(self.most_slow, self.slow_under_way)
        time.sleep(SLOW_SECONDS)
        with self._lock:
            self.slow_under_way -= 1
        self.pacer.failed(service)
        raise Retry("no answer")


@contextmanager
def running(team: Team, services: Services) -> Iterator[None]:
    """Deliver from a few threads until the end of the block."""
    engine = Dispatcher(
        team.sessions, {"letter": Handler(services.send)}, lambda _session, _delivery: None
    )
    runner = EmbeddedRunner(engine, threads=THREADS, sweep_seconds=0.05)
    runner.start()
    try:
        yield
    finally:
        runner.stop()


def test_what_goes_to_another_service_does_not_wait_for_the_one_that_is_down(team: Team) -> None:
    services = Services()
    post(team, *(letter(f"slow-{number}", target="slow") for number in range(4 * THREADS)))
    with running(team, services):
        eventually(lambda: services.slow_calls >= FAILURES_TO_OPEN + 1)
        eventually(lambda: services.slow_under_way <= 1)
        services.most_slow = 0
        waited = []
        for number in range(12):  # longer than a pause: the slow one is tried again meanwhile
            posted = time.monotonic()
            post(team, letter(f"quick-{number}", target="quick"), and_wake=True)
            eventually(partial(_is_done, team, f"quick-{number}"))
            waited.append(services.quick_at[-1] - posted)
            time.sleep(0.3)
    assert max(waited) < PROMPT_SECONDS, waited
    assert services.most_slow <= 1, "one call at a time finds out whether it works again"
    slow = [state for name, state in states(team).items() if name.startswith("slow")]
    assert "done" not in slow


@pytest.mark.parametrize("who", ["the one who asks", "somebody new"])
def test_when_it_works_again_all_go_on(who: str, redis_url: str) -> None:
    pacer = Pacer(redis_url)
    for _ in range(FAILURES_TO_OPEN):
        pacer.failed("slow")
    asking = pacer if who == "the one who asks" else Pacer(redis_url)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while asking.ask("slow", "post", None) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert pacer.ask("slow", "post", None) is not None, "one is enough to find out"
    asking.worked("slow")
    assert pacer.ask("slow", "post", None) is None
    assert asking.ask("slow", "post", None) is None


def _is_done(team: Team, name: str) -> bool:
    return states(team)[name] == "done"
