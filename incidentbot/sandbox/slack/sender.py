"""Sending the app what Slack sends it: signed, logged, and with little patience."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from incidentbot.sandbox.calllog import RequestEntry
from incidentbot.sandbox.runtime import Sandbox
from incidentbot.sandbox.slack.model import Json

FORM = "application/x-www-form-urlencoded"


@dataclass
class Reply:
    """What the app answered. Without an answer `status` is None and `error` says why.

    `error` is `operation_timeout` (nothing within the time allowed) or `dispatch_failed`
    (no connection). `body` is parsed when it is JSON.
    """

    status: int | None
    body: Any
    elapsed_ms: float
    error: str = ""
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        """Whether the app took it, which for Slack means any 2xx status."""
        return self.status is not None and 200 <= self.status < 300


def signature(secret: str, timestamp: str, body: str) -> str:
    """Slack's v0 signature (docs.slack.dev/authentication/verifying-requests-from-slack)."""
    base = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def send_form(box: Sandbox, kind: str, fields: dict[str, str]) -> Reply:
    """Send a slash command: its fields as a form."""
    return send(box, kind, urlencode(fields), FORM)


def send_payload(box: Sandbox, payload: Json) -> Reply:
    """Send an interaction: one form field `payload` that holds JSON."""
    body = urlencode({"payload": json.dumps(payload)})
    return send(box, str(payload["type"]), body, FORM)


def send(
    box: Sandbox,
    kind: str,
    body: str,
    content_type: str,
    retry: int = 0,
    reason: str = "",
) -> Reply:
    """POST `body` to the app and wait as long as Slack does. Never raises."""
    started = time.time()
    stamp = str(int(started))
    headers = {
        "Content-Type": content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(box.settings.signing_secret, stamp, body),
    }
    if retry:
        headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
    entry = RequestEntry(kind, box.settings.app_url, headers, body, started, retry=retry)
    box.requests.add(entry)
    reply = _post(box, body, headers, entry)
    entry.ended = time.time()
    if reply.status is not None and entry.ended - started > box.knobs.ack_seconds:
        reply = Reply(None, "", 0, "operation_timeout")  # it came in drops, the last one too late
    reply.elapsed_ms = round((entry.ended - started) * 1000, 1)
    entry.status, entry.error = reply.status, reply.error
    box.store.touch()
    return reply


def _post(box: Sandbox, body: str, headers: dict[str, str], entry: RequestEntry) -> Reply:
    url = urlsplit(box.settings.app_url)
    secure = url.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    wire = kind(url.hostname or "", url.port, timeout=box.knobs.ack_seconds)
    try:
        wire.request("POST", url.path or "/", body.encode(), headers)
        response = wire.getresponse()
        text = response.read().decode("utf-8", "replace")
    except TimeoutError:
        return Reply(None, "", 0, "operation_timeout")
    except (OSError, http.client.HTTPException):
        return Reply(None, "", 0, "dispatch_failed")
    finally:
        wire.close()
    entry.answer = text
    no_retry = response.getheader("X-Slack-No-Retry") == "1"
    return Reply(response.status, _parsed(text, response), 0, "", no_retry)


def _parsed(text: str, response: http.client.HTTPResponse) -> Any:
    if "json" in (response.getheader("Content-Type") or ""):
        try:
            return json.loads(text)
        except ValueError:
            pass  # a body that lies about itself is shown as it came
    return text
