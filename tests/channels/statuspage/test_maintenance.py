"""A scheduled maintenance stands on Statuspage as it stands here."""

from datetime import datetime, timedelta

import time_machine
from sqlalchemy import select

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import fingerprint
from incidentbot.outbox.publish import wake
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages.maintenance import MaintenanceFields, state_of_maintenance
from tests.channels.statuspage.conftest import PAGE, SEARCH, Customers

HOUR = timedelta(hours=1)


def fields(
    customers: Customers, starts_at: datetime, title: str = "New disks"
) -> MaintenanceFields:
    with customers.team.sessions() as session:
        search = session.scalars(select(Service.id).where(Service.slug == "search")).one()
    return MaintenanceFields(
        title, "Search is away for an hour.", starts_at, starts_at + HOUR, frozenset({search})
    )


def schedule(customers: Customers, starts_at: datetime) -> int:
    with customers.team.sessions() as session:
        wish = fields(customers, starts_at)
        return works.schedule(session, customers.team.grace, wish).id


def at(customers: Customers, moment: datetime, maintenance_id: int) -> None:
    """Let the clock move on, and deliver what comes of it."""
    with time_machine.travel(moment, tick=False):
        with customers.team.sessions() as session:
            with write_transaction(session):
                works.follow_clock(session, maintenance_id)
            wake(session)
        customers.deliver()


def test_from_its_announcement_to_its_end(customers: Customers) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    found = schedule(customers, tomorrow)
    customers.deliver()
    shown = customers.page.incident
    assert (shown["name"], shown["status"]) == ("New disks", "scheduled")
    assert datetime.fromisoformat(shown["scheduled_for"]) == tomorrow
    assert [component["id"] for component in shown["components"]] == [SEARCH]
    at(customers, tomorrow + HOUR / 2, found)
    assert customers.page.incident["status"] == "in_progress"
    assert customers.page.status(SEARCH) == "under_maintenance"
    at(customers, tomorrow + 2 * HOUR, found)
    assert customers.page.incident["status"] == "completed"
    assert customers.page.status(SEARCH) == "operational"


def test_an_edit_changes_it_and_a_lost_answer_makes_no_second_one(customers: Customers) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    customers.page.fault("drop", method=f"POST /pages/{PAGE}/incidents", count=1)
    found = schedule(customers, tomorrow)
    customers.deliver()
    customers.again()
    assert customers.page.incident["name"] == "New disks"
    with customers.team.sessions() as session:
        seen = fingerprint(state_of_maintenance(works.get_maintenance(session, found)))
        wish = fields(customers, tomorrow + HOUR, title="Newer disks")
        works.edit(session, found, customers.team.grace, wish, seen)
    customers.deliver()
    assert customers.page.incident["name"] == "Newer disks"


def test_one_that_is_called_off_says_so(customers: Customers) -> None:
    found = schedule(customers, clock.now() + timedelta(days=1))
    customers.deliver()
    with customers.team.sessions() as session:
        works.end(session, found, customers.team.grace)
    customers.deliver()
    assert customers.page.posts()[-1] == ("completed", "The maintenance is called off.")
