"""`/incident` and `/inc`: a table of sub-commands, each one call of the core and an answer."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from slack_sdk import WebClient
from sqlalchemy.orm import Session

from incidentbot.channels.slack import blocks
from incidentbot.channels.slack.mrkdwn import escape, link
from incidentbot.incidents import commands as incidents
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput, InvalidMove, ReasonNeeded
from incidentbot.incidents.lifecycle import UPDATE_STATUSES, Status
from incidentbot.incidents.listing import count_open, list_open
from incidentbot.incidents.permissions import overrides
from incidentbot.incidents.queries import latest_update, list_events
from incidentbot.slack import modals
from incidentbot.slack.answers import Answer, say, say_with_typed
from incidentbot.slack.requests import Command, find_incident, first_word, incident_here
from incidentbot.status_pages.preview import for_customers, preview
from incidentbot.users.actor import Actor
from incidentbot.users.people import identify_slack_person

log = logging.getLogger(__name__)

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


@dataclass(frozen=True)
class Asked:
    """A command with all that is needed to answer it."""

    session: Session
    client: WebClient
    base_url: str
    actor: Actor
    command: Command


@dataclass(frozen=True)
class Subcommand:
    """One word after `/incident`: how it is used, what it is for, what it does.

    `run` returns the answer; None where a modal was opened instead.
    """

    usage: str
    purpose: str
    run: Callable[[Asked], Answer | None]


def answer(asked: Asked) -> Answer | None:
    """Carry out a command. Raises IncidentError."""
    word = asked.command.word
    if not word:
        return _here(asked)
    subcommand = SUBCOMMANDS.get(_OTHER_NAMES.get(word, word))
    return subcommand.run(asked) if subcommand else _unknown(asked)


def _declare(asked: Asked) -> Answer | None:
    title = asked.command.text
    if asked.command.reference:  # a title that begins like a reference is still a title
        title = f"{asked.command.reference} {title}".strip()
    view = modals.declare_view(asked.session, asked.command.user_id, title)
    return open_modal(asked, view, f"{asked.base_url}/incidents/new")


def _status(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    first, rest = first_word(asked.command.text)
    if first.lower() in UPDATE_STATUSES:
        status = Status(first.lower())
        return _done(
            incidents.move_to(asked.session, incident.reference, asked.actor, status, rest)
        )
    return _done(
        incidents.post_update(
            asked.session, incident.reference, asked.actor, _need(asked.command.text, "status")
        )
    )


def _severity(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    severity, reason = first_word(_need(asked.command.text, "severity"))
    return _done(
        incidents.change_severity(asked.session, incident.reference, asked.actor, severity, reason)
    )


def _resolved(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    return _done(
        incidents.resolve(asked.session, incident.reference, asked.actor, asked.command.text)
    )


def _reopen(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    reason = _need(asked.command.text, "reopen")
    return _done(incidents.reopen(asked.session, incident.reference, asked.actor, reason))


def _cancel(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    reason = _need(asked.command.text, "cancel")
    return _done(incidents.cancel(asked.session, incident.reference, asked.actor, reason))


def _commander(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    mention = _MENTION.fullmatch(_need(asked.command.marked, "commander"))
    if mention is None:
        raise InvalidInput("commander", "Name one person with an @: /incident commander @ada")
    person = identify_slack_person(asked.session, mention[1])
    return _done(incidents.hand_over(asked.session, incident.reference, asked.actor, person.id))


def _takeover(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    reason = _need(asked.command.text, "takeover")
    return _done(incidents.take_over(asked.session, incident.reference, asked.actor, reason))


def _note(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    text = _need(asked.command.text, "note")
    return _done(incidents.add_note(asked.session, incident.reference, asked.actor, text))


def _timeline(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    events = list_events(asked.session, incident.id, blocks.TIMELINE_SHOWN)
    shown = blocks.timeline(incident, events, asked.base_url)
    return say(f"Timeline of {blocks.summary_line(incident)}", shown)


def _postmortem(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    result = incidents.draft_postmortem(asked.session, incident.reference, asked.actor)
    page = f"{blocks.incident_url(asked.base_url, incident)}/postmortem"
    return say(f"{escape(result.sentence)} {link(page, 'Open it')}")


def _publish(asked: Asked) -> Answer | None:
    incident = find_incident(asked.session, asked.command, asked.actor)
    if for_customers(asked.session, incident) is None:
        raise InvalidMove(
            "This incident is private: customers are told nothing."
            if incident.is_private
            else "No status page is connected or switched on. An admin does that on the web, in Settings."
        )
    view = modals.publish_view(incident, preview(asked.session, incident, asked.command.text))
    if overrides(asked.actor, incident.commander_id):
        view = modals.with_reason(view)
    page = f"{blocks.incident_url(asked.base_url, incident)}/customers"
    return open_modal(asked, view, page)


def _list(asked: Asked) -> Answer:
    count, shown = _open_incidents(asked)
    return say(f"Open incidents: {count}", shown)


def _show(asked: Asked) -> Answer:
    incident = find_incident(asked.session, asked.command, asked.actor)
    latest = latest_update(asked.session, incident.id)
    return say(blocks.summary_line(incident), blocks.card(incident, latest, asked.base_url))


def _help(_asked: Asked) -> Answer:
    return say(help_text())


def help_text() -> str:
    """Return every sub-command with its use, as mrkdwn."""
    lines = [f"`/incident {sub.usage}`  {sub.purpose}" for sub in SUBCOMMANDS.values()]
    return "\n".join(
        [
            "*What you can do* (`/inc` is short for `/incident`):",
            *lines,
            "Outside the incident's channel name it: `/incident status INC-42 We know why`.",
        ]
    )


def _here(asked: Asked) -> Answer:
    """Answer a bare `/incident`: in an incident's channel its card, elsewhere what is open and help."""
    incident = incident_here(asked.session, asked.command.channel_id, asked.actor)
    if incident is None:
        _count, shown = _open_incidents(asked)
        text = help_text()
        return say(text, [*shown, {"type": "section", "text": {"type": "mrkdwn", "text": text}}])
    latest = latest_update(asked.session, incident.id)
    return say(blocks.summary_line(incident), blocks.card(incident, latest, asked.base_url))


