"""What the state of an incident allows, and the reason where it does not."""

import pytest

from incidentbot.incidents.lifecycle import CLOSED, OPEN, Status
from incidentbot.incidents.permissions import Action
from incidentbot.incidents.readiness import why_not_now

ENDS = (
    Action.POST_UPDATE,
    Action.MOVE,
    Action.CHANGE_SEVERITY,
    Action.RESOLVE,
    Action.CANCEL,
)


@pytest.mark.parametrize("action", ENDS)
def test_what_ends_with_the_incident_is_done_after_reopening_it(action: Action) -> None:
    for status in OPEN:
        assert why_not_now(action, status) == ""
    for status in CLOSED:
        reason = f"INC-1 is {status.value}. Add a note, or reopen it first."
        assert why_not_now(action, status, "INC-1") == reason


def test_an_end_comes_before_reopening_and_the_postmortem() -> None:
    for status in Status:
        assert bool(why_not_now(Action.REOPEN, status)) is status.is_open
        is_early = bool(why_not_now(Action.DRAFT_POSTMORTEM, status))
        assert is_early is (status is not Status.RESOLVED)


def test_everything_else_is_done_at_any_time() -> None:
    for action in set(Action) - {*ENDS, Action.REOPEN, Action.DRAFT_POSTMORTEM}:
        assert not any(why_not_now(action, status) for status in Status), action
