"""What the status page shows, read from the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import time_machine
from sqlalchemy import event
from sqlalchemy.orm import Session

from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import Incident
from incidentbot.status_pages.models import (
    ComponentStatus,
    Impact,
    PublicIncident,
    PublicStatus,
    PublicUpdate,
)
from incidentbot.status_pages.page import HISTORY_PAGE, read_history, read_incident, read_page
from tests.status_pages.shown import show, switch_on
from tests.team import Team

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@contextmanager
def counting(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []
    engine = session.get_bind()

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_there_is_no_page_until_it_is_switched_on(team: Team) -> None:
    with team.sessions() as session:
        assert read_page(session) is None
        switch_on(session)
        session.rollback()
        page = read_page(session)
        assert page is not None
        assert page.services == []
        switch_on(session, is_on=False)
        assert read_page(session) is None


def test_services_stand_in_their_groups_by_their_public_names(team: Team) -> None:
    with team.sessions() as session:
        switch_on(session)
        show(session, {"payments": ("Cards", "Shop"), "search": ("Search", "Shop")})
        session.rollback()
        page = read_page(session)
    assert page is not None
    assert [(group, [s.name for s in services]) for group, services in page.groups] == [
        ("Shop", ["Cards", "Search"])
    ]
    assert page.overall is ComponentStatus.OPERATIONAL


def test_a_published_incident_is_shown_until_it_is_over(team: Team) -> None:
    with team.sessions() as session:
        switch_on(session)
        show(session)
        with time_machine.travel(NOON, tick=False):
            reference = team.declare(severity="P1", public="Payments fail.")
            session.rollback()
            page = read_page(session)
            assert page is not None
            assert page.overall is ComponentStatus.MAJOR_OUTAGE
            (incident,) = page.open_incidents
            assert (incident.id, incident.service) == (reference, "Card payments")
            assert [update.body for update in incident.updates] == ["Payments fail."]
        with time_machine.travel(NOON + timedelta(hours=2), tick=False):
            team.do(commands.move_to, reference, team.ada, Status.IDENTIFIED, "x", "It is a card.")
            team.do(commands.resolve, reference, team.ada, "done", "They work again.")
            session.rollback()
            page = read_page(session)
    assert page is not None
    assert page.open_incidents == []
    assert [i.resolved_at for i in page.recent_incidents] == [NOON + timedelta(hours=2)]
    assert [u.status for u in page.incidents[0].updates] == [
        "resolved",
        "identified",
        "investigating",
    ]
    assert page.overall is ComponentStatus.OPERATIONAL


def test_what_nobody_marked_as_public_moves_the_component_only(team: Team) -> None:
    with team.sessions() as session:
        switch_on(session)
        show(session)
        team.declare(severity="P3")
        session.rollback()
        page = read_page(session)
    assert page is not None
    assert page.incidents == []
    assert [s.status for s in page.services if s.name == "Card payments"] == [
        ComponentStatus.DEGRADED
    ]


def test_what_is_private_is_not_shown_should_it_ever_be_published(team: Team) -> None:
    team.declare(severity="P2", public="Payments fail.")
    team.execute("UPDATE incidents SET is_private = true")
    with team.sessions() as session:
        switch_on(session)
        show(session)
        session.rollback()
        page = read_page(session)
        assert page is not None
        assert page.incidents == []
        assert read_incident(session, 1) is None
        assert read_history(session, ZoneInfo("UTC")).months == []


def test_an_incident_of_a_hidden_service_names_no_service(team: Team) -> None:
    team.declare(severity="P2", public="Something fails.")
    with team.sessions() as session:
        switch_on(session)
        show(session, {"search": ("Product search", "")})
        session.rollback()
        page = read_page(session)
    assert page is not None
    assert [incident.service for incident in page.incidents] == [None]
    assert page.overall is ComponentStatus.PARTIAL_OUTAGE


def test_customers_cannot_look_at_an_incident_they_were_not_told_of(team: Team) -> None:
    team.declare(severity="P3")
    with team.sessions() as session:
        assert read_incident(session, 1) is None


def test_the_state_before_the_window_counts_from_its_first_day(team: Team) -> None:
    with time_machine.travel(NOON, tick=False), team.sessions() as session:
        switch_on(session)
        show(session)
        team.declare(severity="P1", public="Payments fail.")
    with time_machine.travel(NOON + timedelta(days=200), tick=False), team.sessions() as session:
        session.rollback()
        page = read_page(session)
    assert page is not None
    cards = next(s for s in page.services if s.name == "Card payments")
    assert {day.worst for day in cards.days} == {ComponentStatus.MAJOR_OUTAGE}
    assert cards.uptime == 0


def test_a_service_hidden_and_shown_again_begins_anew(team: Team) -> None:
    with time_machine.travel(NOON, tick=False), team.sessions() as session:
        switch_on(session)
        show(session)
    with time_machine.travel(NOON + timedelta(days=50), tick=False), team.sessions() as session:
        show(session, {})
        show(session)
        session.rollback()
        page = read_page(session)
    assert page is not None
    assert [day.worst for day in page.services[0].days][:-1] == [None] * 89


def test_the_history_is_read_by_month_and_place_and_misses_none(team: Team) -> None:
    count = HISTORY_PAGE * 2 + 5
    fill_history(team, count)
    with team.sessions() as session:
        seen: list[str] = []
        before, months = "", []
        while True:
            history = read_history(session, ZoneInfo("Europe/Berlin"), before)
            for month in history.months:
                months.append(f"{month.first_day:%Y-%m}")
                seen += [incident.id for incident in month.incidents]
            before = history.older
            if not before:
                break
        assert len(seen) == len(set(seen)) == count
        assert months == sorted(months, reverse=True)
        top = read_history(session, ZoneInfo("UTC"), "nonsense_x")
        assert top.months == read_history(session, ZoneInfo("UTC")).months


def test_the_page_costs_the_same_queries_whatever_the_history(team: Team) -> None:
    with team.sessions() as session:
        switch_on(session)
        show(session)
        with counting(session) as few:
            read_page(session)
        fill_history(team, 80)
        session.rollback()
        with counting(session) as many:
            read_page(session)
    assert len(many) == len(few) <= 12


def fill_history(team: Team, count: int) -> None:
    """Write past incidents that customers know of, three a month, past all our code."""
    reference = team.declare(severity="P3")
    with team.sessions() as session, write_transaction(session):
        first = session.get_one(Incident, team.incident(reference).id)
        for number in range(count):
            at = NOON - timedelta(days=10 * (number // 2))
            incident = Incident(
                number=1000 + number,
                title="internal",
                severity=first.severity,
                status=Status.RESOLVED,
                service_id=first.service_id,
                commander_id=first.commander_id,
                declared_at=at,
                updated_at=at,
                resolved_at=at,
                slack_channel_name=f"inc-{number}",
            )
            session.add(incident)
            session.flush()
            session.add(
                PublicIncident(
                    incident_id=incident.id,
                    title=f"Trouble {number}",
                    status=PublicStatus.RESOLVED,
                    impact=Impact.MINOR,
                    opened_at=at,
                    updated_at=at,
                    resolved_at=at,
                )
            )
            session.flush()
            session.add(
                PublicUpdate(
                    incident_id=incident.id,
                    seq=1,
                    status=PublicStatus.RESOLVED,
                    body="Over.",
                    at=at,
                )
            )
