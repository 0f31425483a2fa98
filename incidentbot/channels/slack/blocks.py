"""How incidents look in Slack: Block Kit presenters, from an incident to blocks. Nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from incidentbot.channels.slack.mrkdwn import (
    HEADER_LIMIT,
    SECTION_LIMIT,
    TOPIC_LIMIT,
    escape,
    link,
    person,
    plain,
    quote,
    when,
)
from incidentbot.incidents.durations import in_words
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from incidentbot.incidents.story import headline

Block = dict[str, Any]

# Seen at a glance, beside the word: never instead of it.
_SEVERITY_MARKS = {
    Severity.P1: ":red_circle:",
    Severity.P2: ":large_orange_circle:",
    Severity.P3: ":large_yellow_circle:",
    Severity.P4: ":large_blue_circle:",
}
_EVENT_MARKS = {
    EventKind.DECLARED: ":rotating_light:",
    EventKind.UPDATE: ":speech_balloon:",
    EventKind.STATUS: ":arrow_right:",
    EventKind.SEVERITY: ":chart_with_upwards_trend:",
    EventKind.RESOLVED: ":white_check_mark:",
    EventKind.REOPENED: ":repeat:",
    EventKind.CANCELLED: ":no_entry_sign:",
    EventKind.COMMANDER: ":busts_in_silhouette:",
    EventKind.TAKEOVER: ":warning:",
    EventKind.NOTE: ":memo:",
    EventKind.POSTMORTEM: ":page_facing_up:",
    EventKind.CHANNEL: ":hash:",
    EventKind.DELIVERY: ":warning:",
    EventKind.PEOPLE: ":wave:",
    EventKind.ACTION_ITEM: ":pushpin:",
    EventKind.PUBLIC: ":loudspeaker:",
}
TIMELINE_SHOWN = 20
LIST_SHOWN = 15


def incident_url(base_url: str, incident: Incident) -> str:
    """Return the address of the incident's page."""
    return f"{base_url}/incidents/{incident.reference}"


def topic(incident: Incident, base_url: str) -> str:
    """Return the channel's topic: the state at a glance, in at most 250 characters."""
    commander = person(incident.commander.name, incident.commander.slack_user_id)
    text = (
        f"{incident.reference} {incident.severity.value} {incident.status.value} "
        f"· commander {commander} · {incident_url(base_url, incident)}"
    )
    return plain(text, TOPIC_LIMIT)


def summary_line(incident: Incident) -> str:
    """Return the incident in one escaped line: what a notification shows."""
    return (
        f"{incident.reference} [{incident.severity.value}, {incident.status.value}"
        f"{', private' if incident.is_private else ''}] {escape(incident.title, 600)}"
    )


def card(incident: Incident, latest: TimelineEvent | None, base_url: str) -> list[Block]:
    """Return the card pinned in the incident's channel, with the buttons for what comes next."""
    return [*_face(incident, latest, base_url), _actions(incident, base_url)]


def announcement(incident: Incident, latest: TimelineEvent | None, base_url: str) -> list[Block]:
    """Return the card shown in other channels: the same face, and the way in."""
    ways = [_open_button(incident, base_url)]
    where = f"Channel: <#{incident.slack_channel_id}>" if incident.slack_channel_id else None
    blocks = _face(incident, latest, base_url)
    if where:
        blocks.append(_context(where))
    return [*blocks, {"type": "actions", "block_id": _block_id(incident), "elements": ways}]


def event_blocks(incident: Incident, event: TimelineEvent, base_url: str) -> list[Block]:
    """Return one event as a message: what happened, what was written, by whom."""
    who = person(event.actor_name, event.actor.slack_user_id if event.actor else None)
    blocks = [_section(f"{_EVENT_MARKS[event.kind]} *{_headline(event)}*")]
    if event.text:
        blocks.append(_section(quote(event.text)))
    if event.kind is EventKind.RESOLVED and incident.duration_seconds is not None:
        blocks.append(_context(f"Duration: {_duration(incident)}"))
    footer = f"{link(incident_url(base_url, incident), incident.reference)} · {who}"
    if event.kind is EventKind.POSTMORTEM:
        page = f"{incident_url(base_url, incident)}/postmortem"
        footer = f"{link(page, 'Open the post-mortem')} · {who}"
    elif len(event.text) > SECTION_LIMIT - 500:
        footer += f" · {link(incident_url(base_url, incident), 'Read it all')}"
    return [*blocks, _context(footer)]


def event_text(incident: Incident, event: TimelineEvent) -> str:
    """Return one event as the plain line that notifications and screen readers use."""
    text = f"{incident.reference}: {_headline(event)}"
    return f"{text}: {escape(event.text, 1_000)}" if event.text else text


def direct_message(incident: Incident, event: TimelineEvent, base_url: str) -> list[Block]:
    """Return what a person is told of an incident in a direct message, and why they are told."""
    head = f"{_SEVERITY_MARKS[incident.severity]} *{summary_line(incident)}*"
    where = f" in <#{incident.slack_channel_id}>" if incident.slack_channel_id else ""
    why = f"You are on the list of people who hear of {incident.severity.value} incidents."
    return [
        _section(head),
        *event_blocks(incident, event, base_url),
        _context(f"{why} The team works{where or ' on it'}."),
    ]


