"""An incident on Statuspage is told once, update by update, whatever happens to the calls."""

from typing import Any

import pytest
from sqlalchemy import update

from incidentbot import clock
from incidentbot.channels.statuspage.link import connect
from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.errors import Conflict, InvalidInput, NotAllowed
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.queries import get_incident
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages import connection
from incidentbot.status_pages.models import Publication, PublicIncident
from incidentbot.status_pages.preview import preview, tell_customers
from tests.channels.statuspage.conftest import PAGE, PAYMENTS, Customers

POSTED_UPDATE = f"PATCH /pages/{PAGE}/incidents/*"
OPENED = f"POST /pages/{PAGE}/incidents"


def drop_answers(customers: Customers, method: str, **more: Any) -> None:
    """Have calls take effect without an answer."""
    customers.page.fault("drop", method=method, **{"count": 1, **more})


def test_an_automatic_one_is_opened_and_moves_on_in_the_rules_words(customers: Customers) -> None:
    team, page = customers.team, customers.page
    customers.publish("P1")
    team.declare(severity="P1")
    customers.deliver()
    incident = page.incident
    assert incident["name"] == "Outage of Payments"
    assert (incident["status"], incident["impact"]) == ("investigating", "critical")
    assert [c["id"] for c in incident["components"]] == [PAYMENTS]
    assert incident["metadata"] == {"incidentbot": {"reference": "INC-1"}}
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED)
    team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING)
    team.do(commands.resolve, "INC-1", team.ada)
    customers.deliver()
    assert [status for status, _ in page.posts()] == [
        "investigating",
        "identified",
        "monitoring",
        "resolved",
    ]
    assert page.posts()[-1][1] == "All is well again with Payments. We are sorry for the trouble."


def test_nothing_is_opened_where_nobody_said_so(customers: Customers) -> None:
    customers.publish("P1", Publication.CONFIRM)
    customers.publish("P2", Publication.NEVER)
    for severity in ("P1", "P2"):
        customers.team.declare(severity=severity)
    customers.deliver()
    assert customers.page.incidents == []


def test_an_escalation_to_an_automatic_severity_opens_it(customers: Customers) -> None:
    customers.publish("P1")
    customers.team.declare(severity="P3")
    customers.team.do(commands.change_severity, "INC-1", customers.team.ada, "P1")
    customers.deliver()
    assert customers.page.incident["impact"] == "critical"
    customers.team.do(commands.change_severity, "INC-1", customers.team.ada, "P2")
    customers.deliver()
    assert customers.page.incident["impact"] == "major"
    assert len(customers.page.posts()) == 1, "how bad it is changes without another post"


def test_what_was_shown_before_is_what_customers_read(customers: Customers) -> None:
    team = customers.team
    team.declare(severity="P1")
    with team.sessions() as session:
        shown = preview(session, get_incident(session, "INC-1", team.ada), "Cards are declined.")
    assert shown.is_new
    team.do(tell_customers, "INC-1", team.ada, "Cards are declined.", shown.seen)
    customers.deliver()
    incident = customers.page.incident
    assert incident["name"] == shown.title
    assert customers.page.posts() == [(shown.status.value, shown.body)]
    assert [c["name"] for c in incident["components"]] == list(shown.components)
    assert customers.page.status(PAYMENTS) == shown.component_status.value


def test_who_looked_at_something_else_is_told_to_look_again(customers: Customers) -> None:
    team = customers.team
    team.declare(severity="P1")
    with team.sessions() as session:
        shown = preview(session, get_incident(session, "INC-1", team.ada), "")
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED)
    with pytest.raises(Conflict):
        team.do(tell_customers, "INC-1", team.ada, "Cards are declined.", shown.seen)
    with pytest.raises(NotAllowed):
        team.do(tell_customers, "INC-1", team.bob, "Cards are declined.", shown.seen)
    with pytest.raises(InvalidInput):
        team.do(tell_customers, "INC-1", team.ada, " ", shown.seen)
    customers.deliver()
    assert customers.page.incidents == []


