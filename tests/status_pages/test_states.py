"""The history of a service's states: one line for each change, whoever changes at the same moment."""

from datetime import timedelta
from functools import partial

from sqlalchemy import select

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Status
from incidentbot.status_pages.models import ComponentState
from incidentbot.status_pages.states import record_states
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


def test_who_waited_for_its_turn_does_not_write_before_what_came_meanwhile(team: Team) -> None:
    team.declare(severity="P1")
    began = clock.now()
    team.do(commands.resolve, "INC-1", team.ada)
    team.do(commands.reopen, "INC-1", team.ada, "it is back")
    team.execute("UPDATE incidents SET status = 'resolved'")
    with team.sessions() as session, write_transaction(session):
        service_id = team.incident().service_id
        record_states(session, [service_id], began - timedelta(hours=1))
        rows = session.scalars(
            select(ComponentState).order_by(ComponentState.at, ComponentState.id)
        ).all()
    assert [row.status.value for row in rows][-1] == "operational"
    assert rows[-1].at == rows[-2].at


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