def timeline(incident: Incident, events: Sequence[TimelineEvent], base_url: str) -> list[Block]:
    """Return the newest events of the timeline, oldest first, and the way to all of them."""
    shown = events[-TIMELINE_SHOWN:]
    blocks = [_section(f"*Timeline of {summary_line(incident)}*")]
    blocks += [_section(_timeline_line(event)) for event in shown]
    hidden = shown[0].seq - 1 if shown else 0
    more = f"{hidden} earlier events are on the page. " if hidden else ""
    blocks.append(
        _context(f"{more}{link(incident_url(base_url, incident), 'Open the whole timeline')}")
    )
    return blocks


def incident_list(open_incidents: Sequence[Incident], count: int, base_url: str) -> list[Block]:
    """Return the first of the open incidents, the worst in front; there are `count`."""
    if not open_incidents:
        return [_section("No open incident. Declare one with `/incident declare`.")]
    blocks = [_section(f"*Open incidents: {count}*")]
    for incident in open_incidents[:LIST_SHOWN]:
        channel = f" · <#{incident.slack_channel_id}>" if incident.slack_channel_id else ""
        blocks.append(
            _section(
                f"{_SEVERITY_MARKS[incident.severity]} "
                f"*{link(incident_url(base_url, incident), incident.reference)}* "
                f"{incident.severity.value} {incident.status.value}"
                f"{' · :lock: private' if incident.is_private else ''} · "
                f"{escape(incident.title, 600)}\n"
                f"{escape(incident.service.name, 200)} · commander "
                f"{person(incident.commander.name, incident.commander.slack_user_id)} · since "
                f"{when(incident.declared_at)}{channel}"
            )
        )
    return [*blocks, _context(link(base_url, "All incidents"))]


def _face(incident: Incident, latest: TimelineEvent | None, base_url: str) -> list[Block]:
    title = f"{incident.severity.value} · {incident.reference} · {incident.title}"
    facts = {
        "Status": incident.status.value.capitalize(),
        "Severity": f"{_SEVERITY_MARKS[incident.severity]} {incident.severity.value}",
        "Service": escape(incident.service.name, 200),
        "Commander": person(incident.commander.name, incident.commander.slack_user_id),
        "Declared": when(incident.declared_at),
    }
    if incident.resolved_at is not None:
        facts["Resolved"] = f"{when(incident.resolved_at)}, after {_duration(incident)}"
    if incident.is_private:
        facts["Private"] = ":lock: Its people and admins only"
    blocks: list[Block] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": plain(title, HEADER_LIMIT), "emoji": False},
        },
        {
            "type": "section",
            "fields": [_mrkdwn(f"*{name}*\n{value}") for name, value in facts.items()],
        },
    ]
    if incident.summary:
        blocks.append(_section(escape(incident.summary, 1_500)))
        if len(incident.summary) > 1_400:
            blocks.append(_context(link(incident_url(base_url, incident), "Read it all")))
    if latest is not None:
        blocks.append(_section(f"*Latest update* ({when(latest.at)})\n{quote(latest.text, 1_500)}"))
    return blocks


def _actions(incident: Incident, base_url: str) -> Block:
    """Return the buttons of the card. Each carries the incident's reference as its value."""
    if incident.status.is_open:
        buttons = [
            _button(incident, "post_update", "Post update", style="primary"),
            _button(incident, "change_severity", "Change severity"),
            _button(incident, "resolve", "Resolve"),
            _button(incident, "hand_over", "Hand over"),
        ]
    else:
        buttons = [_button(incident, "reopen", "Reopen")]
        if incident.status is Status.RESOLVED:
            buttons.insert(0, _button(incident, "draft_postmortem", "Post-mortem", style="primary"))
    return {
        "type": "actions",
        "block_id": _block_id(incident),
        "elements": [*buttons, _open_button(incident, base_url)],
    }


def _button(incident: Incident, action: str, label: str, style: str | None = None) -> Block:
    button: Block = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label},
        "value": incident.reference,
    }
    return {**button, "style": style} if style else button


def _open_button(incident: Incident, base_url: str) -> Block:
    return {
        "type": "button",
        "action_id": "open_in_browser",
        "text": {"type": "plain_text", "text": "Open in browser"},
        "url": incident_url(base_url, incident),
    }


def _block_id(incident: Incident) -> str:
    return f"actions:{incident.reference}"


def _timeline_line(event: TimelineEvent) -> str:
    who = person(event.actor_name, event.actor.slack_user_id if event.actor else None)
    line = f"{when(event.at)}  {_EVENT_MARKS[event.kind]} *{_headline(event)}* · {who}"
    return f"{line}\n{quote(event.text, 600)}" if event.text else line


def _headline(event: TimelineEvent) -> str:
    return escape(headline(event), 500)


def _duration(incident: Incident) -> str:
    return in_words(timedelta(seconds=incident.duration_seconds or 0))


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(plain(text, SECTION_LIMIT))}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}
