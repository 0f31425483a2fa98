"""People click twice: what they do reaches the app as often as they do it."""

import threading

import pytest

from tests.sandbox.conftest import ADA, Answer, Knock, Slack, button, field_of, modal

pytestmark = pytest.mark.server


def test_a_modal_submitted_twice_in_a_row_reaches_the_app_twice(slack: Slack) -> None:
    view = slack.open(modal())
    slack.app.knocks.clear()
    values = {"name": "x"}
    answer = slack.act("submit", user=ADA, view_id=view["id"], values=values, repeat=2)
    first, second = (knock.payload for knock in slack.app.knocks)
    assert first["view"]["id"] == second["view"]["id"] == view["id"]
    assert first["trigger_id"] != second["trigger_id"]
    assert [result["status"] for result in answer["results"]] == [200, 200]


def test_a_modal_submitted_twice_at_once_reaches_the_app_twice_at_once(slack: Slack) -> None:
    view = slack.open(modal())
    slack.app.knocks.clear()
    meeting = threading.Barrier(3)

    def answer(_knock: Knock) -> Answer:
        meeting.wait(5)  # only if all three are here at the same time
        return Answer()

    slack.app.answer = answer
    wish = {"values": {"name": "x"}, "repeat": 3, "concurrent": True}
    slack.act("submit", user=ADA, view_id=view["id"], **wish)
    assert len(slack.app.knocks) == 3


def test_the_answer_to_the_second_click_finds_the_modal_closed_and_does_no_harm(
    slack: Slack,
) -> None:
    view = slack.open(modal())
    slack.app.always({"response_action": "update", "view": modal(field_of("x"), title="Done")})
    outcome = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "x"}, repeat=2)
    assert outcome["view"]["title"]["text"] == "Done"


def test_a_button_pressed_twice_reaches_the_app_twice(slack: Slack) -> None:
    ts = slack.post(blocks=[{"type": "actions", "elements": [button("resolve")]}])
    press = {"user": ADA, "channel": "general", "ts": ts, "action_id": "resolve"}
    slack.act("action", **press, repeat=2, concurrent=True)
    triggers = {knock.payload["trigger_id"] for knock in slack.app.knocks}
    assert len(triggers) == 2


def test_a_command_typed_many_times_reaches_the_app_as_often(slack: Slack) -> None:
    slack.command("declare", repeat=20, concurrent=True)
    assert len(slack.app.knocks) == 20
    assert all(knock.signed for knock in slack.app.knocks)


@pytest.mark.parametrize("repeat", [0, -1, 51, "many"])
def test_there_is_an_end_to_repeating(slack: Slack, repeat: object) -> None:
    with pytest.raises(AssertionError, match="repeat must be"):
        slack.command("declare", repeat=repeat)
