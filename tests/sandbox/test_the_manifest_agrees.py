"""The sandbox grants what the manifest asks for, and sends the events it subscribes to."""

import pytest

from incidentbot.channels.slack.scopes import SCOPES
from incidentbot.sandbox.settings import DEFAULT_EVENTS, DEFAULT_SCOPES
from incidentbot.slack.manifest import manifest
from tests.sandbox.conftest import GENERAL, Slack, refusal


def test_the_sandbox_grants_the_scopes_of_the_manifest_and_no_others() -> None:
    assert list(DEFAULT_SCOPES) == list(SCOPES)


def test_the_sandbox_sends_the_events_of_the_manifest_and_no_others() -> None:
    subscribed = manifest("https://x")["settings"].get("event_subscriptions", {})
    assert list(DEFAULT_EVENTS) == subscribed.get("bot_events", [])


@pytest.mark.server
def test_a_scope_that_is_not_granted_shows_at_once(slack: Slack) -> None:
    ts = slack.post()
    add = slack.client.reactions_add
    assert refusal(add, channel=GENERAL, timestamp=ts, name="eyes") == "missing_scope"
    slack.settings(scopes=[*DEFAULT_SCOPES, "reactions:write"])
    assert add(channel=GENERAL, timestamp=ts, name="eyes")["ok"]
