"""A look through more channels than Slack lets anybody read in a minute comes to its end."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from incidentbot.channels.pacing import Pacer
from incidentbot.channels.slack.api import SlackApi
from incidentbot.channels.slack.find import Places, find_channel, find_message
from incidentbot.outbox.dispatch import Wait

PAGES = 45
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Workspace:
    """Has a channel on each page; answers as slack_sdk's client does."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.forgets_cursors = False

    def auth_test(self) -> Any:
        return SimpleNamespace(data={"user_id": "B1"})

    def conversations_list(self, *, cursor: str, **_arguments: Any) -> Any:
        self.asked.append(cursor)
        if cursor and self.forgets_cursors:
            self.forgets_cursors = False
            no = {"ok": False, "error": "invalid_cursor"}
            response = SimpleNamespace(get=no.get, status_code=200, headers={}, data=no)
            raise SlackApiError("", response)
        page = int(cursor or 1)
        channel = {"name": f"c{page}", "id": f"C{page}", "creator": "B1"}
        channel["created"] = SINCE.timestamp()
        further = str(page + 1) if page < PAGES else ""
        return SimpleNamespace(
            data={"channels": [channel], "response_metadata": {"next_cursor": further}}
        )

    def conversations_history(self, *, channel: str, **_arguments: Any) -> Any:
        key = {"event_type": "t", "event_payload": {"key": "k"}}
        messages = [{"ts": "1.0", "metadata": key}] if channel == f"C{PAGES}" else []
        return SimpleNamespace(data={"messages": messages})

    def in_another_minute(self) -> SlackApi:
        return SlackApi(self, Pacer(None))  # type: ignore[arg-type]  # the client's few methods


def attempts(workspace: Workspace, places: Places, name: str) -> tuple[int, Any]:
    """Return at which attempt the look through the channels came to an end, and what it found."""
    for attempt in range(1, 10):
        try:
            return attempt, find_channel(workspace.in_another_minute(), places, [name], SINCE)
        except Wait:
            continue
    pytest.fail("it never ends")


@pytest.mark.parametrize("name,found", [(f"c{PAGES}", f"C{PAGES}"), ("none", None)])
def test_each_attempt_goes_on_where_the_last_one_had_to_stop(name: str, found: str | None) -> None:
    workspace, places = Workspace(), Places()
    attempt, channel = attempts(workspace, places, name)
    assert (attempt, channel and channel["id"]) == (3, found)
    assert len(workspace.asked) == PAGES
    assert places.get(name) == ""  # the next look begins anew


def test_a_place_that_slack_has_forgotten_is_begun_anew() -> None:
    workspace, places = Workspace(), Places()
    places.keep(f"c{PAGES}", "30")
    workspace.forgets_cursors = True
    attempt, channel = attempts(workspace, places, f"c{PAGES}")
    assert channel["id"] == f"C{PAGES}"
    assert workspace.asked[:2] == ["30", ""]
    assert attempt == 3


def test_a_message_in_a_channel_known_by_name_is_found_so_too() -> None:
    workspace, places = Workspace(), Places()
    for _ in range(2):
        with pytest.raises(Wait):
            find_message(workspace.in_another_minute(), places, f"#c{PAGES}", "t", "k", SINCE)
    found = find_message(workspace.in_another_minute(), places, f"#c{PAGES}", "t", "k", SINCE)
    assert found == {"channel": f"C{PAGES}", "ts": "1.0"}