def test_updates_for_customers_are_posted_in_order_and_internal_ones_are_not(
    customers: Customers,
) -> None:
    team = customers.team
    team.declare(severity="P1", public="We are looking into it.")
    team.do(commands.post_update, "INC-1", team.ada, "canary: the disk is full")
    team.do(
        commands.post_update, "INC-1", team.ada, "canary: swapped it", "Half of it works again."
    )
    team.do(commands.resolve, "INC-1", team.ada, "canary: all good", "It works again.")
    customers.deliver()
    assert customers.page.posts() == [
        ("investigating", "We are looking into it."),
        ("investigating", "Half of it works again."),
        ("resolved", "It works again."),
    ]
    calls = customers.page.by_hand("GET", "/calls")["calls"]
    assert "canary" not in str(calls)
    assert "Checkout is down" not in str(calls), "the title is the team's own"


@pytest.mark.parametrize("kind", ["drop", "server_error_after"])
def test_an_incident_whose_answer_never_came_is_opened_once(
    customers: Customers, kind: str
) -> None:
    customers.page.fault(kind, method=OPENED, count=1)
    customers.team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    assert customers.sent("statuspage.incident")[0][0] == "retrying"
    customers.again()
    assert customers.page.posts() == [("investigating", "We are looking into it.")]
    assert len(customers.page.calls("POST")) == 1


def test_another_update_does_not_open_it_again_after_the_first_was_given_up_in_doubt(
    customers: Customers,
) -> None:
    team = customers.team
    drop_answers(customers, OPENED)
    team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    with team.sessions() as session, write_transaction(session):
        session.execute(
            update(Delivery).where(Delivery.kind == "statuspage.incident").values(state="skipped")
        )
    team.do(commands.post_update, "INC-1", team.ada, "internal", "We know more.")
    customers.deliver()
    assert [body for _, body in customers.page.posts()] == [
        "We are looking into it.",
        "We know more.",
    ]


@pytest.mark.parametrize("kind", ["drop", "server_error_after"])
def test_an_update_whose_answer_never_came_is_posted_once(customers: Customers, kind: str) -> None:
    team = customers.team
    team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    customers.page.fault(kind, method=POSTED_UPDATE, count=1)
    team.do(commands.post_update, "INC-1", team.ada, "internal", "We know more.")
    customers.deliver()
    team.do(commands.post_update, "INC-1", team.ada, "internal", "We know more.")
    customers.again()
    bodies = [body for _, body in customers.page.posts()]
    assert bodies == ["We are looking into it.", "We know more.", "We know more."], (
        "the same words twice are two updates"
    )


def test_a_worker_that_dies_after_the_call_does_not_tell_it_twice(customers: Customers) -> None:
    team = customers.team
    team.declare(severity="P1", public="We are looking into it.")
    (delivery,) = customers.engine.claim(1, "statuspage/incident/INC-1")
    customers.engine._handlers["statuspage.incident"].send(delivery)  # and then it is killed
    with team.sessions() as session, write_transaction(session):
        # It did not even write down the incident's id.
        session.execute(update(PublicIncident).values(statuspage_id=None))
        session.execute(
            update(Delivery).where(Delivery.id == delivery.id).values(lease_until=clock.now())
        )
    customers.deliver()
    assert len(customers.page.incidents) == 1
    assert len(customers.page.posts()) == 1


def test_an_incident_deleted_there_is_told_in_words(customers: Customers) -> None:
    team = customers.team
    team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    customers.page.by_hand("DELETE", f"/pages/{PAGE}/incidents/{customers.page.incident['id']}")
    assert customers.look() == 1
    team.do(commands.resolve, "INC-1", team.ada)
    customers.deliver()
    state, reason = customers.sent("statuspage.incident")[-1]
    assert (state, customers.page.incidents) == ("parked", [])
    assert reason is not None
    assert "was deleted on Statuspage" in reason


