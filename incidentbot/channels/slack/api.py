"""Calls to Slack's Web API, with Slack's answers turned into what a delivery understands."""

import http.client
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from incidentbot.outbox.dispatch import Permanent, Retry

TIMEOUT_SECONDS = 10

# Slack's own troubles: https://docs.slack.dev/reference/methods/chat.postMessage#errors
_PASSING = frozenset(
    {"internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
# What to do about errors a person must mend.
_REMEDIES = {
    "invalid_auth": "Slack refuses the bot token. Set SLACK_BOT_TOKEN to the current one.",
    "token_revoked": "The bot token was revoked. Install the app again, set SLACK_BOT_TOKEN.",
    "account_inactive": "The app was removed from the workspace. Install it again.",
    "not_authed": "Slack got no token. Set SLACK_BOT_TOKEN.",
    "channel_not_found": "Slack does not know this channel, or incidentbot may not see it.",
    "is_archived": "The channel is archived.",
    "restricted_action": "The workspace's settings do not let incidentbot do this. Ask its admin.",
    "user_not_found": "Slack does not know this person.",
    "user_disabled": "This person's Slack account is deactivated.",
}


def make_client(token: str, base_url: str, timeout: float = TIMEOUT_SECONDS) -> WebClient:
    """Return a client without retries of its own: the outbox retries, and knows when it is in doubt."""
    return WebClient(token=token, base_url=base_url, timeout=int(timeout), retry_handlers=[])


class SlackRefusal(Permanent):
    """Slack said no: `error` is its error code, `answer` the whole answer."""

    def __init__(self, error: str, answer: Mapping[str, Any]) -> None:
        self.error = error
        self.answer = answer
        detail = _REMEDIES.get(error, "")
        if error == "missing_scope":
            detail = (
                f"The app lacks the scope {answer.get('needed')}. Add it, install the app again."
            )
        super().__init__(f"Slack refused: {error}. {detail}".strip())


def call(method: Callable[..., Any], **arguments: Any) -> Mapping[str, Any]:
    """Call a method of the client and return Slack's answer.

    Raises Retry when it may work later (rate limits with the wait Slack asks for, Slack's own
    failures, the network), in doubt where the call may have taken effect; else SlackRefusal.
    """
    try:
        answer = method(**arguments)
    except SlackApiError as error:
        response = error.response
        code = str(response.get("error", ""))
        status = response.status_code
        if status == 429 or code in ("ratelimited", "rate_limited"):
            after = _seconds(response.headers)
            raise Retry(f"Slack asks to wait {after:g} s", after=after) from None
        if status >= 500 or code in _PASSING:
            raise Retry(f"Slack failed ({status} {code[:100]})", in_doubt=True) from None
        raise SlackRefusal(code, response.data if isinstance(response.data, dict) else {}) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        raise Retry(f"Slack cannot be reached: {_cause(error)}", in_doubt=True) from None
    data: Mapping[str, Any] = answer.data
    return data


def _seconds(headers: Mapping[str, str]) -> float:
    lowered = {key.lower(): value for key, value in headers.items()}
    try:
        return max(0.0, float(lowered.get("retry-after", "1")))
    except ValueError:
        return 1.0


def _cause(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(cause) or type(cause).__name__
