"""The whole log is looked through in the background, a piece at a time, whoever asks how often."""

from typing import Any

import pytest

from incidentbot.audit import checks, log
from incidentbot.audit.checks import AuditCheck
from incidentbot.database import write_transaction
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.models import DeliveryState
from tests.team import Team, together

ENTRIES = 7


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ENTRIES_AT_ONCE", 2)


@pytest.fixture
def story(team: Team) -> Team:
    append(team, ENTRIES)
    return team


def append(team: Team, count: int) -> None:
    with team.sessions() as session, write_transaction(session):
        for _ in range(count):
            log.append(session, team.ada, "note", "INC-1", before={}, after={})


def ask(team: Team) -> int:
    with team.sessions() as session:
        return checks.ask(session).id


def newest(team: Team) -> AuditCheck:
    with team.sessions() as session:
        check = checks.newest(session)
        assert check is not None
        return check


def engine(team: Team) -> Dispatcher:
    return Dispatcher(team.sessions, checks.handlers(team.sessions), lambda *_: None)


def pieces(team: Team) -> int:
    return len(team.deliveries(kind=checks.VERIFY))


@pytest.mark.parametrize("entries", [0, 1, 6, 7])
def test_a_whole_log_is_found_whole_to_its_end(team: Team, entries: int) -> None:
    append(team, entries)
    ask(team)
    assert newest(team).finished_at is None
    engine(team).run_until_idle()
    check = newest(team)
    head = team.audit()[-1].hash if entries else log.GENESIS
    assert (check.entries, check.hash, check.problem_count) == (entries, head, 0)
    assert check.finished_at is not None
    assert pieces(team) == entries // 2 + 1


def test_it_finds_what_a_look_at_once_finds_also_where_two_pieces_meet(story: Team) -> None:
    story.unguard("audit_entries")
    story.execute("UPDATE audit_entries SET reason = 'other' WHERE seq = 2")
    story.execute("DELETE FROM audit_entries WHERE seq IN (3, 4, 7)")
    ask(story)
    engine(story).run_until_idle()
    check = newest(story)
    assert check.problems == story.problems()
    assert check.problem_count == len(check.problems) == 4
    assert check.entries == ENTRIES - 3


def test_who_asks_while_it_is_under_way_gets_that_one_even_at_the_same_moment(
    story: Team,
) -> None:
    (first,) = set(together(*[lambda: ask(story)] * 4))
    engine(story).deliver(engine(story).claim(1)[0])
    assert ask(story) == first
    assert newest(story).entries == 2
    engine(story).run_until_idle()
    assert pieces(story) == 4
    assert ask(story) == first + 1
    engine(story).run_until_idle()
    assert pieces(story) == 8, "the whole log again: what was whole may have been changed since"


def test_after_a_crash_it_goes_on_where_it_was(story: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    ask(story)
    first = engine(story).claim(1)[0]
    engine(story).deliver(first)
    engine(story).claim(1)  # and its process dies
    time_machine.shift(60)
    append(story, 1)
    engine(story).run_until_idle()
    check = newest(story)
    assert (check.entries, check.problem_count) == (ENTRIES + 1, 0)
    assert pieces(story) == 5


def test_one_that_stands_still_is_begun_anew(story: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    first = ask(story)
    time_machine.shift(checks.STANDS_STILL)
    assert ask(story) == first + 1
    engine(story).run_until_idle()
    assert newest(story).finished_at is not None
    assert {d.state for d in story.deliveries()} == {DeliveryState.DONE}


def test_only_the_last_few_are_kept(story: Team) -> None:
    for _ in range(checks.CHECKS_KEPT + 3):
        ask(story)
        engine(story).run_until_idle()
    with story.sessions() as session:
        assert session.query(AuditCheck).count() == checks.CHECKS_KEPT
