"""What Slack shows in a modal that was refused."""

from incidentbot.incidents.errors import InvalidInputs
from incidentbot.slack.answers import field_errors

WRONG = InvalidInputs({"title": "Write something.", "severity": "Choose one."})


def test_a_modal_says_all_that_is_wrong_at_once() -> None:
    blocks = {"title": "title@2", "severity": "severity@2", "service": "service@2"}
    assert field_errors(WRONG, blocks) == {
        "response_action": "errors",
        "errors": {"title@2": "Write something.", "severity@2": "Choose one."},
    }


def test_what_is_wrong_with_a_field_that_is_not_shown_is_said_too() -> None:
    answer = field_errors(WRONG, {"severity": "severity@2"})
    assert answer["errors"] == {"severity@2": "Write something."}
