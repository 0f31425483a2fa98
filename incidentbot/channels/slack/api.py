"""Calls to Slack's Web API, with Slack's answers turned into what a delivery understands."""

import http.client
import math
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from incidentbot.channels.pacing import Pacer
from incidentbot.outbox.dispatch import Permanent, Retry, Wait

SERVICE = "Slack"
TIMEOUT_SECONDS = 10

# Calls a minute: https://docs.slack.dev/apis/web-api/rate-limits. Each method's page names its tier.
_TIER_2, _TIER_3, _TIER_4 = 20, 50, 100
_PER_MINUTE = {
    "bookmarks_add": _TIER_2,
    "bookmarks_list": _TIER_3,
    "chat_update": _TIER_3,
    "conversations_create": _TIER_2,
    "conversations_history": _TIER_3,
    "conversations_invite": _TIER_3,
    "conversations_join": _TIER_3,
    "conversations_kick": _TIER_3,
    "conversations_list": _TIER_2,
    "conversations_open": _TIER_3,
    "conversations_setTopic": _TIER_2,
    "pins_add": _TIER_2,
    "users_info": _TIER_4,
    "users_list": _TIER_2,
}
# One a second in each channel: https://docs.slack.dev/reference/methods/chat.postMessage#rate_limiting
_PER_CHANNEL = "chat_postMessage"

# Slack's own troubles: https://docs.slack.dev/reference/methods/chat.postMessage#errors
_PASSING = frozenset(
    {"internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
# What Slack's error codes look like.
_CODE = re.compile(r"[a-z0-9_:.]+")
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


@dataclass(frozen=True)
class SlackApi:
    """The Web API at the pace that Slack allows. `rate_factor` scales its limits; 0 knows none."""

    client: WebClient
    pacer: Pacer
    rate_factor: float = 1.0

    def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a method, by the name it has in the client, and return Slack's answer.

        Raises Wait when it is not the time (our pace, or a wait Slack asked for), Retry when it may
        work later (Slack's own failures, the network), in doubt where the call may have taken
        effect; else SlackRefusal.
        """
        operation, limit = self._pace(method, arguments)
        pause = self.pacer.ask(SERVICE, operation, limit)
        if pause is not None:
            raise Wait(pause.reason, pause.seconds)
        try:
            answer = getattr(self.client, method)(**arguments)
        except SlackApiError as error:
            raise self._explain(error, operation) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            self.pacer.failed(SERVICE)
            cause = getattr(error, "reason", error)
            reason = f"Slack cannot be reached: {str(cause) or type(cause).__name__}"
            # Who was never connected has not been heard.
            reached = not isinstance(cause, (ConnectionRefusedError, socket.gaierror))
            raise Retry(reason, in_doubt=reached) from None
        self.pacer.worked(SERVICE)
        data: Mapping[str, Any] = answer.data
        return data

    def _pace(self, method: str, arguments: Mapping[str, Any]) -> tuple[str, RateLimitItem | None]:
        """Return what is counted, by Slack's name for it, and how often it may happen."""
        operation = method.replace("_", ".", 1)
        if method == _PER_CHANNEL:
            operation = f"{operation} in {arguments['channel']}"
            limit = RateLimitItemPerSecond(max(1, math.ceil(self.rate_factor)))
            return operation, limit if self.rate_factor else None
        calls = math.ceil(_PER_MINUTE.get(method, 0) * self.rate_factor)
        return operation, RateLimitItemPerMinute(calls) if calls else None

    def _explain(self, error: SlackApiError, operation: str) -> Exception:
        response = error.response
        code = str(response.get("error", ""))
        status = response.status_code
        if status == 429 or code in ("ratelimited", "rate_limited"):
            after = _seconds(response.headers)
            self.pacer.worked(SERVICE)
            self.pacer.hold(SERVICE, operation, after)
            return Wait(f"Slack asks to wait {after:g} s with {operation}", after)
        if status >= 500 or code in _PASSING:
            self.pacer.failed(SERVICE)
            return Retry(f"Slack failed ({status} {code[:100]})", in_doubt=True)
        if not _CODE.fullmatch(code):
            # A proxy's page, a body cut short: slack_sdk puts a sentence where Slack has its code.
            self.pacer.failed(SERVICE)
            return Retry(f"What answered in Slack's place is not Slack ({status})", in_doubt=True)
        self.pacer.worked(SERVICE)
        return SlackRefusal(code, response.data if isinstance(response.data, dict) else {})


def _seconds(headers: Mapping[str, str]) -> float:
    lowered = {key.lower(): value for key, value in headers.items()}
    try:
        return max(0.0, float(lowered.get("retry-after", "1")))
    except ValueError:
        return 1.0
