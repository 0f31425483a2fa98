"""Many people act on one incident at the same moment: every change is legal and made exactly once."""

import random
from collections import Counter
from dataclasses import replace

from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import AlreadyDone, IncidentError, InvalidMove
from incidentbot.incidents.lifecycle import UPDATE_STATUSES, Severity, Status, can_move
from incidentbot.incidents.models import EventKind, TimelineEvent
from incidentbot.users.actor import Actor
from tests.team import Processes, Team, connected, together

MOVES = 50
TARGETS = (*UPDATE_STATUSES, Status.RESOLVED)
MOVE_KINDS = {EventKind.STATUS, EventKind.RESOLVED}


def test_fifty_moves_at_once_are_each_legal_and_take_effect_once(team: Team) -> None:
    team.declare()
    chance = random.Random(0)
    wishes = [(chance.choice(TARGETS), chance.choice((team.ada, team.grace))) for _ in range(MOVES)]

    answers = together(
        *[
            lambda status=status, actor=actor: team.do(commands.move_to, "INC-1", actor, status)
            for status, actor in wishes
        ]
    )

    assert all(isinstance(answer, Result | InvalidMove) for answer in answers), answers
    made = [answer for answer in answers if isinstance(answer, Result) and answer.changed]
    events = [event for event in team.timeline() if event.kind in MOVE_KINDS]
    assert len(events) == len(made)
    _assert_consistent(team, events)


def test_moves_from_several_processes_are_each_legal_and_take_effect_once(
    team: Team, processes: Processes
) -> None:
    team.declare()
    made = sum(processes.together(_move_about, team.database_url, team.ada))
    events = [event for event in team.timeline() if event.kind in MOVE_KINDS]
    assert len(events) == made
    _assert_consistent(team, events)


def test_different_commands_at_once_all_find_the_incident_and_leave_a_whole_story(
    team: Team,
) -> None:
    team.declare()
    answers = together(
        *[
            lambda: team.do(commands.hand_over, "INC-1", team.grace, team.bob.user_id),
            lambda: team.do(commands.take_over, "INC-1", team.grace, "Nobody answers"),
            lambda: team.do(commands.add_note, "INC-1", team.bob, "Replica lag"),
            lambda: team.do(commands.change_severity, "INC-1", team.grace, "P1"),
            lambda: team.do(commands.post_update, "INC-1", team.grace, "Looking"),
            lambda: team.do(commands.move_to, "INC-1", team.grace, Status.MONITORING),
        ]
        * 2
    )
    assert all(isinstance(answer, Result) for answer in answers), answers
    assert sum(answer.changed for answer in answers) == len(team.timeline()) - 1
    assert team.incident().severity is Severity.P1
    _assert_consistent(team, [event for event in team.timeline() if event.kind in MOVE_KINDS])


def test_one_request_sent_many_times_at_once_takes_effect_once(team: Team) -> None:
    team.declare()
    click = replace(team.ada, request_id="trigger/1")
    answers = together(*[lambda: team.do(commands.post_update, "INC-1", click, "Once")] * 8)
    assert Counter(type(answer) for answer in answers) == {Result: 1, AlreadyDone: 7}
    assert len(team.timeline()) == 2


def _assert_consistent(team: Team, moves: list[TimelineEvent]) -> None:
    """Check that the moves follow each other and that nothing was written twice or left out."""
    status = Status.DECLARED
    for move in moves:
        assert move.data["from"] == status.value
        assert can_move(status, Status(move.data["to"]))
        status = Status(move.data["to"])
    assert team.incident().status is status

    timeline = team.timeline()
    assert [event.seq for event in timeline] == list(range(1, len(timeline) + 1))
    assert [event.at for event in timeline] == sorted(event.at for event in timeline)
    assert team.incident().version == len(timeline) == len(team.audit())
    messages = Counter(
        delivery.payload["seq"]
        for delivery in team.deliveries(kind="slack.message", target="war-room")
    )
    assert messages == Counter(range(2, len(timeline) + 1))
    assert team.problems() == []


def _move_about(number: int, database_url: str, actor: Actor) -> int:
    """Try moves in an order of this process's own; return how many were made."""
    targets = [*TARGETS] * 3
    random.Random(number).shuffle(targets)
    made = 0
    with connected(database_url) as sessions:
        for target in targets:
            with sessions() as session:
                try:
                    made += commands.move_to(session, "INC-1", actor, target).changed
                except IncidentError:
                    continue
    return made
