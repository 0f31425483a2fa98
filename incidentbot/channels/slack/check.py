"""Find out whether Slack is connected as it should be: what is missing, and how to mend it.

It calls Slack at once, past the deliveries' pacing: a person waits for the answer. So it takes a few
calls only, each with a short timeout, and ends at the first that Slack leaves unanswered.
"""

import http.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from incidentbot.channels.slack.api import SlackRefusal, make_client
from incidentbot.channels.slack.scopes import SCOPES

TIMEOUT_SECONDS = 5
_CHANNELS_PER_PAGE = 1_000
_MOST_PAGES = 5
_MOST_CHANNELS = 40  # Slack lets us look up some fifty a minute
_TOO_SLOW = f"Slack did not answer within {TIMEOUT_SECONDS} seconds."
_INVITE = "If it is private, type /invite @incidentbot in it; else correct the routing rule."


class State(StrEnum):
    """How something stands. `unknown` is what could not be found out."""

    GOOD = "good"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, in words, and what to do about it.

    `at` is a moment that the words speak of.
    """

    state: State
    what: str
    words: str
    remedy: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Connection:
    """What there is to check. `channels` are those that the routing rules name.

    `last_request` is when Slack's newest request with a good signature came in; None for never.
    """

    token: str | None
    api_url: str
    channels: Sequence[str]
    last_request: datetime | None


class _NoAnswer(Exception):
    """Slack did not answer, or not with what was asked for. Its text says why."""


def check(connection: Connection) -> list[Finding]:
    """Return what was found, in the order in which it should be mended. Never raises for Slack's sake."""
    if not connection.token:
        return [
            Finding(
                State.PROBLEM,
                "Bot token",
                "Slack is not connected: SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are not set.",
                "Create the Slack app from the manifest below, install it in your workspace, set "
                "both variables, and start incidentbot again.",
            )
        ]
    client = make_client(connection.token, connection.api_url, TIMEOUT_SECONDS)
    try:
        answer = _call(client, "auth_test")
    except SlackRefusal as refusal:
        return [Finding(State.PROBLEM, "Bot token", str(refusal)), _requests(connection)]
    except _NoAnswer as failure:
        return [
            Finding(
                State.UNKNOWN,
                "Slack's answer",
                str(failure),
                "Look at https://slack-status.com, and whether this server may call slack.com. "
                "What could not be told meanwhile is kept and told when Slack is back.",
            ),
            _requests(connection),
        ]
    granted = _granted(answer)
    return [
        Finding(
            State.GOOD,
            "Bot token",
            f"Connected to the workspace {answer.get('team')} as @{answer.get('user')}.",
        ),
        *_scopes(granted),
        _requests(connection),
        *_channels(client, connection.channels, granted),
    ]


