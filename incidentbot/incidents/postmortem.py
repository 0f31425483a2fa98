"""The post-mortem's first draft: what incidentbot knows filled in, what people must add marked."""

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate

from incidentbot.incidents.durations import in_words, time_in_statuses, time_to_first_update
from incidentbot.incidents.models import ActionItem, Incident, TimelineEvent
from incidentbot.incidents.story import headline
from incidentbot.incidents.text import POSTMORTEM_LIMIT, shorten

# Of each event's text, in a draft: the first of these with which the whole timeline fits.
_TEXT_LIMITS = (1_000, 200, 0)
_TIMELINE_ROOM = POSTMORTEM_LIMIT // 2
_GAPS = (
    ("Impact", "Who was affected, how many, how badly, from when to when?"),
    (
        "Root cause",
        "What made it possible, and what set it off? Ask why until it is about the system, not a person.",
    ),
)
_GAPS_AFTER = (
    ("What went well", "What should we do again?"),
    ("Lessons", "What surprised us? Where were we lucky?"),
)
# Before the address of a link to a page of ours. In "\](" the bracket is text.
_LINKS_HERE = re.compile(r"(?<!\\)\]\((?=/(?!/))")


def draft(
    incident: Incident,
    events: Sequence[TimelineEvent],
    items: Sequence[ActionItem] = (),
    meaning: str = "",
) -> str:
    """Return the draft in Markdown. The incident is resolved; `events` is its whole timeline.

    `items` are the action items that exist already, `meaning` is the severity in words. Times are UTC.
    What people typed is quoted or escaped, so that it cannot change the layout.
    """
    return "\n".join(
        [
            f"# Post-mortem: {incident.reference} {escape(incident.title)}",
            "",
            *_facts(incident, events, meaning or incident.severity.meaning),
            "## Summary",
            "",
            quote(incident.summary)
            if incident.summary
            else _gap("What happened, in three sentences?"),
            "",
            *_sections(_GAPS),
            "## Timeline",
            "",
            "All times are UTC.",
            "",
            "| Time | What | Who |",
            "|---|---|---|",
            *_rows(incident, events),
            "",
            *_sections(_GAPS_AFTER),
            "## Action items",
            "",
            "| Action | Owner | Due |",
            "|---|---|---|",
            *(f"| {' | '.join(_cells(item))} |" for item in items),
            "| _To fill in_ | | |",
            "",
        ]
    )


def export(body: str, items: Sequence[ActionItem], base_url: str) -> str:
    """Return the post-mortem as a file of its own: its text, then the action items as they stand.

    Its links to our pages are whole in the file, and without a host in the text that is kept: BASE_URL
    may change.
    """
    body = _LINKS_HERE.sub(lambda found: found[0] + base_url, body)
    if not items:
        return body
    rows = (
        f"| {' | '.join(_cells(item))} | {f'{item.done_at:%Y-%m-%d}' if item.done_at else ''} |"
        for item in items
    )
    return "\n".join(
        [
            body.rstrip(),
            "",
            "## Action items in incidentbot",
            "",
            "| Action | Owner | Due | Done |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def escape(text: str) -> str:
    """Return `text` as one line of Markdown that shows exactly what was typed."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", line)


def quote(text: str) -> str:
    """Return `text` as a Markdown quotation, line by line."""
    return "\n".join(f"> {_not_a_block(escape(line))}".rstrip() for line in text.split("\n"))


def _not_a_block(line: str) -> str:
    """Return a line that begins neither a list nor a rule, and does not underline the one before."""
    return re.sub(r"^([0-9]*)([-+=:.)])", r"\1\\\2", line)


def _facts(incident: Incident, events: Sequence[TimelineEvent], meaning: str) -> list[str]:
    resolved_at = incident.resolved_at or events[-1].at
    first_update = time_to_first_update(events)
    statuses = time_in_statuses(events, resolved_at)
    rows = {
        "Severity": f"{incident.severity.value} ({escape(meaning)})",
        "Service": escape(incident.service.name),
        "Commander": escape(incident.commander.name),
        "Declared": f"{incident.declared_at:%Y-%m-%d %H:%M:%S} UTC",
        "Resolved": f"{resolved_at:%Y-%m-%d %H:%M:%S} UTC",
        "Duration": in_words(timedelta(seconds=incident.duration_seconds or 0)),
        "Time to first update": in_words(first_update)
        if first_update is not None
        else "none posted",
        "Time in each status": ", ".join(
            f"{status.value} {in_words(spent)}" for status, spent in statuses.items()
        ),
    }
    return [
        "| | |",
        "|---|---|",
        *(f"| **{name}** | {value} |" for name, value in rows.items()),
        "",
    ]


def _sections(gaps: Sequence[tuple[str, str]]) -> list[str]:
    return [line for title, question in gaps for line in (f"## {title}", "", _gap(question), "")]


def _gap(question: str) -> str:
    return f"_To fill in: {question}_"


def _cells(item: ActionItem) -> tuple[str, str, str]:
    owner = escape(item.owner.name) if item.owner else ""
    return escape(item.text), owner, item.due_on.isoformat() if item.due_on else ""


def _rows(incident: Incident, events: Sequence[TimelineEvent]) -> list[str]:
    """Return a row for each event, with as much of its text as leaves people room to write.

    Of a story too long even without its texts, the rows at its end are left to the timeline.
    """
    rows: list[str] = []
    for limit in _TEXT_LIMITS:
        rows = [_row(incident, event, limit) for event in events]
        if sum(map(len, rows)) <= _TIMELINE_ROOM:
            return rows
    fitting = [size <= _TIMELINE_ROOM for size in accumulate(map(len, rows))].count(True)
    left_out = f"and {len(events) - fitting} more, in the timeline of {incident.reference}"
    return [*rows[:fitting], f"| … | {left_out} | |"]


def _row(incident: Incident, event: TimelineEvent, limit: int) -> str:
    what, text = escape(headline(event)), event.text
    if len(text) > limit:
        text = shorten(text, limit) if limit else ""
        what += f" ([event {event.seq}](/incidents/{incident.reference}?event={event.seq}#event-{event.seq}))"
    if text:
        what += f": {escape(text)}"
    return f"| {event.at:%Y-%m-%d %H:%M:%S} | {what} | {escape(event.actor_name)} |"
