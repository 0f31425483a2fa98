"""The history of a service's states: one line for each change, whoever changes at the same moment."""

from functools import partial

from sqlalchemy import select

from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Status
from incidentbot.status_pages.models import ComponentState
from tests.team import Team, together


def history(team: Team) -> list[str]:
    with team.sessions() as session:
        rows = session.scalars(select(ComponentState).order_by(ComponentState.id))
        return [row.status.value for row in rows]


def test_each_change_is_a_line_and_nothing_else_is(team: Team) -> None:
    team.declare(severity="P1")
    team.do(commands.post_update, "INC-1", team.ada, "still down")
    team.do(commands.move_to, "INC-1", team.ada, Status.INVESTIGATING)
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED)
    team.do(commands.change_severity, "INC-1", team.ada, "P4")
    team.do(commands.resolve, "INC-1", team.ada)
    team.do(commands.reopen, "INC-1", team.ada, "it is back")
    team.do(commands.cancel, "INC-1", team.ada, "it is not")
    assert history(team) == [
        "major_outage",
        "partial_outage",
        "degraded_performance",
        "operational",
        "degraded_performance",
        "operational",
    ]


def test_the_worst_counts_and_private_ones_do_not(team: Team) -> None:
    team.declare(severity="P2")
    team.declare(severity="P4")
    team.declare(severity="P1", is_private=True)
    team.do(commands.resolve, "INC-1", team.ada)
    assert history(team) == ["partial_outage", "degraded_performance"]


def test_two_that_end_at_once_end_it_once(team: Team) -> None:
    for round_number in range(8):
        first = team.declare(severity="P1")
        second = team.declare(severity="P1")
        resolve = [
            partial(team.do, commands.resolve, reference, team.ada) for reference in (first, second)
        ]
        outcomes = together(*resolve)
        assert all(getattr(outcome, "changed", False) for outcome in outcomes), outcomes
        assert history(team) == ["major_outage", "operational"] * (round_number + 1)
