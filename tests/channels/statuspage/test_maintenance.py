"""A scheduled maintenance stands on Statuspage as it stands here."""

from datetime import datetime, timedelta

import time_machine
from sqlalchemy import select

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents.deliveries import skip_delivery
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import fingerprint
from incidentbot.outbox.publish import wake
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages.maintenance import MaintenanceFields, state_of_maintenance
from tests.channels.statuspage.conftest import CHECKOUT, PAGE, PAYMENTS, SEARCH, Customers

HOUR = timedelta(hours=1)
BODY = "Search is away for an hour."


def fields(
    customers: Customers,
    starts_at: datetime,
    title: str = "New disks",
    body: str = BODY,
    services: tuple[str, ...] = ("search",),
) -> MaintenanceFields:
    with customers.team.sessions() as session:
        ids = session.scalars(select(Service.id).where(Service.slug.in_(services))).all()
    return MaintenanceFields(title, body, starts_at, starts_at + HOUR, frozenset(ids))


def edit(customers: Customers, number: int, wish: MaintenanceFields) -> None:
    with customers.team.sessions() as session:
        seen = fingerprint(state_of_maintenance(works.get_maintenance(session, number)))
        works.edit(session, number, customers.team.grace, wish, seen)


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
    edit(customers, found, fields(customers, tomorrow + HOUR, title="Newer disks"))
    customers.deliver()
    assert customers.page.incident["name"] == "Newer disks"


def test_one_that_is_called_off_says_so(customers: Customers) -> None:
    found = schedule(customers, clock.now() + timedelta(days=1))
    customers.deliver()
    with customers.team.sessions() as session:
        works.end(session, found, customers.team.grace)
    customers.deliver()
    assert customers.page.posts()[-1] == ("completed", "The maintenance is called off.")


def test_services_and_words_that_change_reach_it_before_and_after_it_begins(
    customers: Customers,
) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    found = schedule(customers, tomorrow)
    customers.deliver()
    both = ("search", "payments")
    edit(customers, found, fields(customers, tomorrow, services=both))
    customers.deliver()
    assert {c["id"] for c in customers.page.incident["components"]} == {SEARCH, PAYMENTS}
    assert len(customers.page.posts()) == 1, "which services it is about is no news of its own"
    at(customers, tomorrow + HOUR / 2, found)
    with time_machine.travel(tomorrow + HOUR / 2 + timedelta(minutes=1), tick=False):
        edit(customers, found, fields(customers, tomorrow, body="It takes longer.", services=both))
        customers.deliver()
    assert customers.page.posts()[-2:] == [
        ("in_progress", "The maintenance has begun."),
        ("in_progress", "It takes longer."),
    ]


def test_a_component_that_is_mapped_later_is_named_there(customers: Customers) -> None:
    found = schedule(customers, clock.now() + timedelta(days=1))
    customers.deliver()
    customers.map(**{CHECKOUT: "search"})
    customers.deliver()
    assert {c["id"] for c in customers.page.incident["components"]} == {SEARCH, CHECKOUT}
    assert len(customers.page.posts()) == 1
    with customers.team.sessions() as session:
        works.end(session, found, customers.team.grace)
    customers.map(**{PAYMENTS: "search"})
    assert len(customers.team.deliveries(kind="statuspage.maintenance")) == 3, "not of what is over"


def test_words_that_differ_in_spaces_only_are_not_told_again(customers: Customers) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    found = schedule(customers, tomorrow)
    customers.deliver()
    edit(customers, found, fields(customers, tomorrow, body="Search is  away\nfor an hour."))
    customers.deliver()
    assert len(customers.page.posts()) == 1


def test_a_component_that_is_gone_keeps_nobody_from_reading_of_it(customers: Customers) -> None:
    customers.page.by_hand("DELETE", f"/pages/{PAGE}/components/{SEARCH}")
    tomorrow = clock.now() + timedelta(days=1)
    found = schedule(customers, tomorrow)
    customers.deliver()
    assert customers.page.incident["name"] == "New disks"
    edit(customers, found, fields(customers, tomorrow, title="Newer disks"))
    customers.deliver()
    assert customers.page.incident["name"] == "Newer disks"


def test_an_edit_while_an_earlier_attempt_is_in_doubt_makes_no_second_one(
    customers: Customers,
) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    customers.page.fault("drop", method=f"POST /pages/{PAGE}/incidents", count=1)
    found = schedule(customers, tomorrow)
    customers.deliver()
    first = customers.team.deliveries(kind="statuspage.maintenance")[0]
    with customers.team.sessions() as session:
        skip_delivery(session, first.id, customers.team.grace)
    edit(customers, found, fields(customers, tomorrow, title="Newer disks"))
    customers.deliver()
    assert customers.page.incident["name"] == "Newer disks"
