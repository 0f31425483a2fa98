"""Slash commands: what the app is sent, and what becomes of its answer."""

import pytest
import requests

from tests.sandbox.conftest import ADA, GENERAL, GRACE, Answer, Json, Knock, Slack, modal, section

pytestmark = pytest.mark.server


def respond(slack: Slack, **answer: object) -> requests.Response:
    """Answer the newest command at its response URL."""
    url = slack.app.last.payload["response_url"]
    return requests.post(url, json=answer, timeout=10)


def test_the_app_is_sent_a_signed_form(slack: Slack) -> None:
    slack.command("declare")
    knock = slack.app.last
    assert knock.signed
    assert knock.headers["content-type"] == "application/x-www-form-urlencoded"
    sent = knock.payload
    assert (
        sent
        | {
            "command": "/incident",
            "text": "declare",
            "user_id": ADA,
            "user_name": "ada",
            "channel_id": GENERAL,
            "channel_name": "general",
            "team_id": "T0SANDBOX0",
            "api_app_id": "A0INCIDENT",
        }
        == sent
    )
    assert sent["response_url"].startswith(slack.url)


def test_each_command_has_a_trigger_of_its_own(slack: Slack) -> None:
    assert slack.trigger() != slack.trigger()


@pytest.mark.parametrize(
    "typed,sent",
    [
        ("a <b> & c", "a &lt;b&gt; &amp; c"),
        ("commander @grace now", f"commander <@{GRACE}|grace> now"),
        ("see #general", f"see <#{GENERAL}|general>"),
        ("see https://x.example/?a=1&b=2", "see <https://x.example/?a=1&amp;b=2>"),
        ("mail a@grace.example", "mail a@grace.example"),
        ("<!channel> @channel", "&lt;!channel&gt; @channel"),
        ("für 🚒 שלום", "für 🚒 שלום"),
    ],
)
def test_what_is_typed_arrives_escaped_and_with_mentions(
    slack: Slack, typed: str, sent: str
) -> None:
    slack.command(typed)
    assert slack.app.last.payload["text"] == sent


def test_the_names_of_private_conversations_are_not_told(slack: Slack) -> None:
    slack.command(channel=GRACE)
    assert slack.app.last.payload["channel_name"] == "directmessage"


def test_an_answer_is_for_the_person_alone(slack: Slack) -> None:
    slack.app.always({"text": "help", "blocks": [section("help")]})
    outcome = slack.command("help")
    assert (outcome["status"], outcome["body"]["text"]) == (200, "help")
    assert slack.texts(user=ADA)[-1] == "help"
    assert slack.messages(user=ADA)[-1]["is_ephemeral"]
    assert "help" not in slack.texts(user=GRACE)


def test_an_answer_in_channel_is_for_all(slack: Slack) -> None:
    slack.app.always({"text": "hello", "response_type": "in_channel"})
    slack.command()
    assert slack.texts(user=GRACE)[-1] == "hello"


def test_a_plain_text_is_an_answer_and_an_empty_one_is_none(slack: Slack) -> None:
    before = slack.texts()
    slack.command()
    assert slack.texts() == before
    slack.app.always("plain words")
    slack.command()
    assert slack.texts() == [*before, "plain words"]


@pytest.mark.parametrize(
    "answer,error",
    [
        ({"status": 500}, "dispatch_failed"),
        ({"status": 404}, "dispatch_failed"),
        ({"after": 0.5}, "operation_timeout"),
        ({"body": {"text": "x", "blocks": [section("")]}}, "invalid_command_response"),
    ],
)
def test_the_person_is_told_when_the_app_fails(slack: Slack, answer: Json, error: str) -> None:
    slack.settings(ack_seconds=0.25)
    slack.app.always(**answer)
    outcome = slack.command()
    assert outcome["error"].startswith(error)
    assert f"/incident failed with the error “{error}" in slack.texts()[-1]


def test_the_app_can_answer_later_five_times(slack: Slack) -> None:
    slack.command()
    for number in range(5):
        assert respond(slack, text=f"later {number}").text == "ok"
    sixth = respond(slack, text="too often")
    assert (sixth.status_code, sixth.json()["error"]) == (404, "used_url")
    assert slack.texts()[-1] == "later 4"
    assert "later 4" not in slack.texts(user=GRACE)


def test_a_later_answer_is_checked_like_any_message(slack: Slack) -> None:
    slack.command()
    refused = respond(slack, text="")
    assert (refused.status_code, refused.json()["error"]) == (400, "no_text")
    assert respond(slack, text="x", blocks=[section("x" * 3001)]).json()["error"] == (
        "invalid_blocks"
    )


def test_an_invented_response_url_is_refused(slack: Slack) -> None:
    url = f"{slack.url}/response/invented"
    assert requests.post(url, json={"text": "x"}, timeout=10).status_code == 404


def test_a_later_answer_can_be_for_all(slack: Slack) -> None:
    slack.command()
    respond(slack, text="hello all", response_type="in_channel")
    assert slack.texts(user=GRACE)[-1] == "hello all"


def test_a_command_can_open_a_modal_before_it_is_answered(slack: Slack) -> None:
    def answer(knock: Knock) -> Answer:
        trigger = knock.payload["trigger_id"]
        slack.client.views_open(trigger_id=trigger, view=modal(title="Declare"))
        return Answer()

    slack.app.answer = answer
    assert slack.command("declare")["view"]["title"]["text"] == "Declare"


def test_an_unknown_command_never_leaves_slack(slack: Slack) -> None:
    with pytest.raises(AssertionError, match="no such command"):
        slack.command(command="/weather")
    assert slack.app.knocks == []
