"""A round is done by one process of the fleet, once in its time."""

import threading
from datetime import timedelta

from incidentbot.outbox.rounds import Round
from tests.outbox.post import eventually
from tests.team import Team


def test_of_many_one_takes_the_turn(team: Team) -> None:
    done: list[str] = []
    hour = timedelta(hours=1)
    rounds = [Round("look", hour, team.sessions, lambda: done.append("x"), 0.05) for _ in range(4)]
    for one in rounds:
        one.start()
    eventually(lambda: len(done) == 1)
    threading.Event().wait(0.4)
    for one in rounds:
        one.stop()
    assert done == ["x"]


def test_when_its_time_is_over_somebody_does_it_again_even_after_a_failure(team: Team) -> None:
    done: list[str] = []

    def fail() -> None:
        done.append("x")
        raise ValueError("it does not work")

    one = Round("look", timedelta(milliseconds=100), team.sessions, fail, 0.05)
    one.start()
    eventually(lambda: len(done) >= 3)
    one.stop()
