"""Lists of incidents: what each filter finds, page by page, and only what one may know of."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidentbot import clock
from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import OPEN, Severity, Status
from incidentbot.incidents.listing import (
    Filters,
    Page,
    count_open,
    each_incident,
    list_incidents,
    list_open,
)
from incidentbot.users.actor import SYSTEM, Actor
from tests.team import Team

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return what sets the clock."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_clock


def find(team: Team, filters: Filters, viewer: Actor = SYSTEM, **more: Any) -> Page:
    with team.sessions() as session:
        return list_incidents(session, viewer, filters, **{"limit": 50, **more})


def numbers(team: Team, filters: Filters, viewer: Actor = SYSTEM) -> list[int]:
    return [incident.number for incident in find(team, filters, viewer).incidents]


def test_open_incidents_come_worst_first_then_oldest(team: Team) -> None:
    for severity in ("P3", "P1", "P4", "P1", "P2"):
        team.declare(severity=severity)
    team.do(commands.resolve, "INC-2", team.ada)
    with team.sessions() as session:
        found = [incident.reference for incident in list_open(session, SYSTEM)]
        first = [incident.reference for incident in list_open(session, SYSTEM, 2)]
        assert count_open(session, SYSTEM) == 4
    assert found == ["INC-4", "INC-5", "INC-1", "INC-3"]
    assert first == ["INC-4", "INC-5"]


def test_each_filter_finds_what_it_says_the_newest_first(team: Team) -> None:
    team.declare(severity="P1", title="Cards are declined")
    team.declare(severity="P2", service="search", commander_id=team.bob.user_id)
    team.declare(severity="P2", title="Cards again")
    team.do(commands.move_to, "INC-2", team.bob, Status.IDENTIFIED, "A full disk")
    team.do(commands.resolve, "INC-3", team.ada)
    assert numbers(team, Filters()) == [3, 2, 1]
    assert numbers(team, Filters(statuses=OPEN)) == [2, 1]
    assert numbers(team, Filters(statuses=frozenset({Status.RESOLVED}))) == [3]
    assert numbers(team, Filters(severities=frozenset({Severity.P2}))) == [3, 2]
    assert numbers(team, Filters(service_id=team.incident("INC-2").service_id)) == [2]
    assert numbers(team, Filters(commander_id=team.bob.user_id)) == [2]
    assert numbers(team, Filters(words="card")) == [3, 1]
    assert numbers(team, Filters(words="DISK full")) == [2]
    assert numbers(team, Filters(words="card", statuses=OPEN)) == [1]
    assert numbers(team, Filters(words="disk", severities=frozenset({Severity.P1}))) == []


def test_days_are_from_the_first_moment_up_to_the_last(
    team: Team, at: Callable[[datetime], None]
) -> None:
    for day in range(3):
        at(NOON + timedelta(days=day))
        team.declare()
    assert numbers(team, Filters(declared_from=NOON + timedelta(days=1))) == [3, 2]
    assert numbers(team, Filters(declared_before=NOON + timedelta(days=1))) == [1]
    only = Filters(declared_from=NOON + timedelta(days=1), declared_before=NOON + timedelta(days=2))
    assert numbers(team, only) == [2]


def walk(team: Team, filters: Filters, limit: int) -> tuple[list[Sequence[int]], list[Page]]:
    """Go to the oldest page and return every page on the way."""
    pages = [find(team, filters, limit=limit)]
    while pages[-1].older is not None:
        pages.append(find(team, filters, limit=limit, before=pages[-1].older))
    return [[incident.number for incident in page.incidents] for page in pages], pages


@pytest.mark.parametrize("dated", [False, True], ids=["by number", "by date"])
def test_one_pages_to_the_oldest_and_back_without_missing_or_repeating_any(
    team: Team, at: Callable[[datetime], None], dated: bool
) -> None:
    for number in range(7):
        # Two at the same moment, and one while the clock was wrong.
        at(NOON + timedelta(hours=(0, 1, 1, 2, 5, 3, 4)[number]))
        team.declare()
    filters = Filters(declared_from=NOON) if dated else Filters()
    seen, pages = walk(team, filters, limit=3)
    newest_first = [5, 7, 6, 4, 3, 2, 1] if dated else [7, 6, 5, 4, 3, 2, 1]
    assert seen == [newest_first[:3], newest_first[3:6], newest_first[6:]]
    assert pages[0].newer is None
    assert pages[2].newer is not None
    back = find(team, filters, limit=3, after=pages[2].newer)
    assert [incident.number for incident in back.incidents] == newest_first[3:6]
    assert back.older == pages[1].older
    first = find(team, filters, limit=3, after=back.newer)
    assert [incident.number for incident in first.incidents] == newest_first[:3]
    assert (first.newer, first.older) == (pages[0].newer, pages[0].older)


def test_the_first_page_is_full_however_one_came_back_to_it(team: Team) -> None:
    for _ in range(5):
        team.declare()
    page = find(team, Filters(), limit=3, after=4)
    assert [incident.number for incident in page.incidents] == [5, 4, 3]
    assert page.newer is None


def test_a_place_that_is_gone_is_no_error(team: Team) -> None:
    team.declare()
    assert find(team, Filters(), before=1).incidents == []
    assert find(team, Filters(declared_from=NOON), before=999).incidents != []


def test_a_private_incident_is_in_no_list_of_others(team: Team) -> None:
    team.declare(title="Plain")
    team.declare(title="Secret payroll", is_private=True)
    for viewer, expected in (
        (team.ada, [2, 1]),
        (team.grace, [2, 1]),
        (team.bob, [1]),
        (team.vera, [1]),
    ):
        assert numbers(team, Filters(), viewer) == expected
        assert numbers(team, Filters(words="payroll"), viewer) == expected[:-1]
        with team.sessions() as session:
            assert [i.number for i in list_open(session, viewer)] == expected[::-1]
            assert count_open(session, viewer) == len(expected)
            assert [i.number for i in each_incident(session, viewer, Filters())] == expected


def test_an_export_reads_batch_by_batch_and_leaves_no_transaction_open(team: Team) -> None:
    for _ in range(5):
        team.declare()
    with team.sessions() as session:
        seen = []
        for incident in each_incident(session, SYSTEM, Filters(), batch=2):
            assert not session.in_transaction()
            assert incident.service.name
            assert incident.commander.name
            seen.append(incident.number)
    assert seen == [5, 4, 3, 2, 1]
