"""Declaring an incident: what is written, what is refused, and what happens when it comes twice."""

from dataclasses import replace
from typing import Any

import pytest

from incidentbot.audit.models import Outcome
from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.errors import InvalidInput, InvalidInputs, NotAllowed
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import EventKind, Service
from incidentbot.users.models import User
from tests.team import Team, together


def test_declaring_writes_the_incident_its_timeline_the_audit_log_and_deliveries(
    team: Team,
) -> None:
    reference = team.declare(
        title="  Checkout\tis  down ", severity="p1", service="payments", summary="Since 9:00\r\n"
    )

    incident = team.incident(reference)
    assert reference == "INC-1"
    assert (incident.title, incident.summary) == ("Checkout is down", "Since 9:00")
    assert (incident.severity, incident.status) == (Severity.P1, Status.DECLARED)
    assert incident.service.slug == "payments"
    assert incident.version == 1
    assert (incident.resolved_at, incident.duration_seconds) == (None, None)

    (event,) = team.timeline()
    assert (event.seq, event.kind, event.text) == (1, EventKind.DECLARED, "Since 9:00")
    assert (event.actor_id, event.actor_name, event.door) == (team.ada.user_id, "Ada", "web")
    assert event.at == incident.declared_at == incident.updated_at

    (entry,) = team.audit()
    assert (entry.action, entry.subject, entry.outcome) == ("declare", "INC-1", Outcome.DONE)
    assert (entry.actor_id, entry.door, entry.origin) == (team.ada.user_id, "web", "192.0.2.7")
    assert entry.before == {}
    assert entry.after == {
        "status": "declared",
        "severity": "P1",
        "commander_id": team.ada.user_id,
        "resolved_at": None,
    }

    assert {(d.kind, d.target) for d in team.deliveries(incident_id=incident.id)} == {
        ("slack.war_room", "war-room"),
        ("slack.card", "war-room"),
        ("slack.topic", "war-room"),
        ("slack.bookmark", "war-room"),
        ("slack.invite", "war-room"),
        ("slack.announcement", "#general"),
        ("slack.announcement", "#engineering"),
        ("slack.dm", "U0P1"),
    }


def test_who_declares_commands_unless_somebody_else_is_named(team: Team) -> None:
    assert team.incident(team.declare(team.bob)).commander_id == team.bob.user_id
    named = team.declare(team.bob, commander_id=team.grace.user_id)
    assert team.incident(named).commander_id == team.grace.user_id
    assert team.incident(named).declared_by_id == team.bob.user_id


def test_commander_declarer_and_service_owners_are_invited_each_once(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        people = {user.slack_user_id: user for user in session.query(User)}
        owners = [people["U0ADA"], people["U0GRACE"], people["U0P1"]]
        payments = session.query(Service).filter_by(slug="payments").one()
        payments.owners.extend(owners)

    team.declare(team.ada, commander_id=team.bob.user_id)

    (invite,) = team.deliveries(kind="slack.invite")
    assert sorted(invite.payload["users"]) == ["U0ADA", "U0BOB", "U0GRACE", "U0P1"]


def test_a_wrong_field_is_named_and_nothing_is_written(team: Team) -> None:
    before = team.state()
    for field, wrong in (
        ("title", ""),
        ("title", " \u200b\n"),
        ("title", "x" * 101),
        ("severity", "P5"),
        ("severity", ""),
        ("service", "nothing-of-ours"),
        ("service", ""),
        ("summary", "x" * 10_001),
    ):
        with pytest.raises(InvalidInput) as refused:
            team.declare(**{field: wrong})
        assert refused.value.field == field
        assert str(refused.value)
        assert team.state() == before


def test_everything_that_is_wrong_is_said_at_once(team: Team) -> None:
    before = team.state()
    with pytest.raises(InvalidInputs) as refused:
        team.declare(title="", severity="", service="", commander_id=999_999)
    assert list(refused.value.reasons) == ["title", "severity", "service", "commander"]
    assert team.state() == before


def test_neither_a_viewer_nor_nobody_can_be_made_commander(team: Team) -> None:
    before = team.state()
    for person, why in ((team.vera.user_id, "Vera is a viewer"), (999_999, "Choose a person")):
        with pytest.raises(InvalidInput, match=why) as refused:
            team.declare(commander_id=person)
        assert refused.value.field == "commander"
        assert team.state() == before


def test_texts_as_long_as_allowed_are_kept_whole(team: Team) -> None:
    reference = team.declare(title="é" * 100, summary="🔥" * 10_000)
    incident = team.incident(reference)
    assert (incident.title, incident.summary) == ("é" * 100, "🔥" * 10_000)


def test_a_viewer_is_refused_and_the_attempt_is_audited(team: Team) -> None:
    before = team.state()
    with pytest.raises(NotAllowed, match="Viewers cannot declare an incident"):
        team.declare(team.vera)

    (entry,) = team.audit()
    assert (entry.action, entry.subject, entry.outcome) == (
        "declare",
        "incident",
        Outcome.REFUSED,
    )
    assert (entry.actor_name, entry.actor_role) == ("Vera", "viewer")
    assert team.problems() == []
    assert _without_audit(team.state()) == _without_audit(before)


def test_the_same_request_again_returns_the_incident_it_declared(team: Team) -> None:
    request = replace(team.ada, request_id="form/1")
    first = team.declare(request)
    team.declare(team.ada)
    before = team.state()

    with team.sessions() as session:
        again = commands.declare(session, Declaration("Other words", "P1", "search"), request)

    assert (again.incident.reference, again.changed) == (first, False)
    assert again.incident.title == "Checkout is down"
    assert team.state() == before


def test_the_same_request_many_times_at_once_declares_one_incident(team: Team) -> None:
    request = replace(team.ada, request_id="form/1")
    answers = together(*[lambda: team.declare(request)] * 6)
    assert answers == ["INC-1"] * 6
    assert len(team.audit()) == 1
    assert len(team.deliveries(kind="slack.war_room")) == 1


def test_a_refused_request_may_be_sent_again(team: Team) -> None:
    request = replace(team.vera, request_id="form/1")
    with pytest.raises(NotAllowed):
        team.declare(request)
    assert team.declare(replace(team.ada, request_id="form/1")) == "INC-1"


def test_no_two_incidents_mean_to_create_the_same_channel(team: Team) -> None:
    # The second "payments" incident would take the name of the service "payments-2".
    with team.sessions() as session, write_transaction(session):
        session.add_all(Service(slug=f"payments-{n}", name=f"Payments {n}") for n in (2, 3, 4))
    names = [
        team.incident(team.declare(service=service)).slack_channel_name
        for service in (
            "payments-3",
            "payments-2",
            "payments",
            "payments",
            "payments",
            "payments-4",
        )
    ]
    assert len(set(names)) == len(names)
    assert all(name.startswith("inc-") and len(name) <= 80 for name in names)


def test_the_channel_is_named_after_the_day_and_the_service(team: Team) -> None:
    incident = team.incident(team.declare(service="search"))
    assert incident.slack_channel_name == f"inc-{incident.declared_at:%Y%m%d}-search"


def _without_audit(state: dict[str, Any]) -> dict[str, Any]:
    return {table: rows for table, rows in state.items() if not table.startswith("audit_")}
