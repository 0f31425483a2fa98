"""Maintenance: told of before, begun and ended by the clock, seen in the services' states."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from incidentbot.channels.own_page import handlers
from incidentbot.database import write_transaction
from incidentbot.incidents.commands import record_parked
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotAllowed
from incidentbot.incidents.settings import fingerprint
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.operate import waiting_since
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages.maintenance import MaintenanceFields
from incidentbot.status_pages.models import (
    ComponentState,
    ComponentStatus,
    Maintenance,
    MaintenanceStatus,
)
from incidentbot.status_pages.page import read_page
from tests.installation import small_company
from tests.status_pages.shown import show, switch_on
from tests.team import Team

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fields(team: Team, begins: int = 1, ends: int = 2, **changed: object) -> MaintenanceFields:
    with team.sessions() as session:
        ids = show(session)
    filled = {
        "title": "Upgrade",
        "body": "Search is slow.",
        "starts_at": NOON + begins * HOUR,
        "ends_at": NOON + ends * HOUR,
        "service_ids": frozenset({ids["search"]}),
    }
    return MaintenanceFields(**{**filled, **changed})  # type: ignore[arg-type]  # mixed values


def schedule(team: Team, *hours: int) -> int:
    with team.sessions() as session:
        switch_on(session)
        return works.schedule(session, team.grace, fields(team, *hours)).id


def run_at(team: Team, moment: datetime) -> MaintenanceStatus:
    """Let the engine do what is due at a moment, and return where the maintenance stands."""
    settings = small_company(team.database_url)
    with time_machine.travel(moment, tick=False):
        Dispatcher(team.sessions, handlers(settings, team.sessions), record_parked).run_until_idle()
        with team.sessions() as session:
            return session.scalars(select(Maintenance.status)).one()


def states(team: Team) -> list[tuple[ComponentStatus, datetime]]:
    with team.sessions() as session:
        return [(s.status, s.at) for s in session.scalars(select(ComponentState))]


def test_it_begins_and_ends_by_the_clock_and_its_services_with_it(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        schedule(team)
    assert run_at(team, NOON + timedelta(minutes=59)) is MaintenanceStatus.SCHEDULED
    assert states(team) == []
    assert run_at(team, NOON + HOUR) is MaintenanceStatus.IN_PROGRESS
    assert run_at(team, NOON + 2 * HOUR) is MaintenanceStatus.COMPLETED
    assert states(team) == [
        (ComponentStatus.UNDER_MAINTENANCE, NOON + HOUR),
        (ComponentStatus.OPERATIONAL, NOON + 2 * HOUR),
    ]
    told = [d.payload.get("moment") for d in team.deliveries(kind="email.subscribers")]
    assert told == ["scheduled", "started", "completed"]


def test_what_is_meant_for_later_is_not_told_as_a_backlog(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        schedule(team, 100, 101)
    assert run_at(team, NOON + HOUR) is MaintenanceStatus.SCHEDULED
    with time_machine.travel(NOON + 99 * HOUR, tick=False), team.sessions() as session:
        assert waiting_since(session) is None
    with time_machine.travel(NOON + 101 * HOUR, tick=False), team.sessions() as session:
        assert waiting_since(session) == NOON + 100 * HOUR, "since it was due"


def test_one_that_begins_while_nothing_is_delivered_is_over_at_once_afterwards(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        schedule(team)
    assert run_at(team, NOON + 9 * HOUR) is MaintenanceStatus.COMPLETED
    assert states(team) == []


def test_an_earlier_time_is_not_held_up_by_the_one_before(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        number = schedule(team, 10, 12)
        with team.sessions() as session:
            seen = fingerprint(works.state_of_maintenance(works.get_maintenance(session, number)))
            works.edit(session, number, team.grace, fields(team, 1, 3), seen)
    assert run_at(team, NOON + HOUR) is MaintenanceStatus.IN_PROGRESS
    assert run_at(team, NOON + 3 * HOUR) is MaintenanceStatus.COMPLETED
    assert run_at(team, NOON + 12 * HOUR) is MaintenanceStatus.COMPLETED
    assert len(states(team)) == 2


def test_it_is_ended_early_or_called_off_and_then_stays_so(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        number = schedule(team)
        with team.sessions() as session:
            ended = works.end(session, number, team.grace)
            assert works.is_called_off(ended)
            assert (ended.ended_at, ended.ends_at) == (NOON, NOON + 2 * HOUR), "planned, and done"
            with pytest.raises(InvalidMove):
                works.end(session, number, team.grace)
    assert run_at(team, NOON + HOUR) is MaintenanceStatus.COMPLETED
    assert states(team) == []


def test_ending_one_under_way_frees_its_services(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        number = schedule(team)
    run_at(team, NOON + HOUR)
    later = NOON + HOUR + timedelta(minutes=5)
    with time_machine.travel(later, tick=False), team.sessions() as session:
        assert not works.is_called_off(works.end(session, number, team.grace))
        page = read_page(session)
    assert page is not None
    assert page.overall is ComponentStatus.OPERATIONAL
    assert [status for status, _at in states(team)] == [
        ComponentStatus.UNDER_MAINTENANCE,
        ComponentStatus.OPERATIONAL,
    ]


def test_what_is_under_way_is_shown_however_much_is_planned(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        first = schedule(team)
        with team.sessions() as session, write_transaction(session):
            later = works.get_maintenance(session, first)
            for day in range(60):
                session.add(
                    Maintenance(
                        title=f"Later {day}",
                        body="x",
                        starts_at=later.starts_at + timedelta(days=day + 1),
                        ends_at=later.ends_at + timedelta(days=day + 1),
                        status=MaintenanceStatus.SCHEDULED,
                        created_at=NOON,
                        updated_at=NOON,
                    )
                )
            later.status = MaintenanceStatus.IN_PROGRESS
        with team.sessions() as session:
            page = read_page(session)
            listed = works.list_maintenances(session)
    assert page is not None
    assert [work.title for work in page.maintenances_in(MaintenanceStatus.IN_PROGRESS)] == [
        "Upgrade"
    ]
    assert first in [work.id for work in listed]


def test_an_outage_is_worse_than_maintenance(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        schedule(team)
    run_at(team, NOON + HOUR)
    with time_machine.travel(NOON + HOUR, tick=False), team.sessions() as session:
        team.declare(severity="P1", service="search")
        page = read_page(session)
    assert page is not None
    assert page.overall is ComponentStatus.MAJOR_OUTAGE


@pytest.mark.parametrize(
    "field, changed",
    [
        ("title", {"title": " "}),
        ("body", {"body": ""}),
        ("starts_at", {"starts_at": None}),
        ("starts_at", {"starts_at": NOON - HOUR}),
        ("ends_at", {"ends_at": None}),
        ("ends_at", {"ends_at": NOON + HOUR}),
        ("starts_at", {"starts_at": NOON + 9_999 * 24 * HOUR}),
        ("ends_at", {"ends_at": datetime(9999, 12, 31, 23, tzinfo=ZoneInfo("America/New_York"))}),
        ("services", {"service_ids": frozenset()}),
        ("services", {"service_ids": frozenset({999})}),
    ],
)
def test_what_is_wrong_is_named(team: Team, field: str, changed: dict[str, object]) -> None:
    with time_machine.travel(NOON, tick=False), team.sessions() as session:
        with pytest.raises(InvalidInput) as refusal:
            works.schedule(session, team.grace, fields(team, **changed))  # type: ignore[arg-type]  # as above
        assert refusal.value.field == field
        assert works.list_maintenances(session) == []


def test_only_admins_schedule_and_it_is_audited(team: Team) -> None:
    with time_machine.travel(NOON, tick=False), team.sessions() as session:
        with pytest.raises(NotAllowed):
            works.schedule(session, team.ada, fields(team))
        works.schedule(session, team.grace, fields(team))
    actions = [(e.action, e.outcome.value) for e in team.audit() if "maintenance" in e.action]
    assert actions == [("schedule_maintenance", "refused"), ("schedule_maintenance", "done")]
    assert team.problems() == []
