"""Who is told when: the moments of a rule, and what a person asked to be spared."""

from typing import Any

import pytest

from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.models import Service
from incidentbot.outbox.models import DeliveryState
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.users.models import DirectMessages, User
from tests.team import Team

BOB = "U0BOB"


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)


def rule(team: Team, target: str, *, service: str = "", severity: str = "P3", **on: bool) -> None:
    """Tell a target of the moments given and no others."""
    moments = {"on_start": False, "on_update": False, "on_end": False, **on}
    with team.sessions() as session, write_transaction(session):
        found = session.query(Service).filter_by(slug=service).one_or_none()
        kind = AudienceKind.CHANNEL if target.startswith("#") else AudienceKind.PERSON
        session.add(
            RoutingRule(severity=severity, kind=kind, target=target, service=found, **moments)
        )


def told(team: Team, target: str) -> list[tuple[str, int]]:
    """Return kind and event of every message that goes to a target; cards without an event."""
    return [
        (delivery.kind.removeprefix("slack."), delivery.payload.get("seq", 0))
        for delivery in team.deliveries(target=target)
        if delivery.state is not DeliveryState.SKIPPED
    ]


def spared(team: Team, target: str) -> list[str]:
    """Return why messages to a target were left out, superseded cards aside."""
    return [
        str(delivery.last_error)
        for delivery in team.deliveries(target=target, state=DeliveryState.SKIPPED)
        if delivery.kind == "slack.dm"
    ]


def choose(team: Team, choice: DirectMessages, name: str = "Bob") -> None:
    with team.sessions() as session, write_transaction(session):
        session.query(User).filter_by(name=name).one().direct_messages = choice


def live(team: Team, time_machine: Any, severity: str = "P3", service: str = "payments") -> None:
    """Declare, update, move on and resolve, an hour between each."""
    team.declare(severity=severity, service=service)
    for act in (
        lambda: team.do(commands.post_update, "INC-1", team.ada, "Looking"),
        lambda: team.do(commands.resolve, "INC-1", team.ada, "Done"),
    ):
        time_machine.shift(3600)
        team.execute("UPDATE deliveries SET state = 'done' WHERE state = 'pending'")
        act()


def test_a_channel_that_follows_everything(team: Team, time_machine: Any) -> None:
    rule(team, "#all", on_start=True, on_update=True, on_end=True)
    live(team, time_machine)
    messages = [seen for seen in told(team, "#all") if seen[0] == "message"]
    assert messages == [("message", 2), ("message", 3)]
    assert told(team, "#all")[0] == ("announcement", 0)


def test_a_channel_told_of_updates_only_has_no_card_and_hears_no_end(
    team: Team, time_machine: Any
) -> None:
    rule(team, "#support", on_update=True)
    live(team, time_machine)
    assert told(team, "#support") == [("message", 2)]


def test_a_channel_told_of_the_end_only_hears_it_without_the_start(
    team: Team, time_machine: Any
) -> None:
    rule(team, "#sales", on_end=True)
    live(team, time_machine)
    assert told(team, "#sales") == [("message", 3)]


def test_who_wants_no_end_has_the_card_brought_up_to_date_all_the_same(
    team: Team, time_machine: Any
) -> None:
    rule(team, "#wall", on_start=True)
    live(team, time_machine)
    assert told(team, "#wall") == [("announcement", 0)] * 3


@pytest.mark.parametrize("target", ["#wall", BOB])
@pytest.mark.parametrize(
    "at_p3,hears", [({}, False), ({"on_update": True}, False), ({"on_end": True}, True)]
)
def test_who_wants_no_end_hears_none_after_the_severity_has_changed(
    team: Team, target: str, at_p3: dict[str, bool], hears: bool
) -> None:
    rule(team, target, severity="P1", on_start=True)
    if at_p3:
        rule(team, target, severity="P3", **at_p3)
    team.declare(severity="P1")
    team.do(commands.change_severity, "INC-1", team.ada, "P3")
    team.do(commands.resolve, "INC-1", team.ada, "Done")
    assert (told(team, target)[-1][1] == 3) is hears


