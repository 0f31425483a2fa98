"""The audit log is a chain: whole after any story, and broken wherever somebody laid hands on it."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Table, insert, update
from sqlalchemy.exc import DBAPIError

from incidentbot.audit.log import GENESIS, entry_hash
from incidentbot.audit.models import AuditEntry, Outcome
from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.errors import IncidentError, NotAllowed
from incidentbot.incidents.lifecycle import Status
from incidentbot.users.actor import Actor
from tests.team import PROCESSES, Processes, Team, connected, together

ENTRIES: Table = AuditEntry.__table__


@pytest.fixture
def story(team: Team) -> Team:
    """A story of six entries, one of them a refusal and one an override."""
    team.declare(summary='Zürich 🔥 "quoted" \\ back')
    team.do(commands.post_update, "INC-1", team.ada, "Looking\nstill")
    with pytest.raises(NotAllowed):
        team.do(commands.resolve, "INC-1", team.bob)
    team.do(commands.move_to, "INC-1", team.grace, Status.MONITORING)
    team.do(commands.resolve, "INC-1", team.ada)
    team.do(commands.draft_postmortem, "INC-1", team.ada)
    return team


@pytest.fixture
def unguarded(story: Team) -> Team:
    """The same story, the triggers gone: what somebody with all rights on the database can do."""
    story.unguard("audit_entries")
    return story


def change(team: Team, entry: int, **values: Any) -> None:
    with team.sessions() as session, write_transaction(session):
        session.execute(update(ENTRIES).where(ENTRIES.c.seq == entry).values(values))


def test_a_story_leaves_a_whole_chain(story: Team) -> None:
    assert story.problems() == []
    entries = story.audit()
    assert [entry.seq for entry in entries] == list(range(1, 7))
    assert entries[0].previous_hash == GENESIS
    for entry, following in pairwise(entries):
        assert following.previous_hash == entry.hash == entry_hash(entry)
    assert len({entry.hash for entry in entries}) == 6


def test_an_empty_log_is_whole(team: Team) -> None:
    assert team.problems() == []


def test_the_database_refuses_to_change_delete_or_replace_an_entry(story: Team) -> None:
    before = story.state()
    for statement in (
        "UPDATE audit_entries SET reason = 'other' WHERE seq = 2",
        "UPDATE audit_entries SET reason = reason",
        "DELETE FROM audit_entries WHERE seq = 6",
        "DELETE FROM audit_entries",
        "INSERT INTO audit_entries SELECT * FROM audit_entries WHERE seq = 2 "
        "ON CONFLICT (seq) DO UPDATE SET reason = 'other'",
        "REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 2"
        if story.is_sqlite
        else "TRUNCATE audit_entries",
    ):
        with pytest.raises(DBAPIError, match="audit_entries is append-only"):
            story.execute(statement)
        assert story.state() == before, statement


def test_a_change_of_any_field_of_an_entry_is_found(unguarded: Team) -> None:
    original = {column.key: getattr(unguarded.audit()[3], column.key) for column in ENTRIES.c}
    for name, value in original.items():
        if name == "seq":
            continue
        change(unguarded, 4, **{name: _another(name, value)})
        problems = unguarded.problems()
        assert any("entry 4" in problem for problem in problems), (name, problems)
        change(unguarded, 4, **{name: value})
        assert unguarded.problems() == []


def test_a_change_with_a_hash_made_to_fit_is_found_at_the_next_entry(unguarded: Team) -> None:
    entry = unguarded.audit()[2]
    entry.reason = "It never happened"
    change(unguarded, 3, reason=entry.reason, hash=entry_hash(entry))
    assert unguarded.problems() == ["entry 4 does not follow the entry before it"]


def test_a_change_of_the_newest_entry_with_a_hash_made_to_fit_is_found_by_the_head(
    unguarded: Team,
) -> None:
    entry = unguarded.audit()[-1]
    entry.actor_name = "Somebody else"
    change(unguarded, 6, actor_name=entry.actor_name, hash=entry_hash(entry))
    assert unguarded.problems() == ["entry 6 is not the one that the head of the chain knows"]


def test_entries_deleted_from_the_middle_are_missed(unguarded: Team) -> None:
    unguarded.execute("DELETE FROM audit_entries WHERE seq IN (3, 4)")
    assert unguarded.problems() == [
        "entries 3 to 4 are missing",
        "entry 5 does not follow the entry before it",
    ]


def test_the_first_entry_deleted_is_missed(unguarded: Team) -> None:
    unguarded.execute("DELETE FROM audit_entries WHERE seq = 1")
    assert "entries 1 to 1 are missing" in unguarded.problems()


def test_a_gap_closed_by_renumbering_is_found(unguarded: Team) -> None:
    unguarded.execute("DELETE FROM audit_entries WHERE seq = 3")
    for seq in (4, 5, 6):
        change(unguarded, seq, seq=seq - 1)
    problems = unguarded.problems()
    assert "entry 3 does not follow the entry before it" in problems
    assert "the log ends at entry 5, its head says 6" in problems


def test_a_tail_cut_off_is_missed(unguarded: Team) -> None:
    unguarded.execute("DELETE FROM audit_entries WHERE seq >= 5")
    assert unguarded.problems() == ["the log ends at entry 4, its head says 6"]


def test_an_emptied_log_is_found(unguarded: Team) -> None:
    unguarded.execute("DELETE FROM audit_entries")
    assert unguarded.problems() == ["the log ends at entry 0, its head says 6"]


def test_entries_that_changed_places_are_found(unguarded: Team) -> None:
    for old, new in ((3, 1003), (4, 3), (1003, 4)):
        change(unguarded, old, seq=new)
    problems = unguarded.problems()
    assert "entry 3 was changed" in problems
    assert "entry 4 was changed" in problems


def test_an_entry_put_in_past_our_code_is_found(story: Team) -> None:
    forged = {column.key: getattr(story.audit()[-1], column.key) for column in ENTRIES.c}
    forged |= {"seq": 7, "action": "resolve", "request_id": None}
    forged["previous_hash"] = forged["hash"]
    with story.sessions() as session, write_transaction(session):
        session.execute(insert(ENTRIES).values(forged))
    assert story.problems() == [
        "entry 7 was changed",
        "the log ends at entry 7, its head says 6",
    ]


def test_a_changed_head_is_found(story: Team) -> None:
    (head,) = story.state()["audit_head"]
    for change_head, problem in (
        ("seq = 5", "the log ends at entry 6, its head says 5"),
        ("seq = 7", "the log ends at entry 6, its head says 7"),
        ("hash = 'other'", "entry 6 is not the one that the head of the chain knows"),
    ):
        story.execute(f"UPDATE audit_head SET {change_head}")  # noqa: S608 - the table above is ours
        assert story.problems() == [problem]
        story.execute(f"UPDATE audit_head SET seq = {head[1]}, hash = '{head[2]}'")  # noqa: S608 - the table above is ours
        assert story.problems() == []
    story.execute("DELETE FROM audit_head")
    assert story.problems() == ["the head of the chain is missing"]


def test_appending_many_at_once_keeps_the_chain_whole(team: Team, processes: Processes) -> None:
    for _ in range(4):
        team.declare()
    answers = together(
        *[
            lambda number=number: team.do(
                commands.add_note, f"INC-{number % 4 + 1}", team.bob, "Noted"
            )
            for number in range(12)
        ]
    )
    assert all(answer.changed for answer in answers)
    processes.together(_note_and_be_refused, team.database_url, team.bob)
    entries = team.audit()
    assert len(entries) == 4 + 12 + 2 * 4 * PROCESSES
    assert sum(entry.outcome is Outcome.REFUSED for entry in entries) == 4 * PROCESSES
    assert team.problems() == []


def test_verifying_while_others_append_finds_nothing_wrong(team: Team) -> None:
    team.declare()

    def append() -> None:
        for _ in range(8):
            team.do(commands.add_note, "INC-1", team.bob, "Noted")

    def verify_often() -> list[list[str]]:
        return [team.problems() for _ in range(8)]

    _, first, second = together(append, verify_often, verify_often)
    assert first + second == [[]] * 16


def _note_and_be_refused(_number: int, database_url: str, actor: Actor) -> None:
    with connected(database_url) as sessions:
        for number in range(1, 5):
            with sessions() as session:
                commands.add_note(session, f"INC-{number}", actor, "Noted")
                with pytest.raises(IncidentError):
                    commands.resolve(session, f"INC-{number}", actor)


def _another(name: str, value: Any) -> Any:
    """Return a value for this column that differs from `value`, as little as can be."""
    if isinstance(value, Outcome):
        return Outcome.REFUSED if value is Outcome.DONE else Outcome.DONE
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, dict):
        return json.loads(json.dumps(value).replace("P3", "P4"))
    if name == "actor_id":
        return value - 1
    return "x" + (value or "")[1:]