def _open_incidents(asked: Asked) -> tuple[int, list[blocks.Block]]:
    """Return how many incidents are open, and the list of the first of them."""
    found = list_open(asked.session, asked.actor, blocks.LIST_SHOWN)
    is_all = len(found) < blocks.LIST_SHOWN
    count = len(found) if is_all else count_open(asked.session, asked.actor)
    return count, blocks.incident_list(found, count, asked.base_url)


def _unknown(asked: Asked) -> Answer:
    word = asked.command.word
    near = get_close_matches(word, [*SUBCOMMANDS, *_OTHER_NAMES], n=1, cutoff=0.5)
    guess = f" Did you mean `/incident {near[0]}`?" if near else ""
    typed = escape(asked.command.typed.replace("`", "'"), 1_000)
    return say(
        f":warning: There is no `{escape(word, 50)}`.{guess}\nYou typed: `{typed}`\n\n{help_text()}"
    )


def ask_why(asked: Asked, needed: ReasonNeeded) -> Answer | None:
    """Ask an admin why they act in the commander's place, in a modal that keeps what they typed."""
    command = asked.command
    page = f"{asked.base_url}/incidents/{needed.reference}"
    view = modals.reason_view(needed.reference, needed.commander, command.sent, command.channel_id)
    if len(view["private_metadata"]) > modals.METADATA_LIMIT:
        return say_with_typed(
            f":warning: {escape(str(needed))} This is too long to ask for it here. "
            f"{link(page, 'Use the web page')} instead.",
            command.typed,
        )
    return open_modal(asked, view, page)


def open_modal(asked: Asked, view: modals.View, page: str) -> Answer | None:
    """Open a modal; when Slack does not manage in time, answer with the web page that does the same."""
    asked.session.rollback()  # all is read, and Slack may take its time
    try:
        asked.client.views_open(trigger_id=asked.command.trigger_id, view=view)
    except Exception:  # whatever went wrong between here and Slack, the person has another way
        log.exception("could not open a modal")
        return say_with_typed(
            f":warning: Slack did not open the form. {link(page, 'Use the web page')} instead.",
            asked.command.typed,
        )
    return None


def _need(text: str, word: str) -> str:
    if not text:
        raise InvalidInput("text", f"Something is missing: /incident {SUBCOMMANDS[word].usage}")
    return text


def _done(result: Result) -> Answer:
    mark = ":white_check_mark:" if result.changed else ":information_source:"
    return say(f"{mark} {escape(result.sentence)}")


SUBCOMMANDS = {
    "declare": Subcommand("declare [title]", "declare an incident", _declare),
    "status": Subcommand(
        "status [investigating|identified|monitoring] <message>",
        "post an update, or move the incident on",
        _status,
    ),
    "severity": Subcommand("severity P1..P4 [reason]", "change the severity", _severity),
    "resolved": Subcommand("resolved [message]", "resolve the incident", _resolved),
    "reopen": Subcommand("reopen <reason>", "open it again", _reopen),
    "cancel": Subcommand("cancel <reason>", "close it as a false alarm", _cancel),
    "commander": Subcommand("commander @person", "hand over the command", _commander),
    "takeover": Subcommand(
        "takeover <reason>", "take the command when the commander cannot be reached", _takeover
    ),
    "note": Subcommand("note <text>", "add a note to the timeline", _note),
    "publish": Subcommand("publish [text]", "tell customers, after a look at it", _publish),
    "timeline": Subcommand("timeline", "what happened so far", _timeline),
    "postmortem": Subcommand("postmortem", "draft the post-mortem, once resolved", _postmortem),
    "list": Subcommand("list", "the open incidents", _list),
    "show": Subcommand("show [INC-n]", "one incident", _show),
    "help": Subcommand("help", "this", _help),
}

_OTHER_NAMES = {
    "new": "declare",
    "update": "status",
    "sev": "severity",
    "resolve": "resolved",
    "close": "resolved",
    "handover": "commander",
    "post-mortem": "postmortem",
    "ls": "list",
}
