"""What the check of Slack's connection finds, against the sandbox in good health and in bad."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from incidentbot.channels.slack import check as checking
from incidentbot.channels.slack.check import Connection, Finding, State, check
from incidentbot.channels.slack.scopes import SCOPES
from tests.channels.slack.conftest import TOKEN, Workspace
from tests.servers.ports import free_port

pytestmark = pytest.mark.server

YESTERDAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def connection(slack: Workspace) -> Connection:
    return Connection(TOKEN, f"{slack.url}/api/", ("#general",), YESTERDAY)


def one(findings: list[Finding], what: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.what == what]
    return finding


def test_all_is_well(connection: Connection) -> None:
    findings = check(connection)
    assert {finding.state for finding in findings} == {State.GOOD}
    assert "as @incidentbot" in one(findings, "Bot token").words
    assert one(findings, "Scopes").words == f"The app has all {len(SCOPES)} scopes that it uses."
    assert one(findings, "Signing secret").at == YESTERDAY
    assert one(findings, "Channel #general").state is State.GOOD


def test_without_a_token_it_says_which_settings_are_missing(connection: Connection) -> None:
    (finding,) = check(replace(connection, token=None))
    assert finding.state is State.PROBLEM
    assert "SLACK_BOT_TOKEN" in finding.words
    assert "manifest" in finding.remedy


@pytest.mark.parametrize("state", ["revoked", "inactive"])
def test_a_token_that_slack_refuses_is_said_with_what_to_do(
    slack: Workspace, connection: Connection, state: str
) -> None:
    slack.set(token_state=state)
    finding = one(check(connection), "Bot token")
    assert finding.state is State.PROBLEM
    assert "nstall" in finding.words


def test_a_wrong_token_is_said_with_what_to_do(connection: Connection) -> None:
    finding = one(check(replace(connection, token="xoxb-wrong")), "Bot token")
    assert finding.state is State.PROBLEM
    assert "Set SLACK_BOT_TOKEN to the current one" in finding.words


def test_each_missing_scope_is_named_with_what_it_is_for(
    slack: Workspace, connection: Connection
) -> None:
    slack.set(scopes=[scope for scope in SCOPES if scope not in ("pins:write", "im:write")])
    findings = check(connection)
    for scope in ("pins:write", "im:write"):
        finding = one(findings, f"Scope {scope}")
        assert finding.state is State.PROBLEM
        assert SCOPES[scope] in finding.words
        assert "install the app again" in finding.remedy
    assert "Scopes" not in {finding.what for finding in findings}


def test_a_channel_that_is_not_there_is_a_problem(connection: Connection) -> None:
    wanted = replace(connection, channels=("#nowhere", "C0NOWHERE9", "#nowhere"))
    findings = check(wanted)
    for channel in ("#nowhere", "C0NOWHERE9"):
        finding = one(findings, f"Channel {channel}")
        assert finding.state is State.PROBLEM
        assert "/invite @incidentbot" in finding.remedy


def test_a_channel_is_found_by_its_id_too(connection: Connection) -> None:
    findings = check(replace(connection, channels=("C0GENERAL0",)))
    assert one(findings, "Channel C0GENERAL0").state is State.GOOD


def test_an_archived_channel_is_a_problem(slack: Workspace, connection: Connection) -> None:
    made = slack.call("conversations.create", name="old-news")["channel"]["id"]
    slack.call("conversations.archive", channel=made)
    for name in ("#old-news", made):
        finding = one(check(replace(connection, channels=(name,))), f"Channel {name}")
        assert finding.state is State.PROBLEM
        assert "archived" in finding.words


def test_where_the_bot_is_not_in_and_may_not_post_it_is_a_problem(
    slack: Workspace, connection: Connection
) -> None:
    slack.set(scopes=[scope for scope in SCOPES if scope != "chat:write.public"])
    finding = one(check(connection), "Channel #general")
    assert finding.state is State.PROBLEM
    assert finding.remedy == "Type /invite @incidentbot in it."


def test_no_signed_request_so_far_says_how_to_make_one(connection: Connection) -> None:
    finding = one(check(replace(connection, last_request=None)), "Signing secret")
    assert finding.state is State.UNKNOWN
    assert "/incident help" in finding.remedy
    assert "SLACK_SIGNING_SECRET" in finding.remedy


def test_slack_that_cannot_be_reached_is_unknown_and_not_our_fault(connection: Connection) -> None:
    findings = check(replace(connection, api_url=f"http://127.0.0.1:{free_port()}/api/"))
    finding = one(findings, "Slack's answer")
    assert finding.state is State.UNKNOWN
    assert finding.words.startswith("Slack cannot be reached")
    assert one(findings, "Signing secret").state is State.GOOD


def test_slack_in_trouble_is_unknown(slack: Workspace, connection: Connection) -> None:
    slack.fault(method="auth.test", kind="server_error")
    finding = one(check(connection), "Slack's answer")
    assert (finding.state, "trouble of its own" in finding.words) == (State.UNKNOWN, True)


def test_slack_that_asks_to_wait_is_unknown(slack: Workspace, connection: Connection) -> None:
    slack.fault(method="conversations.list", kind="rate_limited")
    findings = check(connection)
    assert one(findings, "Scopes").state is State.GOOD
    assert one(findings, "Channel #general").state is State.UNKNOWN
    assert "wait" in one(findings, "Channel #general").words


def test_slack_that_does_not_answer_is_given_up_soon(
    slack: Workspace, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "TIMEOUT_SECONDS", 1)
    slack.fault(method="auth.test", kind="latency", ms=5_000)
    finding = one(check(connection), "Slack's answer")
    assert finding.words.startswith("Slack did not answer within")


def test_a_workspace_of_many_pages_is_looked_through(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_CHANNELS_PER_PAGE", 1)
    monkeypatch.setattr(checking, "_MOST_PAGES", 50)
    assert one(check(connection), "Channel #general").state is State.GOOD
    monkeypatch.setattr(checking, "_MOST_PAGES", 1)
    wanted = replace(connection, channels=("#zz-last",))
    finding = one(check(wanted), "Channel #zz-last")
    assert finding.state is State.UNKNOWN
    assert "Write the channel's id" in finding.remedy
