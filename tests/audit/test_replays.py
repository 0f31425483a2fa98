"""A signed request that somebody copied and sends again is refused."""

from typing import Any

from sqlalchemy import select

from incidentbot.audit.replays import KEPT, SeenRequest, is_first_time
from tests.team import PROCESSES, Processes, Team, connected, together


def first_time(team: Team, signature: str) -> bool:
    with team.sessions() as session:
        return is_first_time(session, signature)


def test_the_second_time_is_told_from_the_first(team: Team) -> None:
    assert first_time(team, "v0=abc")
    assert not first_time(team, "v0=abc")
    assert first_time(team, "v0=abd")
    assert not first_time(team, "v0=abc")


def test_only_a_hash_of_the_signature_is_kept(team: Team) -> None:
    first_time(team, "v0=secret")
    with team.sessions() as session:
        (seen,) = session.scalars(select(SeenRequest))
    assert "secret" not in seen.signature_hash
    assert len(seen.signature_hash) == 64


def test_of_the_same_request_at_the_same_moment_one_is_the_first(
    team: Team, processes: Processes
) -> None:
    answers = together(*[lambda: first_time(team, "v0=abc")] * 6)
    assert sorted(answers) == [False] * 5 + [True]
    answers = processes.together(_first_time_elsewhere, team.database_url, "v0=def")
    assert sorted(answers) == [False] * (PROCESSES - 1) + [True]


def test_requests_too_old_to_be_accepted_anyway_are_forgotten(
    team: Team, time_machine: Any
) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    first_time(team, "v0=old")
    time_machine.shift(KEPT / 2)
    first_time(team, "v0=recent")
    time_machine.shift(KEPT / 2 + KEPT / 10)
    assert first_time(team, "v0=new")
    assert not first_time(team, "v0=recent")
    with team.sessions() as session:
        assert len(session.scalars(select(SeenRequest)).all()) == 2


def _first_time_elsewhere(_number: int, database_url: str, signature: str) -> bool:
    with connected(database_url) as sessions, sessions() as session:
        return is_first_time(session, signature)
