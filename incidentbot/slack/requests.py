"""Reading what Slack sends: who, from where, which incident."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from incidentbot.incidents.errors import NotAllowed, NotFound
from incidentbot.incidents.models import Incident
from incidentbot.incidents.people import enter_by_channel
from incidentbot.incidents.queries import (
    get_incident,
    incident_in_channel,
    names_by_slack_id,
    parse_reference,
    read_reference,
)
from incidentbot.incidents.visibility import may_see
from incidentbot.ops import context
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.people import identify_slack_person

# What Slack marks up in the text of a command, since the manifest asks it to: <@U0ADA|ada>, <#C0OPS|ops>,
# <!here>, <https://example.com>. What people type of these characters themselves comes as &lt; &gt; &amp;.
# https://docs.slack.dev/messaging/formatting-message-text
_MARK = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


class Malformed(Exception):
    """A signed request that is not built as Slack builds them."""


@dataclass(frozen=True)
class Command:
    """A slash command, taken apart. `reference` is the incident named in it ("" for none).

    `text` is what follows, as the person wrote it; `marked` is the same as Slack marks it up.
    """

    word: str
    reference: str
    text: str
    marked: str
    channel_id: str
    user_id: str
    trigger_id: str
    typed: str

    @property
    def sent(self) -> str:
        """All that came after `/incident`, as Slack marks it up."""
        return " ".join(filter(None, (self.word, self.reference, self.marked)))


# What we read of each kind of request, as paths of keys; `[0]` is a list's first.
_ALWAYS_THERE: dict[str, tuple[tuple[str | int, ...], ...]] = {
    "command": (("user_id",), ("trigger_id",)),
    "view_submission": (("user", "id"), ("view", "id"), ("view", "state", "values")),
    "block_actions": (("user", "id"), ("trigger_id",), ("actions", 0, "action_id")),
}


def kind_of(body: Mapping[str, Any]) -> str:
    """Return what kind of request this is, in Slack's words: `command`, `view_submission` and so on."""
    return "command" if "command" in body else str(body.get("type") or "")


def require_shape(body: Mapping[str, Any]) -> None:
    """Raise Malformed for a request that lacks what Slack always sends and the listeners rely on."""
    kind = kind_of(body)
    for path in _ALWAYS_THERE.get(kind, ()):
        found: Any = body
        try:
            for key in path:
                found = found[key]
        except (KeyError, IndexError, TypeError):
            raise Malformed(f"{kind} without {path}") from None


def read_command(session: Session, body: Mapping[str, Any]) -> Command:
    """Take a slash command apart: `status INC-4 we know why` names the incident, else the channel does."""
    marked = str(body.get("text") or "")
    names = names_by_slack_id(session, ids) if (ids := _unnamed_people(marked)) else {}
    word, rest = first_word(marked)
    first, after = first_word(rest)
    # A bare number is no reference here: "status 5 hosts are down".
    named = first.upper().startswith("INC-") and read_reference(first) is not None
    text = (after if named else rest).strip()
    return Command(
        word=readable(word, names).lower(),
        reference=first.upper() if named else "",
        text=readable(text, names),
        marked=text,
        channel_id=str(body.get("channel_id") or ""),
        user_id=str(body.get("user_id") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        typed=f"{body.get('command', '/incident')} {readable(marked, names)}",
    )


def first_word(text: str) -> tuple[str, str]:
    """Return a text's first word, and what follows it after any white space, a new line too."""
    word, rest = [*text.split(None, 1), "", ""][:2]
    return word, rest


def readable(marked: str, names: Mapping[str, str]) -> str:
    """Return a text that Slack has marked up as the person wrote it. `names` are of people, by Slack id."""
    text = _MARK.sub(lambda mark: _as_written(mark, names), marked)
    # The ampersand last: else &amp;lt; would become <.
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _as_written(mark: re.Match[str], names: Mapping[str, str]) -> str:
    kind, what, label = mark[1], mark[2], mark[3] or ""
    if kind == "@":
        return f"@{label or names.get(what, what)}"
    if kind == "#":
        return f"#{label or what}"
    if kind == "!":  # @here, a group (its label has the @), a date (its label is the date in words)
        return label or f"@{what.partition('^')[0]}"
    if what.endswith(
        label
    ):  # example.com was typed, and is marked as <http://example.com|example.com>
        return label or what
    return f"{label} ({what})"


def _unnamed_people(marked: str) -> Collection[str]:
    """Return the Slack ids of who is mentioned without their name."""
    return {mark[2] for mark in _MARK.finditer(marked) if mark[1] == "@" and not mark[3]}


def read_actor(session: Session, body: Mapping[str, Any]) -> Actor:
    """Return who sent this request. Raises Malformed when it names nobody, NotAllowed when they may not."""
    user = body.get("user")
    user = user if isinstance(user, Mapping) else {}
    # In a channel shared with another company its people see our buttons, too.
    home, ours = user.get("team_id"), _team_id(body)
    if home and ours and home != ours:
        raise NotAllowed(
            "You belong to another Slack workspace. Ask somebody of this one to do it."
        )
    slack_id = str(body.get("user_id") or user.get("id") or "")
    if not re.fullmatch(r"[UW][A-Z0-9]{1,30}", slack_id):
        raise Malformed("no user")
    name = str(body.get("user_name") or user.get("name") or user.get("username") or "")
    person = identify_slack_person(session, slack_id, name[:120])
    if not person.is_active:
        raise NotAllowed("Your account was deactivated. Ask an admin.")
    context.note(actor=person.id)
    return actor_for(person, Door.SLACK, _origin(body), _request_id(body))


def find_incident(session: Session, command: Command, actor: Actor) -> Incident:
    """Return the incident a command speaks of: the one it names, or the one of its channel."""
    here = incident_in_channel(session, command.channel_id)
    named = command.reference
    if named and (here is None or here.number != parse_reference(named)):
        return get_incident(session, named, actor)
    if here is None:
        raise NotFound(
            "Which incident? Type this in the incident's channel, or name it: "
            f"/incident {command.word} INC-42 … (/incident list shows the open ones)."
        )
    return _enter(session, here, actor)


def incident_here(session: Session, channel_id: str, actor: Actor) -> Incident | None:
    """Return the incident whose channel a request came from, if any. Raises NotAllowed."""
    incident = incident_in_channel(session, channel_id)
    return _enter(session, incident, actor) if incident is not None else None


def _enter(session: Session, incident: Incident, actor: Actor) -> Incident:
    """Return an incident whose channel somebody acts in.

    Slack lets only its members act in a private channel: who was let in there is let in here.
    """
    if not may_see(session, incident, actor):
        enter_by_channel(session, incident.reference, actor)
    return incident


def _origin(body: Mapping[str, Any]) -> str:
    """Return from where: workspace and channel."""
    channel = body.get("channel")
    channel_id = body.get("channel_id") or (
        channel.get("id") if isinstance(channel, Mapping) else ""
    )
    return f"{_team_id(body)}/{channel_id or 'modal'}"


def _team_id(body: Mapping[str, Any]) -> str:
    """Return the id of the workspace that a request came from."""
    team = body.get("team")
    return str(body.get("team_id") or (team.get("id") if isinstance(team, Mapping) else "") or "")


def _request_id(body: Mapping[str, Any]) -> str | None:
    """Return what names this request: a double-clicked modal is one request, a command each time another."""
    if body.get("type") == "view_submission":
        view = body.get("view")
        return f"view/{view['id']}" if isinstance(view, Mapping) and view.get("id") else None
    trigger_id = body.get("trigger_id")
    return f"trigger/{trigger_id}" if trigger_id else None