def _granted(answer: SlackResponse) -> frozenset[str] | None:
    """Return the scopes that the token has; None when Slack does not say."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    listed = headers.get("x-oauth-scopes")
    if listed is None:
        return None
    return frozenset(scope.strip() for scope in str(listed).split(",") if scope.strip())


def _scopes(granted: frozenset[str] | None) -> Iterator[Finding]:
    if granted is None:
        yield Finding(State.UNKNOWN, "Scopes", "Slack did not say which scopes the app has.")
        return
    missing = [scope for scope in SCOPES if scope not in granted]
    if not missing:
        yield Finding(State.GOOD, "Scopes", f"The app has all {len(SCOPES)} scopes that it uses.")
    for scope in missing:
        yield Finding(
            State.PROBLEM,
            f"Scope {scope}",
            f"Missing. It is for: {SCOPES[scope]}.",
            "Add it under OAuth & Permissions in the app's settings at Slack, or paste the manifest "
            "below there; then install the app again.",
        )


def _requests(connection: Connection) -> Finding:
    if connection.last_request is None:
        return Finding(
            State.UNKNOWN,
            "Signing secret",
            "No request from Slack with a good signature has come in yet.",
            "Type /incident help in Slack, then check again. If Slack says that the command failed, "
            "compare SLACK_SIGNING_SECRET with the one under Basic Information in the app's settings "
            "at Slack, and the app's request URLs with this installation's address.",
        )
    return Finding(
        State.GOOD,
        "Signing secret",
        "The newest request from Slack with a good signature came in",
        at=connection.last_request,
    )


def _channels(
    client: WebClient, channels: Sequence[str], granted: frozenset[str] | None
) -> Iterator[Finding]:
    """Look at each channel of the rules: is it there, in use, and may the bot post in it?"""
    looked_at = list(dict.fromkeys(channels))
    by_name: Mapping[str, Mapping[str, Any]] = {}
    is_whole = True
    for number, channel in enumerate(looked_at):
        what = f"Channel {channel}"
        if number >= _MOST_CHANNELS:
            yield Finding(
                State.UNKNOWN, what, f"Only the first {_MOST_CHANNELS} channels were looked at."
            )
            continue
        try:
            if channel.startswith("#"):
                if not by_name:
                    by_name, is_whole = _list_channels(client)
                found = by_name.get(channel.removeprefix("#"))
            else:
                found = _call(client, "conversations_info", channel=channel).get("channel")
        except SlackRefusal as refusal:
            yield Finding(State.PROBLEM, what, str(refusal), _INVITE)
        except _NoAnswer as failure:
            yield Finding(State.UNKNOWN, what, str(failure), "Check again in a minute.")
            return  # the others would take as long to end as this one
        else:
            yield _channel(what, found, granted, is_whole)


def _channel(
    what: str,
    found: Mapping[str, Any] | None,
    granted: frozenset[str] | None,
    is_whole: bool,
) -> Finding:
    if found is None and not is_whole:
        few = _MOST_PAGES * _CHANNELS_PER_PAGE
        return Finding(
            State.UNKNOWN,
            what,
            f"It is not among the first {few:,} channels of the workspace.",
            "Write the channel's id into the routing rule: it is found at once.",
        )
    if found is None:
        words = "There is no such channel, or it is private and incidentbot is not in it."
        return Finding(State.PROBLEM, what, words, _INVITE)
    if found.get("is_archived"):
        return Finding(
            State.PROBLEM,
            what,
            "The channel is archived: nothing can be posted in it.",
            "Unarchive it in Slack, or name another channel in the routing rule.",
        )
    if found.get("is_member"):
        return Finding(State.GOOD, what, "Found; incidentbot is in it and may post.")
    if not found.get("is_private") and (granted is None or "chat:write.public" in granted):
        return Finding(State.GOOD, what, "Found; it is public, so incidentbot may post.")
    return Finding(
        State.PROBLEM,
        what,
        "Found, but incidentbot is not in it and may not post.",
        "Type /invite @incidentbot in it.",
    )


def _list_channels(client: WebClient) -> tuple[dict[str, Mapping[str, Any]], bool]:
    """Return the workspace's channels by name, and whether these are all."""
    found: dict[str, Mapping[str, Any]] = {}
    cursor = ""
    for _page in range(_MOST_PAGES):
        answer = _call(
            client,
            "conversations_list",
            types="public_channel,private_channel",
            limit=_CHANNELS_PER_PAGE,
            cursor=cursor,
        )
        for channel in answer.get("channels") or []:
            found[str(channel.get("name"))] = channel
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return found, True
    return found, False


def _call(client: WebClient, method: str, **arguments: Any) -> SlackResponse:
    """Call a method. Raises SlackRefusal, or _NoAnswer when Slack is away, slow or busy."""
    try:
        answer: SlackResponse = getattr(client, method)(**arguments)
    except SlackApiError as error:
        response = error.response
        code = str(response.get("error", ""))
        if response.status_code == 429 or code in ("ratelimited", "rate_limited"):
            raise _NoAnswer("Slack asks us to wait before the next question.") from None
        if response.status_code >= 500 or not code:
            raise _NoAnswer(
                f"Slack has trouble of its own (status {response.status_code})."
            ) from None
        data = response.data if isinstance(response.data, dict) else {}
        raise SlackRefusal(code, data) from None
    except TimeoutError:
        raise _NoAnswer(_TOO_SLOW) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            raise _NoAnswer(_TOO_SLOW) from None
        raise _NoAnswer(f"Slack cannot be reached: {str(cause) or type(cause).__name__}") from None
    return answer