def test_an_incident_resolved_there_by_hand_is_left_until_somebody_takes_it_over(
    customers: Customers,
) -> None:
    team, page = customers.team, customers.page
    team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    by_hand = {"incident": {"status": "resolved", "body": "Done, I think."}}
    page.by_hand("PATCH", f"/pages/{PAGE}/incidents/{page.incident['id']}", by_hand)
    assert customers.look() == 1
    team.do(commands.post_update, "INC-1", team.ada, "internal", "We know more.")
    customers.deliver()
    state, reason = customers.sent("statuspage.incident")[-1]
    assert state == "parked"
    assert reason is not None
    assert "resolved on Statuspage by hand" in reason
    assert page.posts()[-1] == ("resolved", "Done, I think.")
    with team.sessions() as session:
        (known,) = connection.list_drifted_incidents(session)
        connection.take_over_incident(session, team.grace, known.incident_id)
    customers.deliver()
    assert page.posts()[-1] == ("investigating", "We know more.")
    assert customers.look() == 0


def test_customers_are_told_although_a_component_is_gone(customers: Customers) -> None:
    customers.page.by_hand("DELETE", f"/pages/{PAGE}/components/{PAYMENTS}")
    customers.team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    assert customers.page.posts() == [("investigating", "We are looking into it.")]
    assert customers.sent("statuspage.incident")[-1][0] == "done"
    assert customers.sent("statuspage.component")[-1][0] == "parked"


def test_a_deleted_page_and_a_wrong_key_are_told_in_words(customers: Customers) -> None:
    team, page = customers.team, customers.page
    page.by_hand("DELETE", f"/pages/{PAGE}")
    team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    for kind in ("statuspage.incident", "statuspage.component"):
        state, reason = customers.sent(kind)[-1]
        assert state == "parked"
        assert reason is not None
        assert "is not on Statuspage any more" in reason
    page.by_hand("POST", f"/pages/{PAGE}/restore")
    page.by_hand("POST", "/key", {"key": "another"})
    team.do(commands.resolve, "INC-1", team.ada)
    customers.deliver()
    state, reason = customers.sent("statuspage.component")[-1]
    assert state == "parked"
    assert reason is not None
    assert "refuses the API key" in reason
    assert team.incident().status is Status.RESOLVED, "none of it keeps the incident from going on"


def test_nothing_is_called_while_no_page_is_connected(unconnected: Customers) -> None:
    unconnected.team.declare(severity="P1", public="We are looking into it.")
    unconnected.deliver()
    assert unconnected.page.calls() == []
    assert unconnected.sent("statuspage.incident") == []


def test_looks_go_on_however_many_incidents_were_deleted_there(customers: Customers) -> None:
    team, page = customers.team, customers.page
    for _number in range(5):
        team.declare(severity="P1", public="We are looking into it.")
    customers.deliver()
    for incident in page.incidents:
        page.by_hand("DELETE", f"/pages/{PAGE}/incidents/{incident['id']}")
    page.forget_calls()
    assert customers.look() == 3
    assert len(page.calls()) == 1 + 1 + 3, "components, open incidents, and each of three once"
    assert customers.look() == 5, "the others' turn"
    page.forget_calls()
    customers.look()
    assert len(page.calls()) == 2, "what is deleted stays so"


def test_who_may_not_connect_a_page_is_refused_and_it_is_audited(unconnected: Customers) -> None:
    team = unconnected.team
    with team.sessions() as session, pytest.raises(NotAllowed):
        connect(unconnected.statuspage, session, team.ada, PAGE, "a-key")
    assert unconnected.page.calls() == []
    entry = team.audit()[-1]
    assert (entry.action, entry.outcome.value) == ("connect_statuspage", "refused")
