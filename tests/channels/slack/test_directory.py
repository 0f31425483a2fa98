"""Reading who there is in the workspace: page by page, at Slack's pace, and without losing the last copy."""

import logging
from collections.abc import Mapping
from typing import Any, cast

import pytest
import requests
from sqlalchemy import select, update

from incidentbot import clock
from incidentbot.channels.pacing import Pacer
from incidentbot.channels.slack import directory
from incidentbot.channels.slack.api import SlackApi, make_client
from incidentbot.channels.slack.directory import keep_directory, read_directory
from incidentbot.database import write_transaction
from incidentbot.outbox.dispatch import Retry, Wait
from incidentbot.users.models import SlackPerson
from tests.channels.slack.conftest import TOKEN, Workspace
from tests.team import Team

pytestmark = pytest.mark.server


@pytest.fixture
def api(slack: Workspace) -> SlackApi:
    return SlackApi(make_client(TOKEN, f"{slack.url}/api/"), Pacer(None))


def calls(slack: Workspace) -> int:
    """How often the directory was asked for."""
    log = requests.get(f"{slack.url}/sandbox/calls", timeout=10).json()
    return sum(call["method"] == "users.list" for call in log["calls"])


def names(team: Team) -> set[str]:
    with team.sessions() as session:
        return set(session.scalars(select(SlackPerson.real_name)))


def test_everybody_is_read_page_by_page_without_bots(
    slack: Workspace, api: SlackApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "PEOPLE_PER_PAGE", 4)
    before = calls(slack)
    found = {entry.slack_user_id: entry for entry in read_directory(api)}
    assert calls(slack) - before == 2
    assert len(found) == 6
    ada = found["U0ADA0000A"]
    assert (ada.real_name, ada.email) == ("Ada Winter", "ada@example.com")


def test_without_the_scope_for_addresses_there_are_names(slack: Workspace, api: SlackApi) -> None:
    slack.set(scopes=["users:read"])
    assert {entry.email for entry in read_directory(api)} == {None}


def test_a_wait_that_slack_asks_for_is_kept(slack: Workspace, api: SlackApi) -> None:
    slack.fault(kind="rate_limited", method="users.list", retry_after=1, count=1)
    before = calls(slack)
    assert len(read_directory(api)) == 6
    assert calls(slack) - before == 2


def test_it_is_read_once_in_a_while_and_the_last_copy_outlives_slack(
    slack: Workspace, api: SlackApi, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    keep_directory(api, team.sessions)
    assert "Ada Winter" in names(team)
    before = calls(slack)
    keep_directory(api, team.sessions)
    assert calls(slack) == before, "it is not due"
    everyone = names(team)
    with team.sessions() as session, write_transaction(session):
        session.execute(update(SlackPerson).values(seen_at=clock.now() - directory.EVERY))
    slack.set(scopes=["chat:write"])
    with caplog.at_level(logging.WARNING):
        keep_directory(api, team.sessions)
    assert "lacks the scope users:read" in caplog.text
    away = SlackApi(make_client(TOKEN, "http://127.0.0.1:9/api/"), Pacer(None))
    keep_directory(away, team.sessions)
    assert "Slack cannot be reached" in caplog.text
    assert names(team) == everyone


class _Answers:
    """Slack's API with answers of its own, one a call."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self.answers, self.asked = list(answers), list[Mapping[str, Any]]()

    def call(self, _method: str, **arguments: Any) -> Mapping[str, Any]:
        self.asked.append(arguments)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def page(*members: Mapping[str, Any], cursor: str = "") -> Mapping[str, Any]:
    return {"members": members, "response_metadata": {"next_cursor": cursor}}


def test_who_was_removed_and_who_is_no_person_is_left_out() -> None:
    answers = _Answers(
        page(
            {"id": "U1", "profile": {"real_name": "Lin"}},
            {"id": "U2", "deleted": True},
            cursor="next",
        ),
        Wait("too fast", 7),
        page(
            {"id": "U3", "is_bot": True},
            {"id": "USLACKBOT", "profile": {"real_name": "Slackbot"}},
            {"id": "U4", "profile": {"display_name": "kim", "email": "kim@example.com"}},
            {"id": "U5", "is_email_confirmed": True, "profile": {"email": "mo@example.com"}},
        ),
    )
    waited: list[float] = []
    found = read_directory(cast(SlackApi, answers), waited.append)
    assert [(entry.slack_user_id, entry.name, entry.email) for entry in found] == [
        ("U1", "Lin", None),
        ("U4", "kim", None),
        ("U5", "", "mo@example.com"),
    ]
    assert waited == [7]
    assert [asked["cursor"] for asked in answers.asked] == ["", "next", "next"]


def test_a_slack_that_has_one_wait_for_ever_is_given_up() -> None:
    with pytest.raises(Wait):
        read_directory(cast(SlackApi, _Answers(*[Wait("down", 60)] * 20)), lambda _seconds: None)
    with pytest.raises(Retry):
        read_directory(cast(SlackApi, _Answers(Retry("away"))))