def test_the_newest_choice_holds(team: Team) -> None:
    rule(team, "#wall", severity="P2", on_start=True)
    rule(team, "#wall", severity="P1", on_start=True, on_end=True)
    team.declare(severity="P2")
    for severity in ("P1", "P3"):
        team.do(commands.change_severity, "INC-1", team.ada, severity)
    team.do(commands.resolve, "INC-1", team.ada, "Done")
    assert told(team, "#wall")[-1] == ("message", 4)


def test_a_person_hears_of_each_moment_of_their_rule(team: Team, time_machine: Any) -> None:
    rule(team, BOB, on_start=True, on_update=True)
    live(team, time_machine)
    assert told(team, BOB) == [("dm", 1), ("dm", 2)]


def test_an_update_within_five_minutes_is_throttled_too(team: Team) -> None:
    rule(team, BOB, on_start=True, on_update=True)
    team.declare()
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    assert [reason.split(":")[0] for reason in spared(team, BOB)] == ["throttled"]


def test_a_rule_of_another_service_tells_nobody(team: Team, time_machine: Any) -> None:
    rule(team, "#search", service="search", on_start=True, on_update=True, on_end=True)
    live(team, time_machine, service="payments")
    assert told(team, "#search") == []


def test_a_rule_for_all_and_one_for_the_service_tell_once(team: Team, time_machine: Any) -> None:
    rule(team, "#ops", on_start=True, on_end=True)
    rule(team, "#ops", service="payments", on_start=True, on_update=True)
    live(team, time_machine)
    messages = [seen for seen in told(team, "#ops") if seen[0] == "message"]
    assert messages == [("message", 2), ("message", 3)]


def test_a_rule_added_in_between_does_not_tell_the_end_of_what_nobody_heard_of(
    team: Team,
) -> None:
    team.declare(severity="P3")
    rule(team, "#late", on_start=True, on_end=True)
    team.do(commands.resolve, "INC-1", team.ada)
    assert told(team, "#late") == []


def test_who_asked_for_no_direct_messages_gets_none_and_it_says_why(
    team: Team, time_machine: Any
) -> None:
    rule(team, BOB, on_start=True, on_update=True, on_end=True)
    choose(team, DirectMessages.NONE)
    live(team, time_machine)
    assert told(team, BOB) == []
    assert spared(team, BOB) == ["they asked for no direct messages"] * 3


def test_who_asked_for_the_start_only_hears_of_it_and_of_its_getting_worse(
    team: Team, time_machine: Any
) -> None:
    for severity in ("P1", "P3"):
        rule(team, BOB, severity=severity, on_start=True, on_update=True, on_end=True)
    choose(team, DirectMessages.START)
    team.declare(severity="P3")
    for act in (
        lambda: team.do(commands.post_update, "INC-1", team.ada, "Looking"),
        lambda: team.do(commands.change_severity, "INC-1", team.ada, "P1"),
        lambda: team.do(commands.resolve, "INC-1", team.ada),
    ):
        time_machine.shift(3600)
        team.execute("UPDATE deliveries SET state = 'done' WHERE state = 'pending'")
        act()
    assert told(team, BOB) == [("dm", 1), ("dm", 3)]
    assert spared(team, BOB) == ["they asked for direct messages about the start only"] * 2


def test_who_has_left_is_not_told_of_the_end_either(team: Team, time_machine: Any) -> None:
    rule(team, BOB, on_start=True, on_end=True)
    team.declare()
    time_machine.shift(3600)
    team.execute(
        "UPDATE deliveries SET state = 'done' WHERE state = 'pending'",
        "UPDATE users SET deactivated_at = created_at WHERE name = 'Bob'",
    )
    team.do(commands.resolve, "INC-1", team.ada)
    assert told(team, BOB) == [("dm", 1)]


def test_nobody_beyond_the_channel_hears_of_a_private_incident(team: Team) -> None:
    rule(team, "#all", on_start=True, on_update=True, on_end=True)
    rule(team, BOB, on_start=True, on_update=True, on_end=True)
    team.declare(is_private=True)
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    team.do(commands.resolve, "INC-1", team.ada)
    assert told(team, "#all") == []
    assert told(team, BOB) == []
