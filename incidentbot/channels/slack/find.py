"""Look for what an attempt in doubt may have made, before making it again."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from incidentbot.channels.slack.api import SlackApi, SlackRefusal

# How far Slack's clock and ours may be apart.
_SKEW = timedelta(minutes=5)


class Places:
    """Where looks through the workspace's channels were broken off, by what was looked for.

    A large workspace has more pages than may be read in a minute. Without this every attempt would
    begin with the first one, and none come to the last. Kept in the process: another that takes the
    delivery begins anew, and gets as far by and by.
    """

    def __init__(self) -> None:
        self._cursors: dict[str, str] = {}

    def get(self, looked_for: str) -> str:
        """Return the page to go on with; "" for the first."""
        return self._cursors.get(looked_for, "")

    def keep(self, looked_for: str, cursor: str) -> None:
        """Remember the page to go on with; "" when the look is over."""
        self._cursors[looked_for] = cursor
        if not cursor:
            del self._cursors[looked_for]


def find_channel(
    api: SlackApi, places: Places, names: Collection[str], since: datetime
) -> dict[str, Any] | None:
    """Return the channel with one of `names` that this app created after `since`, if there is one."""
    me = api.call("auth_test")["user_id"]
    earliest = (since - _SKEW).timestamp()

    def is_ours(channel: dict[str, Any]) -> bool:
        made_by_us = channel.get("creator") == me and channel.get("created", 0) >= earliest
        return channel["name"] in names and made_by_us

    return _look_through(api, places, " ".join(names), is_ours)


def find_message(
    api: SlackApi, places: Places, channel: str, event_type: str, key: str, since: datetime
) -> dict[str, Any] | None:
    """Return `{"channel", "ts"}` of the message that carries `key` in its metadata, if it is there.

    `channel` may be a #name. A public channel is joined when Slack lets only members read it.
    """
    channel_id = _channel_id(api, places, channel)
    try:
        return _search(api, channel_id, event_type, key, since)
    except SlackRefusal as error:
        if error.error != "not_in_channel":
            raise
    api.call("conversations_join", channel=channel_id)
    return _search(api, channel_id, event_type, key, since)


def _search(
    api: SlackApi, channel: str, event_type: str, key: str, since: datetime
) -> dict[str, Any] | None:
    cursor = ""
    while True:
        answer = api.call(
            "conversations_history",
            channel=channel,
            oldest=str((since - _SKEW).timestamp()),
            include_all_metadata=True,
            limit=200,
            cursor=cursor,
        )
        for message in answer["messages"]:
            metadata = message.get("metadata") or {}
            if (
                metadata.get("event_type") == event_type
                and metadata.get("event_payload", {}).get("key") == key
            ):
                return {"channel": channel, "ts": message["ts"]}
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return None


def _channel_id(api: SlackApi, places: Places, channel: str) -> str:
    if not channel.startswith("#"):
        return channel
    name = channel.removeprefix("#")
    found = _look_through(api, places, channel, lambda candidate: candidate["name"] == name)
    return str(found["id"]) if found else channel


def _look_through(
    api: SlackApi,
    places: Places,
    looked_for: str,
    is_it: Callable[[dict[str, Any]], bool],
) -> dict[str, Any] | None:
    """Return the public channel, or the private one we are in, that is it.

    Many calls in a large workspace: for cases of doubt only. To leave out archived channels would
    spare none: Slack takes them out of pages that it has filled.
    """
    kinds = "public_channel,private_channel"
    while True:
        cursor = places.get(looked_for)
        try:
            answer = api.call("conversations_list", types=kinds, limit=1000, cursor=cursor)
        except SlackRefusal as error:
            if error.error != "invalid_cursor" or not cursor:
                raise
            places.keep(looked_for, "")  # it has run out
            continue
        found = next(filter(is_it, answer["channels"]), None)
        further = (answer.get("response_metadata") or {}).get("next_cursor", "")
        places.keep(looked_for, "" if found else further)
        if found or not further:
            return found
