"""Reading the audit log: filters, pages, and a check of all of it that keeps nothing in memory."""

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from incidentbot import clock
from incidentbot.audit import log
from incidentbot.audit.models import Outcome
from incidentbot.audit.queries import (
    PER_PAGE,
    Filter,
    count_entries,
    iterate_entries,
    list_actions,
    list_entries,
)
from incidentbot.database import write_transaction
from incidentbot.users.actor import Actor
from tests.team import Team

A_DAY = timedelta(days=1)


def write(
    team: Team, actor: Actor, action: str = "note", subject: str = "INC-1", **more: Any
) -> None:
    with team.sessions() as session, write_transaction(session):
        log.append(session, actor, action, subject, before={}, after={"x": 1}, **more)


def found(team: Team, before: int | None = None, **wanted: Any) -> list[int]:
    with team.sessions() as session:
        page = list_entries(session, Filter(**wanted), before)
        return [entry.seq for entry in page.entries]


@pytest.fixture
def story(team: Team, time_machine: Any) -> Team:
    """Four entries, a day between each, from 1 March at noon."""
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    write(team, team.ada, "declare")
    time_machine.shift(A_DAY)
    write(team, team.bob, "resolve", outcome=Outcome.REFUSED)
    time_machine.shift(A_DAY)
    write(team, team.grace, "resolve", override=True)
    time_machine.shift(A_DAY)
    write(team, team.grace, "add_rule", "rule 1")
    return team


def test_the_newest_comes_first_and_each_filter_keeps_what_agrees(story: Team) -> None:
    assert found(story) == [4, 3, 2, 1]
    assert found(story, actor_id=story.grace.user_id) == [4, 3]
    assert found(story, action="resolve") == [3, 2]
    assert found(story, subject="rule 1") == [4]
    assert found(story, outcome=Outcome.REFUSED) == [2]
    assert found(story, overrides_only=True) == [3]
    assert found(story, action="resolve", actor_id=story.bob.user_id) == [2]
    assert found(story, action="nothing of the kind") == []


def test_a_time_is_from_its_first_moment_up_to_the_end_that_is_not_included(story: Team) -> None:
    second = clock.now() - 2 * A_DAY
    assert found(story, since=second) == [4, 3, 2]
    assert found(story, until=second) == [1]
    assert found(story, since=second, until=second + A_DAY) == [2]
    assert found(story, since=clock.now() + A_DAY) == []
    assert found(story, until=second - 9 * A_DAY) == []


def test_every_action_is_offered_once_by_name(story: Team) -> None:
    with story.sessions() as session:
        assert list_actions(session) == ["add_rule", "declare", "resolve"]
        assert count_entries(session) == 4


def test_an_empty_log_has_no_actions_and_no_entries(team: Team) -> None:
    with team.sessions() as session:
        assert list_actions(session) == []
        assert list_entries(session, Filter()).entries == []
        assert log.inspect(session) == log.Verification(0, log.GENESIS, [], 0)


def test_pages_follow_each_other_without_a_gap_or_a_repeat(team: Team) -> None:
    total = PER_PAGE * 2 + 1
    with team.sessions() as session, write_transaction(session):
        for _ in range(total):
            log.append(session, team.ada, "note", "INC-1", before={}, after={})
    seen: list[int] = []
    before: int | None = None
    with team.sessions() as session:
        while True:
            page = list_entries(session, Filter(), before)
            seen += [entry.seq for entry in page.entries]
            before = page.next_before
            if before is None:
                break
    assert seen == list(range(total, 0, -1))


def test_all_that_matches_is_read_the_oldest_first(story: Team) -> None:
    with story.sessions() as session:
        entries = iterate_entries(session, Filter(actor_id=story.grace.user_id))
        assert [entry.seq for entry in entries] == [3, 4]


def test_a_whole_log_is_counted_and_its_newest_hash_is_told(story: Team) -> None:
    with story.sessions() as session:
        verification = log.inspect(session)
    assert verification == log.Verification(4, story.audit()[-1].hash, [], 0)


def test_of_many_problems_the_first_are_shown_and_all_are_counted(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        for _ in range(log.PROBLEMS_SHOWN + 20):
            log.append(session, team.ada, "note", "INC-1", before={}, after={})
    team.unguard("audit_entries")
    team.execute("UPDATE audit_entries SET origin = 'elsewhere'")
    with team.sessions() as session:
        verification = log.inspect(session)
    assert verification.problem_count == log.PROBLEMS_SHOWN + 20
    assert len(verification.problems) == log.PROBLEMS_SHOWN
    assert verification.problems[0] == "entry 1 was changed"


def test_a_log_ten_times_as_long_needs_no_more_memory(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        for _ in range(1_000):
            log.append(session, team.ada, "note", "INC-1", before={}, after={"words": "x" * 500})
    short = _peak(team)
    with team.sessions() as session, write_transaction(session):
        _copy(session, 9)
    assert _peak(team) < 2 * short


def _copy(session: Any, times: int) -> None:
    """Make the log longer by copies of it: not a whole chain, but as many rows to read."""
    for number in range(1, times + 1):
        session.execute(
            text(
                "INSERT INTO audit_entries SELECT seq + :more, at, action, subject, outcome, override, "
                "actor_id, actor_name, actor_role, door, origin, NULL, reason, before, after, "
                "previous_hash, hash FROM audit_entries WHERE seq <= 1000"
            ),
            {"more": number * 1_000},
        )


def _peak(team: Team) -> int:
    with team.sessions() as session:
        tracemalloc.start()
        try:
            log.inspect(session)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


FILTERS: list[dict[str, Any]] = [
    {},
    {"actor_id": 1},
    {"action": "note"},
    {"subject": "INC-1"},
    {"outcome": Outcome.REFUSED},
    {"overrides_only": True},
]


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: next(iter(wanted), "none"))
def test_no_page_reads_or_sorts_the_whole_log(team: Team, wanted: dict[str, Any]) -> None:
    if not team.is_sqlite:
        return  # PostgreSQL plans by how much there is; the bench looks there
    asked: list[tuple[str, Any]] = []
    with team.sessions() as session:
        engine = session.get_bind()

        def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, values))

        event.listen(engine, "before_cursor_execute", note)
        list_entries(session, Filter(**wanted))
        event.remove(engine, "before_cursor_execute", note)
        statement, values = asked[-1]
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        plan = " ".join(str(row[-1]) for row in rows)
    assert "TEMP B-TREE" not in plan
    assert ("USING INDEX" in plan) is bool(wanted)


def test_nothing_is_open_while_the_reader_of_all_takes_its_time(story: Team) -> None:
    with story.sessions() as session:
        read = []
        for entry in iterate_entries(session, Filter(), batch=3):
            read.append(entry.seq)
            assert not session.in_transaction()
            assert story_pool(story) == 0
        assert read == [1, 2, 3, 4]
        abandoned = iterate_entries(session, Filter(), batch=3)
        next(abandoned)
        assert story_pool(story) == 0


def story_pool(team: Team) -> int:
    """Return how many connections are in use."""
    with team.sessions() as session:
        return int(session.get_bind().pool.checkedout())
