"""Resolving: once, with its duration, told to everyone who was told of the incident."""

from typing import Any

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidMove, NotAllowed
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.models import EventKind
from tests.team import Team, together


def test_resolving_stores_when_and_how_long_it_took(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T23:30:00+00:00", tick=False)
    team.declare()
    time_machine.move_to("2026-03-02T01:00:05.9+00:00", tick=False)

    result = team.do(commands.resolve, "INC-1", team.ada, "Rolled back")

    incident = team.incident()
    assert (result.changed, result.sentence) == (True, "INC-1 is resolved.")
    assert incident.status is Status.RESOLVED
    assert incident.resolved_at is not None
    assert incident.resolved_at.isoformat() == "2026-03-02T01:00:05.900000+00:00"
    assert incident.duration_seconds == 90 * 60 + 5
    event = team.timeline()[-1]
    assert (event.kind, event.text, event.at) == (
        EventKind.RESOLVED,
        "Rolled back",
        incident.resolved_at,
    )
    after = team.audit()[-1].after
    assert after["resolved_at"] == "2026-03-02T01:00:05.900000+00:00"


def test_resolving_a_second_time_changes_nothing_and_says_who_did_it_and_when(
    team: Team, time_machine: Any
) -> None:
    time_machine.move_to("2026-03-01T14:05:00+00:00", tick=False)
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    before = team.state()
    time_machine.move_to("2026-03-01T15:00:00+00:00", tick=False)

    again = team.do(commands.resolve, "INC-1", team.grace, "Me too")

    assert not again.changed
    assert again.sentence == (
        "INC-1 was already resolved by Ada on 1 Mar 2026 at 14:05 UTC. Nothing was changed."
    )
    assert team.state() == before


def test_of_two_who_resolve_at_once_one_does_it_and_the_other_is_told(team: Team) -> None:
    team.declare()
    answers: list[Result] = together(
        lambda: team.do(commands.resolve, "INC-1", team.ada),
        lambda: team.do(commands.resolve, "INC-1", team.grace),
    )
    (first,) = [answer for answer in answers if answer.changed]
    (second,) = [answer for answer in answers if not answer.changed]
    resolver = team.timeline()[-1].actor_name
    assert first.sentence == "INC-1 is resolved."
    assert f"already resolved by {resolver}" in second.sentence
    assert [event.kind for event in team.timeline()].count(EventKind.RESOLVED) == 1
    assert [entry.action for entry in team.audit()] == ["declare", "resolve"]


def test_everyone_who_heard_of_it_hears_of_its_end(team: Team, time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    team.declare(severity="P1")
    team.execute("UPDATE deliveries SET state = 'done', finished_at = created_at")
    already = {delivery.id for delivery in team.deliveries()}
    time_machine.move_to("2026-03-01T12:30:00+00:00", tick=False)

    team.do(commands.resolve, "INC-1", team.ada)

    told = {(d.kind, d.target) for d in team.deliveries() if d.id not in already}
    assert told == {
        ("slack.message", "war-room"),
        ("slack.card", "war-room"),
        ("slack.topic", "war-room"),
        ("slack.announcement", "#general"),
        ("slack.announcement", "#engineering"),
        ("slack.message", "#general"),
        ("slack.message", "#engineering"),
        ("slack.dm", "U0P1"),
    }


def test_a_p3_that_nobody_outside_heard_of_is_resolved_in_its_channel_only(team: Team) -> None:
    team.declare(severity="P3")
    team.do(commands.resolve, "INC-1", team.ada)
    assert {delivery.target for delivery in team.deliveries()} == {"war-room"}


def test_a_cancelled_incident_cannot_be_resolved(team: Team) -> None:
    team.declare()
    team.do(commands.cancel, "INC-1", team.ada, "False alarm")
    before = team.state()
    with pytest.raises(InvalidMove, match="is cancelled"):
        team.do(commands.resolve, "INC-1", team.ada)
    assert team.state() == before


def test_a_resolved_incident_takes_no_more_changes(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    before = team.state()
    for command, argument in (
        (commands.post_update, "Hello"),
        (commands.move_to, Status.MONITORING),
        (commands.change_severity, "P1"),
        (commands.cancel, "False alarm"),
    ):
        with pytest.raises(InvalidMove, match="INC-1 is resolved"):
            team.do(command, "INC-1", team.ada, argument)
        assert team.state() == before


def test_somebody_else_cannot_resolve_it(team: Team) -> None:
    team.declare()
    with pytest.raises(NotAllowed, match="Only the commander, Ada, can resolve"):
        team.do(commands.resolve, "INC-1", team.bob)
    assert team.incident().status is Status.DECLARED
