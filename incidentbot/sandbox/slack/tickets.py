"""Trigger ids and response URLs: what Slack hands out for a few seconds or minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TypeVar

from incidentbot.sandbox.slack.errors import SlackError

RESPONSE_USES, RESPONSE_SECONDS = 5, 30 * 60


@dataclass
class Trigger:
    """Proof that a person did something just now; good for one view."""

    user: str
    created: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Where the app may answer one interaction later: 5 times within 30 minutes."""

    user: str
    channel: str
    created: float
    message_ts: str = ""
    uses: int = 0


Ticket = TypeVar("Ticket", Trigger, ResponseUrl)


@dataclass
class Tickets:
    """The ones given out and not yet forgotten. Use under the store's lock."""

    triggers: dict[str, Trigger] = field(default_factory=dict)
    urls: dict[str, ResponseUrl] = field(default_factory=dict)

    def new_trigger(self, user: str, now: float) -> str:
        """A fresh trigger id for that person."""
        self._forget(now)
        trigger_id = f"{int(now * 1000)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, now)
        return trigger_id

    def take_trigger(self, trigger_id: str, now: float, good_for: float) -> Trigger:
        """Use a trigger up. Raises Slack's three errors for a false, old or used one."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if now - trigger.created > good_for:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_url(self, url: ResponseUrl) -> str:
        """Remember a response URL; returns its secret path segment."""
        key = secrets.token_urlsafe(18)
        self.urls[key] = url
        return key

    def clear(self) -> None:
        """Forget them all."""
        self.triggers.clear()
        self.urls.clear()

    def _forget(self, now: float) -> None:
        _drop_older(self.triggers, now - RESPONSE_SECONDS)
        _drop_older(self.urls, now - 2 * RESPONSE_SECONDS)


def _drop_older(tickets: dict[str, Ticket], oldest: float) -> None:
    """Take the old ones away: they lie in the order they were given out."""
    while tickets and next(iter(tickets.values())).created < oldest:
        del tickets[next(iter(tickets))]
