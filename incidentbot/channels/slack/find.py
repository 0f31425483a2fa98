"""Look for what an attempt in doubt may have made, before making it again."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from incidentbot.channels.slack.api import SlackApi, SlackRefusal

# How far Slack's clock and ours may be apart.
_SKEW = timedelta(minutes=5)


def find_channel(api: SlackApi, names: Collection[str], since: datetime) -> dict[str, Any] | None:
    """Return the channel with one of `names` that this app created after `since`, if there is one."""
    me = api.call("auth_test")["user_id"]
    earliest = (since - _SKEW).timestamp()
    for channel in _channels(api):
        made_by_us = channel.get("creator") == me and channel.get("created", 0) >= earliest
        if channel["name"] in names and made_by_us:
            return channel
    return None


def find_message(
    api: SlackApi, channel: str, event_type: str, key: str, since: datetime
) -> dict[str, Any] | None:
    """Return `{"channel", "ts"}` of the message that carries `key` in its metadata, if it is there.

    `channel` may be a #name. A public channel is joined when Slack lets only members read it.
    """
    channel_id = _channel_id(api, channel)
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


def _channel_id(api: SlackApi, channel: str) -> str:
    if not channel.startswith("#"):
        return channel
    for candidate in _channels(api):
        if candidate["name"] == channel.removeprefix("#"):
            return str(candidate["id"])
    return channel


def _channels(api: SlackApi) -> Iterator[dict[str, Any]]:
    """Yield the workspace's public channels, and the private ones we are in.

    Many calls in a large workspace: for cases of doubt only.
    """
    kinds = "public_channel,private_channel"
    cursor = ""
    while True:
        answer = api.call("conversations_list", types=kinds, limit=1000, cursor=cursor)
        yield from answer["channels"]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return
