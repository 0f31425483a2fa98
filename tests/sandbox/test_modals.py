"""Views: opening by a trigger, updating, stacking, submitting, closing, publishing a home."""

import time

import pytest

from tests.sandbox.conftest import (
    ADA,
    BOT,
    GRACE,
    Json,
    Slack,
    button,
    complaints,
    field_of,
    modal,
    refusal,
    section,
)

pytestmark = pytest.mark.server


def home(text: str) -> Json:
    return {"type": "home", "blocks": [section(text)]}


def test_a_trigger_opens_one_modal(slack: Slack) -> None:
    trigger = slack.trigger()
    view = slack.client.views_open(trigger_id=trigger, view=modal())["view"]
    assert slack.get(f"views?user={ADA}")["view"]["id"] == view["id"]
    opened = slack.client.views_open
    assert refusal(opened, trigger_id=trigger, view=modal()) == "exchanged_trigger_id"


def test_a_trigger_is_good_for_a_few_seconds(slack: Slack) -> None:
    slack.settings(trigger_seconds=0.1)
    trigger = slack.trigger()
    time.sleep(0.15)
    assert refusal(slack.client.views_open, trigger_id=trigger, view=modal()) == (
        "expired_trigger_id"
    )


def test_an_invented_trigger_is_refused(slack: Slack) -> None:
    assert refusal(slack.client.views_open, trigger_id="1.2.3", view=modal()) == (
        "invalid_trigger_id"
    )


def test_a_refused_view_does_not_use_the_trigger_up(slack: Slack) -> None:
    trigger = slack.trigger()
    opened = slack.client.views_open
    assert refusal(opened, trigger_id=trigger, view=modal(title="")) == "invalid_arguments"
    assert opened(trigger_id=trigger, view=modal())["ok"]


def test_a_modal_with_inputs_needs_a_submit_button(slack: Slack) -> None:
    view = {key: value for key, value in modal().items() if key != "submit"}
    said = complaints(slack.client.views_open, trigger_id=slack.trigger(), view=view)
    assert said == "[ERROR] missing required field: submit [json-pointer:/view/submit]"


def test_an_update_needs_the_newest_hash_if_it_names_one(slack: Slack) -> None:
    view = slack.open(modal())
    update = slack.client.views_update
    newer = update(view_id=view["id"], view=modal(title="Two"), hash=view["hash"])["view"]
    assert newer["hash"] != view["hash"]
    stale = {"view_id": view["id"], "view": modal(), "hash": view["hash"]}
    assert refusal(update, **stale) == "hash_conflict"
    assert update(view_id=view["id"], view=modal(title="Three"))["ok"]


def test_an_update_keeps_what_was_typed_where_the_ids_stay(slack: Slack) -> None:
    view = slack.open(modal(field_of("name"), field_of("why")))
    slack.act("type", user=ADA, view_id=view["id"], values={"name": "Ada", "why": "because"})
    slack.client.views_update(view_id=view["id"], view=modal(field_of("name"), field_of("how")))
    state = slack.get(f"views?user={ADA}")["view"]["state"]["values"]
    assert state["name"]["name"]["value"] == "Ada"
    assert state["how"]["how"]["value"] is None
    assert "why" not in state


def test_a_view_is_found_by_its_external_id_which_is_the_only_one(slack: Slack) -> None:
    slack.open(modal(external_id="mine"))
    update = slack.client.views_update
    assert update(external_id="mine", view=modal(external_id="mine"))["ok"]
    assert refusal(update, external_id="other", view=modal()) == "not_found"
    trigger = slack.trigger(GRACE)
    view = modal(external_id="mine")
    assert refusal(slack.client.views_open, trigger_id=trigger, view=view) == (
        "duplicate_external_id"
    )


def test_a_closed_view_is_not_updated(slack: Slack) -> None:
    view = slack.open(modal())
    slack.act("close", user=ADA)
    assert refusal(slack.client.views_update, view_id=view["id"], view=modal()) == "not_found"


def test_three_modals_stack_and_no_more(slack: Slack) -> None:
    slack.open(modal(title="One"))
    push = slack.client.views_push
    for title in ("Two", "Three"):
        assert push(trigger_id=slack.trigger(), view=modal(title=title))["ok"]
    assert refusal(push, trigger_id=slack.trigger(), view=modal()) == "push_limit_reached"
    slack.act("close", user=ADA)
    assert slack.get(f"views?user={ADA}")["view"]["title"]["text"] == "Two"


def test_a_submission_carries_what_was_typed(slack: Slack) -> None:
    view = slack.open(modal(callback_id="declare", private_metadata="secret"))
    outcome = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "DB <down>"})
    assert outcome["view"] is None
    assert slack.app.last.signed
    sent = slack.app.last.payload
    assert (sent["type"], sent["user"]["id"]) == ("view_submission", ADA)
    assert sent["view"]["state"]["values"]["name"]["name"] == {
        "type": "plain_text_input",
        "value": "DB <down>",
    }
    assert (sent["view"]["callback_id"], sent["view"]["private_metadata"]) == ("declare", "secret")
    assert sent["trigger_id"]


def test_the_client_itself_refuses_what_is_missing_or_too_long(slack: Slack) -> None:
    view = slack.open(modal(field_of("name", max_length=5)))
    before = len(slack.app.knocks)
    missing = slack.act("submit", user=ADA, view_id=view["id"])
    assert missing["errors"] == {"name": "Please complete this required field."}
    long = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "too long"})
    assert "at most 5" in long["errors"]["name"]
    assert len(slack.app.knocks) == before


