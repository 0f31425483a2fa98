"""The way of an incident: forward only, closed at the end, back only by reopening."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidentbot.incidents.lifecycle import (
    CLOSED,
    PATH,
    REOPENED,
    UPDATE_STATUSES,
    Severity,
    Status,
    can_move,
    next_statuses,
    renotifies,
)

D, IV, ID, M, R, C = (
    Status.DECLARED,
    Status.INVESTIGATING,
    Status.IDENTIFIED,
    Status.MONITORING,
    Status.RESOLVED,
    Status.CANCELLED,
)
ALLOWED = {
    D: {IV, ID, M, R, C},
    IV: {ID, M, R, C},
    ID: {M, R, C},
    M: {R, C},
    R: set(),
    C: set(),
}


@pytest.mark.parametrize("target", Status)
@pytest.mark.parametrize("current", Status)
def test_every_move_is_allowed_or_refused_as_the_table_says(
    current: Status, target: Status
) -> None:
    assert can_move(current, target) is (target in ALLOWED[current])


@given(st.lists(st.sampled_from(Status)))
def test_no_sequence_of_moves_ever_goes_back(wishes: list[Status]) -> None:
    visited = [Status.DECLARED]
    for wish in wishes:
        if can_move(visited[-1], wish):
            visited.append(wish)
    assert len(set(visited)) == len(visited)
    assert all(status.is_open for status in visited[:-1])  # nothing follows the end
    steps = [PATH.index(status) for status in visited if status is not Status.CANCELLED]
    assert steps == sorted(steps)


def test_a_status_update_offers_only_what_lies_ahead() -> None:
    assert next_statuses(D) == UPDATE_STATUSES
    assert next_statuses(ID) == (M,)
    assert next_statuses(M) == next_statuses(R) == next_statuses(C) == ()


def test_a_reopened_incident_is_open_and_can_go_the_whole_way_again() -> None:
    assert REOPENED.is_open
    assert can_move(REOPENED, R)


def test_only_resolved_and_cancelled_are_closed() -> None:
    assert {status for status in Status if not status.is_open} == CLOSED == {R, C}


@pytest.mark.parametrize(
    "old,new,told",
    [
        ("P4", "P3", False),
        ("P4", "P2", True),
        ("P3", "P1", True),
        ("P2", "P1", True),
        ("P1", "P2", False),
        ("P2", "P4", False),
        ("P1", "P1", False),
        ("P2", "P2", False),
    ],
)
def test_only_an_escalation_to_p1_or_p2_is_told_again(old: str, new: str, told: bool) -> None:
    assert renotifies(Severity(old), Severity(new)) is told


@given(st.sampled_from(Severity), st.sampled_from(Severity))
def test_of_two_severities_one_is_worse_or_they_are_the_same(a: Severity, b: Severity) -> None:
    assert [a.is_worse_than(b), b.is_worse_than(a), a is b].count(True) == 1


def test_every_severity_has_a_meaning() -> None:
    assert all(severity.meaning for severity in Severity)
