"""Calls to Statuspage.io, with its answers turned into what a delivery understands.

What we rely on of each of its endpoints is in `endpoints.py`.
"""

import math
import socket
from dataclasses import dataclass, field
from typing import Any, NoReturn

import requests
from limits import RateLimitItem, RateLimitItemPerSecond

from incidentbot.channels.pacing import Pacer
from incidentbot.outbox.dispatch import Permanent, Retry, Wait

SERVICE = "Statuspage"
# Three calls in a row must end within a lease.
TIMEOUT_SECONDS = 8

# A request a second, counted over any 60 seconds: 10 in each 12 seconds never make more than 60 in any
# minute, and let the calls that belong together leave together.
_CALLS, _SECONDS = 10, 12

_TOO_MANY = frozenset({420, 429})
_REMEDIES = {
    400: "Statuspage did not understand the request. This version of incidentbot may be too old.",
    401: "Statuspage refuses the API key. Connect the page again with a current one.",
    403: "The API key may not do this. Connect the page again with a key of its owner.",
    404: "Statuspage does not know it any more.",
}


class Refusal(Permanent):
    """Statuspage said no: `status` is the HTTP status, `detail` what it said is wrong."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(_REMEDIES.get(status) or f"Statuspage refused ({status}): {detail}")


@dataclass
class StatuspageApi:
    """A page's API at the pace that Statuspage allows. `rate_factor` scales its limit; 0 knows none.

    One object serves one piece of work: `reserve` counts the calls that it is about to make.
    """

    page_id: str
    api_key: str = field(repr=False)
    url: str
    pacer: Pacer
    rate_factor: float = 1.0
    _reserved: int = field(default=0, init=False)

    def reserve(self, calls: int) -> None:
        """Raise Wait unless so many calls in a row may be made now."""
        pause = self.pacer.ask(SERVICE, "requests", self._limit(), calls)
        if pause is not None:
            raise Wait(pause.reason, pause.seconds)
        self._reserved = calls

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make a call below the page's address and return the answer, read as JSON.

        Raises Wait when it is not the time, Retry when it may work later (in doubt where a call that
        writes may have taken effect), else Refusal.
        """
        if self._reserved == 0:
            self.reserve(1)
        self._reserved -= 1
        try:
            response = requests.request(
                method,
                f"{self.url}/pages/{self.page_id}{path}",
                json=body,
                headers={"Authorization": f"OAuth {self.api_key}"},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            self._not_reached(error, writes=method != "GET")
        return self._read(response, writes=method != "GET")

    def _limit(self) -> RateLimitItem | None:
        if not self.rate_factor:
            return None
        # Never fewer calls than belong together: a slower pace takes longer windows.
        calls = math.ceil(_CALLS * max(1, self.rate_factor))
        return RateLimitItemPerSecond(calls, math.ceil(_SECONDS / min(1, self.rate_factor)))

    def _read(self, response: requests.Response, *, writes: bool) -> Any:
        status = response.status_code
        if status in _TOO_MANY:
            after = _seconds(response.headers.get("Retry-After", ""))
            self.pacer.worked(SERVICE)
            self.pacer.hold(SERVICE, "requests", after)
            raise Wait(f"Statuspage asks to wait {after:g} s", after)
        if status >= 500:
            self.pacer.failed(SERVICE)
            raise Retry(f"Statuspage failed ({status})", in_doubt=writes)
        self.pacer.worked(SERVICE)
        if not response.ok:
            raise Refusal(status, _detail(response))
        try:
            answer: Any = response.json()
        except ValueError:
            # Something between us and Statuspage answered in its place, or it broke off.
            raise Retry("Statuspage's answer is not JSON", in_doubt=writes) from None
        return answer

    def _not_reached(self, error: requests.RequestException, *, writes: bool) -> NoReturn:
        self.pacer.failed(SERVICE)
        cause = _root(error)
        if isinstance(error, requests.Timeout):
            reason = f"no answer within {TIMEOUT_SECONDS} s"
        else:
            reason = str(getattr(cause, "strerror", None) or "") or type(cause).__name__
        # Who was never connected has not been heard.
        unheard = isinstance(error, requests.ConnectTimeout) or isinstance(
            cause, (ConnectionRefusedError, socket.gaierror)
        )
        raise Retry(
            f"Statuspage cannot be reached: {reason}", in_doubt=writes and not unheard
        ) from None


def _root(error: BaseException) -> BaseException:
    """Return what is at the bottom of an error: urllib3 and requests wrap it several times."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            return error
        error = inner


def _detail(response: requests.Response) -> str:
    """Return what Statuspage says is wrong: `{"error": "…"}`, or a list of sentences."""
    try:
        found = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return response.reason or ""
    sentences = found if isinstance(found, list) else [found]
    return "; ".join(str(sentence) for sentence in sentences)[:500]


def _seconds(value: str) -> float:
    try:
        return min(max(1.0, float(value)), 600.0)
    except ValueError:
        return 5.0
