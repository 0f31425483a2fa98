"""INC-1, INC-2, INC-3: no number is left out or given twice, whoever declares at the same moment."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.errors import IncidentError
from incidentbot.users.actor import Actor
from tests.team import PROCESSES, Processes, Team, connected, together

DECLARED_BY_EACH = 6


def test_declaring_many_at_once_from_threads_leaves_no_gap(team: Team) -> None:
    references = together(*[team.declare] * 12)
    assert sorted(references, key=_number) == [f"INC-{n}" for n in range(1, 13)]
    assert [entry.seq for entry in team.audit()] == list(range(1, 13))
    assert team.problems() == []


def test_declaring_many_at_once_from_processes_leaves_no_gap(
    team: Team, processes: Processes
) -> None:
    answers = processes.together(_declare_some, team.database_url, team.ada)
    references = [reference for answer in answers for reference in answer]
    total = PROCESSES * DECLARED_BY_EACH
    assert sorted(map(_number, references)) == list(range(1, total + 1))
    names = {team.incident(reference).slack_channel_name for reference in references}
    assert len(names) == total
    assert team.problems() == []


def test_a_declaration_refused_leaves_no_gap(team: Team) -> None:
    for wrong in ({"title": ""}, {"service": "unknown"}, {"commander_id": 999_999}):
        with pytest.raises(IncidentError):
            team.declare(**wrong)
    with pytest.raises(IncidentError):
        team.declare(team.vera)
    assert team.declare() == "INC-1"


def test_a_declaration_that_the_database_breaks_off_leaves_no_gap(team: Team) -> None:
    assert team.declare() == "INC-1"
    before = team.state()
    for table in ("incidents", "timeline_events", "deliveries", "audit_entries"):
        with team.refusing(table), pytest.raises(DBAPIError, match="the disk is full"):
            team.declare()
        assert team.state() == before
    assert team.declare() == "INC-2"


def test_declarations_that_fail_among_others_leave_no_gap(team: Team) -> None:
    attempts: list[Callable[[], str]] = [
        lambda: team.declare(),
        lambda: team.declare(commander_id=999_999),
    ] * 5
    answers = together(*attempts)
    references = [answer for answer in answers if isinstance(answer, str)]
    assert sorted(references, key=_number) == [f"INC-{n}" for n in range(1, 6)]
    assert sum(isinstance(answer, IncidentError) for answer in answers) == 5


def _declare_some(_number: int, database_url: str, actor: Actor) -> list[str]:
    references = []
    with connected(database_url) as sessions:
        for _ in range(DECLARED_BY_EACH):
            with sessions() as session:
                declared = commands.declare(session, Declaration("Slow", "P4", "search"), actor)
                references.append(declared.incident.reference)
    return references


def _number(reference: str) -> int:
    return int(reference.removeprefix("INC-"))