def test_field_errors_keep_the_modal_open_with_what_was_typed(slack: Slack) -> None:
    view = slack.open(modal())
    slack.app.always({"response_action": "errors", "errors": {"name": "Not that one"}})
    outcome = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "x"})
    assert outcome["errors"] == {"name": "Not that one"}
    assert outcome["view"]["state"]["values"]["name"]["name"]["value"] == "x"


def test_an_error_must_name_an_input(slack: Slack) -> None:
    view = slack.open(modal())
    slack.app.always({"response_action": "errors", "errors": {"nothing": "x"}})
    outcome = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "x"})
    assert "invalid_errors" in outcome["error"]


@pytest.mark.parametrize("action,shown", [("update", ["Next"]), ("push", ["Declare", "Next"])])
def test_an_answer_changes_the_modal_or_puts_one_on_top(
    slack: Slack, action: str, shown: list[str]
) -> None:
    view = slack.open(modal())
    slack.app.always({"response_action": action, "view": modal(title="Next")})
    slack.act("submit", user=ADA, view_id=view["id"], values={"name": "x"})
    stack = slack.get(f"views?user={ADA}")["stack"]
    assert [view["title"]["text"] for view in stack] == shown


def test_an_answer_clears_the_whole_stack(slack: Slack) -> None:
    slack.open(modal())
    top = slack.client.views_push(trigger_id=slack.trigger(), view=modal())["view"]
    slack.app.always({"response_action": "clear"})
    slack.act("submit", user=ADA, view_id=top["id"], values={"name": "x"})
    assert slack.get(f"views?user={ADA}")["stack"] == []


def test_an_answer_slack_would_not_take_is_an_error_for_the_person(slack: Slack) -> None:
    view = slack.open(modal())
    slack.app.always({"response_action": "update", "view": modal(title="x" * 25)})
    outcome = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "x"})
    assert "must be less than 25 characters" in outcome["error"]
    assert outcome["view"]["id"] == view["id"]


@pytest.mark.parametrize("answer", [{"status": 500}, {"after": 0.4}])
def test_a_failed_submission_keeps_the_modal_open(slack: Slack, answer: Json) -> None:
    slack.settings(ack_seconds=0.2)
    view = slack.open(modal())
    slack.app.always(**answer)
    outcome = slack.act("submit", user=ADA, view_id=view["id"], values={"name": "x"})
    assert outcome["error"] in ("dispatch_failed", "operation_timeout")
    assert outcome["view"]["id"] == view["id"]


def test_the_app_hears_of_a_closed_modal_if_it_wants_to(slack: Slack) -> None:
    slack.open(modal())
    before = len(slack.app.knocks)
    slack.act("close", user=ADA)
    assert len(slack.app.knocks) == before
    slack.open(modal(notify_on_close=True))
    slack.act("close", user=ADA)
    sent = slack.app.last.payload
    assert (sent["type"], sent["is_cleared"]) == ("view_closed", False)


def test_an_input_that_dispatches_tells_the_app_at_once(slack: Slack) -> None:
    options = [
        {"text": {"type": "plain_text", "text": text}, "value": text} for text in ("db", "api")
    ]
    select = {"type": "static_select", "action_id": "template", "options": options}
    label = {"type": "plain_text", "text": "Template"}
    block = {"type": "input", "block_id": "t", "label": label, "element": select}
    slack.open(modal(block))
    before = len(slack.app.knocks)
    slack.act("action", user=ADA, action_id="template", value="db")
    assert len(slack.app.knocks) == before
    slack.open(modal(block | {"dispatch_action": True}))
    slack.act("action", user=ADA, action_id="template", value="api")
    sent = slack.app.last.payload
    assert sent["container"]["type"] == "view"
    assert sent["actions"][0]["selected_option"]["value"] == "api"
    assert sent["view"]["state"]["values"]["t"]["template"]["selected_option"]["value"] == "api"


@pytest.mark.parametrize("value", ["nonsense", 5, ["db"], {"value": "nonsense"}])
def test_what_a_field_does_not_offer_cannot_be_chosen(slack: Slack, value: object) -> None:
    options = [{"text": {"type": "plain_text", "text": "db"}, "value": "db"}]
    select = {"type": "static_select", "action_id": "template", "options": options}
    slack.open(modal({"type": "actions", "elements": [select, button("go")]}, field_of("name")))
    with pytest.raises(AssertionError, match="offers no option"):
        slack.act("action", user=ADA, action_id="template", value=value)


def test_a_home_is_published_for_one_person(slack: Slack) -> None:
    publish = slack.client.views_publish
    first = publish(user_id=ADA, view=home("one"))["view"]
    publish(user_id=ADA, view=home("two"), hash=first["hash"])
    assert slack.get(f"views?user={ADA}")["home"]["blocks"][0]["text"]["text"] == "two"
    assert slack.get(f"views?user={GRACE}")["home"] is None
    assert refusal(publish, user_id=ADA, view=home("x"), hash=first["hash"]) == "hash_conflict"
    assert refusal(publish, user_id=BOT, view=home("x")) == "invalid_arguments"
    assert refusal(publish, user_id=ADA, view=modal()) == "invalid_arguments"
