"""Changing the severity: who hears of it when it gets worse, and who when it gets better."""

from typing import Any

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import EventKind
from tests.team import Team

IN_CHANNEL = {
    ("slack.message", "war-room"),
    ("slack.card", "war-room"),
    ("slack.topic", "war-room"),
}


@pytest.fixture
def told(team: Team) -> Any:
    """Return whom a change of severity is told to, and of what kind, besides what was before."""

    def change(severity: str, reason: str = "") -> set[tuple[str, str]]:
        already = {delivery.id for delivery in team.deliveries()}
        team.do(commands.change_severity, "INC-1", team.ada, severity, reason)
        return {(d.kind, d.target) for d in team.deliveries() if d.id not in already}

    return change


def test_the_change_is_written_with_its_reason(team: Team) -> None:
    team.declare(severity="P3")
    result = team.do(commands.change_severity, "INC-1", team.ada, " p2 ", "Spreading")
    assert result.sentence == "INC-1 is now P2."
    assert team.incident().severity is Severity.P2
    event = team.timeline()[-1]
    assert (event.kind, event.text, event.data) == (
        EventKind.SEVERITY,
        "Spreading",
        {"from": "P3", "to": "P2"},
    )
    entry = team.audit()[-1]
    assert (entry.before["severity"], entry.after["severity"]) == ("P3", "P2")
    assert entry.reason == "Spreading"


def test_an_escalation_to_p1_is_told_to_everyone_of_p1(team: Team, told: Any) -> None:
    team.declare(severity="P3")
    assert told("P1") == IN_CHANNEL | {
        ("slack.announcement", "#general"),
        ("slack.announcement", "#engineering"),
        ("slack.dm", "U0P1"),
    }


def test_an_escalation_from_p2_to_p1_is_told_anew_where_it_was_announced(
    team: Team, told: Any
) -> None:
    team.declare(severity="P2")
    assert told("P1") == IN_CHANNEL | {
        ("slack.announcement", "#general"),
        ("slack.announcement", "#engineering"),  # its card is brought up to date
        ("slack.message", "#engineering"),
        ("slack.dm", "U0P1"),
    }


def test_an_escalation_to_p2_is_told_to_engineering_alone(team: Team, told: Any) -> None:
    team.declare(severity="P4")
    assert told("P2") == IN_CHANNEL | {("slack.announcement", "#engineering")}


def test_an_escalation_to_p3_is_told_in_the_channel_only(team: Team, told: Any) -> None:
    team.declare(severity="P4")
    assert told("P3") == IN_CHANNEL


def test_a_downgrade_is_told_in_the_channel_and_only_updates_the_cards_elsewhere(
    team: Team, told: Any
) -> None:
    team.declare(severity="P1")
    assert told("P2") == IN_CHANNEL | {
        ("slack.announcement", "#general"),
        ("slack.announcement", "#engineering"),
    }


def test_the_same_severity_changes_nothing(team: Team) -> None:
    team.declare(severity="P2")
    before = team.state()
    result = team.do(commands.change_severity, "INC-1", team.ada, "P2", "Why?")
    assert (result.changed, result.sentence) == (False, "INC-1 is P2 already.")
    assert team.state() == before


def test_a_severity_we_do_not_know_or_a_reason_too_long_is_refused(team: Team) -> None:
    team.declare()
    before = team.state()
    for field, severity, reason in (("severity", "P0", ""), ("reason", "P1", "x" * 1001)):
        with pytest.raises(InvalidInput) as refused:
            team.do(commands.change_severity, "INC-1", team.ada, severity, reason)
        assert refused.value.field == field
    assert team.state() == before
