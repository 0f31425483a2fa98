"""A component on Statuspage follows its service, and never against somebody's hand."""

import time

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Status
from incidentbot.status_pages import connection
from incidentbot.status_pages.models import ComponentStatus
from tests.channels.statuspage.conftest import CHECKOUT, PAGE, PAYMENTS, SEARCH, Customers


def test_it_follows_a_p1_to_its_end(customers: Customers) -> None:
    team, page = customers.team, customers.page
    team.declare(severity="P1")
    customers.deliver()
    assert page.status(PAYMENTS) == "major_outage"
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED)
    customers.deliver()
    assert page.status(PAYMENTS) == "partial_outage"
    team.do(commands.resolve, "INC-1", team.ada)
    customers.deliver()
    assert page.status(PAYMENTS) == "operational"
    assert page.status(SEARCH) == "operational"
    assert all(state == "done" for state, _ in customers.sent("statuspage.component"))


def test_the_worst_of_two_incidents_wins_and_then_the_other(customers: Customers) -> None:
    team, page = customers.team, customers.page
    team.declare(severity="P3")
    team.declare(severity="P2")
    customers.deliver()
    assert page.status(PAYMENTS) == "partial_outage"
    team.do(commands.change_severity, "INC-1", team.ada, "P1")
    customers.deliver()
    assert page.status(PAYMENTS) == "major_outage"
    team.do(commands.resolve, "INC-1", team.ada)
    customers.deliver()
    assert page.status(PAYMENTS) == "partial_outage"
    team.do(commands.cancel, "INC-2", team.ada, "a false alarm")
    customers.deliver()
    assert page.status(PAYMENTS) == "operational"


def test_one_service_has_several_components(customers: Customers) -> None:
    assert customers.map(**{CHECKOUT: "payments"}) == 1
    customers.team.declare(severity="P1")
    customers.deliver()
    assert customers.page.status(CHECKOUT) == customers.page.status(PAYMENTS) == "major_outage"


def test_a_component_that_begins_to_follow_is_brought_up_to_an_open_incident(
    customers: Customers,
) -> None:
    customers.team.declare(severity="P2")
    customers.map(**{CHECKOUT: "payments"})
    customers.deliver()
    assert customers.page.status(CHECKOUT) == "partial_outage"


def test_a_private_incident_shows_nowhere(customers: Customers) -> None:
    customers.team.declare(severity="P1", is_private=True)
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "operational"
    assert customers.page.calls() == []


def test_what_is_as_wanted_already_is_not_written(customers: Customers) -> None:
    customers.page.set_by_hand(PAYMENTS, "major_outage")
    customers.team.declare(severity="P1")
    customers.deliver()
    assert customers.page.calls("PATCH") == []
    customers.team.do(commands.resolve, "INC-1", customers.team.ada)
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "operational", "it counts as ours"


def test_somebodys_change_by_hand_is_kept_and_told(customers: Customers) -> None:
    customers.page.set_by_hand(PAYMENTS, "under_maintenance")
    customers.team.declare(severity="P1")
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "under_maintenance"
    state, reason = customers.sent("statuspage.component")[-1]
    assert state == "skipped"
    assert reason is not None
    assert "by hand" in reason
    with customers.team.sessions() as session:
        (drift,) = connection.list_drift(session)
    assert drift.found is ComponentStatus.UNDER_MAINTENANCE
    assert drift.wanted is ComponentStatus.MAJOR_OUTAGE


def test_a_look_finds_a_change_by_hand_and_changes_nothing(customers: Customers) -> None:
    customers.page.set_by_hand(SEARCH, "degraded_performance")
    assert customers.look() == 1
    assert customers.page.calls("PATCH") == []
    customers.page.set_by_hand(SEARCH, "operational")
    assert customers.look() == 0


def test_taking_over_again_sets_ours(customers: Customers) -> None:
    team = customers.team
    customers.page.set_by_hand(PAYMENTS, "partial_outage")
    customers.look()
    row = customers.component(PAYMENTS)
    with team.sessions() as session:
        connection.take_over(session, team.grace, row.id)
        assert connection.list_drift(session) == []
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "operational"
    assert team.audit()[-1].action == "take_over_component"


def test_leaving_it_keeps_it_until_the_next_change(customers: Customers) -> None:
    team = customers.team
    customers.page.set_by_hand(PAYMENTS, "partial_outage")
    customers.look()
    with team.sessions() as session:
        connection.leave_as_it_is(session, team.grace, customers.component(PAYMENTS).id)
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "partial_outage"
    team.declare(severity="P1")
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "major_outage"


def test_a_change_of_ours_whose_answer_never_came_is_not_somebody_elses(
    customers: Customers,
) -> None:
    team = customers.team
    customers.page.fault("drop", method=f"PATCH /pages/{PAGE}/components/*", count=1)
    team.declare(severity="P1")
    customers.deliver()
    assert customers.page.status(PAYMENTS) == "major_outage"
    assert customers.sent("statuspage.component")[-1][0] == "retrying"
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED)
    customers.again()
    assert customers.page.status(PAYMENTS) == "partial_outage"
    assert customers.look() == 0


def test_a_component_taken_away_is_told_in_words_and_in_the_channel(customers: Customers) -> None:
    customers.page.by_hand("DELETE", f"/pages/{PAGE}/components/{PAYMENTS}")
    customers.team.declare(severity="P1")
    customers.deliver()
    state, reason = customers.sent("statuspage.component")[-1]
    assert state == "parked"
    assert reason is not None
    assert "Map its service again" in reason
    event = customers.team.timeline()[-1]
    assert (event.kind.value, event.data["kind"]) == ("delivery", "statuspage.component")
    told = customers.team.deliveries(kind="slack.message")[-1]
    assert told.payload["seq"] == event.seq


@pytest.mark.parametrize("status", [429, 420])
def test_a_storm_of_refusals_ends_with_everything_as_it_should_be(
    customers: Customers, status: int
) -> None:
    customers.page.fault("rate_limited", status=status, retry_after=1, count=3)
    customers.team.declare(severity="P1")
    customers.deliver()
    state, reason = customers.sent("statuspage.component")[-1]
    assert state in ("pending", "retrying")
    assert reason is not None
    assert "asks to wait" in reason
    deadline = time.monotonic() + 30
    while customers.page.status(PAYMENTS) != "major_outage":
        assert time.monotonic() < deadline
        time.sleep(0.1)
        customers.again()
    assert len(customers.page.calls()) < 10, "it asks no more often than it was told to"
