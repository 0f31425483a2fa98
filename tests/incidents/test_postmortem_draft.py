"""The post-mortem's draft: right figures, and a layout that nothing typed can change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import EventKind, Incident, Service, TimelineEvent
from incidentbot.incidents.postmortem import draft, escape, export
from incidentbot.incidents.text import POSTMORTEM_LIMIT
from incidentbot.users.actor import SYSTEM
from incidentbot.users.models import User
from tests.team import Team

START = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def cells(markdown: str) -> list[list[str]]:
    """Return the text of every table's cells, row by row."""
    tree = SyntaxTreeNode(RENDERER.parse(markdown))
    return [
        ["".join(leaf.content for leaf in cell.walk() if leaf.type == "text") for cell in row]
        for row in tree.walk()
        if row.type == "tr"
    ]


def outline(markdown: str) -> list[str]:
    """Return what the page is built of, without its words: every block, and every inline mark."""
    tree = SyntaxTreeNode(RENDERER.parse(markdown))
    return [
        node.type for node in tree.walk() if node.type not in ("text", "softbreak", "hardbreak")
    ]


def shown(markdown: str) -> str:
    """Return the words a reader sees."""
    tree = SyntaxTreeNode(RENDERER.parse(markdown))
    return "\n".join(node.content for node in tree.walk() if node.type == "text")


def test_the_figures_come_from_the_timeline(team: Team, clock: time_machine.Traveller) -> None:
    team.declare(severity="P2", summary="Customers see errors")
    clock.shift(timedelta(minutes=4))
    team.do(commands.move_to, "INC-1", team.ada, Status.INVESTIGATING, "Looking")
    clock.shift(timedelta(minutes=20))
    team.do(commands.resolve, "INC-1", team.ada, "Rolled back")
    clock.shift(timedelta(hours=1))
    team.do(commands.reopen, "INC-1", team.ada, "It is back")
    clock.shift(timedelta(minutes=36))
    team.do(commands.resolve, "INC-1", team.ada, "Fixed for good")
    team.do(commands.draft_postmortem, "INC-1", team.ada)
    with team.sessions() as session:
        incident = commands.get_incident(session, "INC-1", SYSTEM)
        postmortem = commands.find_postmortem(session, incident.id)
    assert postmortem is not None
    rows = cells(postmortem.body)
    assert dict(row for row in rows if len(row) == 2) == {
        "": "",
        "Severity": "P2 (Major: an important part is broken for many)",
        "Service": "payments",
        "Commander": "Ada",
        "Declared": "2026-03-05 10:00:00 UTC",
        "Resolved": "2026-03-05 12:00:00 UTC",
        "Duration": "2 h",
        "Time to first update": "4 min",
        # The hour in which it was resolved counts for no status.
        "Time in each status": "declared 4 min, investigating 56 min",
    }
    assert [row for row in rows if len(row) == 3 and row[0].startswith("2026")] == [
        ["2026-03-05 10:00:00", "Incident declared: Customers see errors", "Ada"],
        ["2026-03-05 10:04:00", "Status: declared → investigating: Looking", "Ada"],
        ["2026-03-05 10:24:00", "Incident resolved: Rolled back", "Ada"],
        ["2026-03-05 11:24:00", "Incident reopened: It is back", "Ada"],
        ["2026-03-05 12:00:00", "Incident resolved: Fixed for good", "Ada"],
    ]


def test_every_section_is_there_and_what_is_missing_is_marked() -> None:
    markdown = written("", "A title")
    headings = [
        child.children[0].content
        for child in SyntaxTreeNode(RENDERER.parse(markdown)).walk()
        if child.type == "heading"
    ]
    assert headings == [
        "Post-mortem: INC-7 A title",
        "Summary",
        "Impact",
        "Root cause",
        "Timeline",
        "What went well",
        "Lessons",
        "Action items",
    ]
    assert markdown.count("_To fill in: ") == 5  # all but the timeline and the action items
    assert "none posted" in markdown


def written(typed: str, title: str = "") -> str:
    """Return the draft of an incident in which people typed `typed` wherever they can."""
    person = User(name=typed or "Ada")
    incident = Incident(
        number=7,
        title=title or typed,
        summary=typed,
        severity=Severity.P1,
        service=Service(slug="s", name=typed or "payments"),
        commander=person,
        declared_at=START,
        resolved_at=None,
    )
    events = [
        TimelineEvent(
            kind=kind, at=START, text=typed, data={"from": typed, "to": typed}, actor_name=typed
        )
        for kind in (EventKind.DECLARED, EventKind.NOTE, EventKind.COMMANDER)
    ]
    return draft(incident, events)


MARKDOWN = """\
# h
- item
+ item
* item
1. one
2) two
---
===
***
> quote
```
~~~
    code
| a | b |
|---|---|
:-
a | b
a
<b>
<!--
&lt;
[x](y)
[x]: y
![i](j)
_e_ *e* ~~s~~ `c`
\\
\\|
\t- a
http://x.y
:---:"""
hostile_lines = st.lists(
    st.sampled_from(MARKDOWN.split("\n"))
    | st.text("ab-+=:.)1| \\`*_#>", max_size=8)
    | st.text(max_size=20),
    min_size=1,
    max_size=6,
)


@given(hostile_lines)
@example(["A line", "==="])
@example(["A line", "---"])
@example(["a | b", ":-"])
@example(["7. a list that begins at seven"])
def test_nothing_typed_changes_the_layout(lines: list[str]) -> None:
    typed = commands.clean_optional("text", "\n".join(lines))
    if not typed:
        return
    # The same number of lines, paragraph by paragraph, of harmless words.
    harmless = "\n".join("words" if line.strip() else "" for line in typed.split("\n"))
    assert outline(written(typed)) == outline(written(harmless))


@given(st.text(st.sampled_from("ab<>&|*_[]()#`~!\\-+=.1:"), min_size=1, max_size=40))
def test_readers_see_exactly_what_was_typed(typed: str) -> None:
    assert typed in shown(written(typed, "A title")).split("\n")


@pytest.mark.parametrize("text,count", [("*" * 10_000, 21), ("*" * 10_000, 300), ("x", 4_000)])
def test_the_draft_of_a_long_story_can_be_saved_and_leads_to_what_is_left_out(
    text: str, count: int
) -> None:
    incident = Incident(
        number=7,
        title="Long",
        summary="",
        severity=Severity.P1,
        service=Service(slug="s", name="payments"),
        commander=User(name="Ada"),
        declared_at=START,
        resolved_at=START,
    )
    events = [
        TimelineEvent(kind=EventKind.NOTE, seq=seq, at=START, text=text, data={}, actor_name="Ada")
        for seq in range(1, count + 1)
    ]
    body = draft(incident, events)
    assert len(body) <= POSTMORTEM_LIMIT // 2 + 5_000  # so that people can add to it
    assert "## Action items" in body
    if len(text) > 1:
        assert body.count("(/incidents/INC-7?event=") == count
        assert f"[event {count}](/incidents/INC-7?event={count}#event-{count})" in body
    else:
        assert "more, in the timeline of INC-7" in body


def links(markdown: str) -> list[str]:
    tree = SyntaxTreeNode(RENDERER.parse(markdown))
    return [str(node.attrs["href"]) for node in tree.walk() if node.type == "link"]


def test_what_leaves_incidentbot_leads_back_to_it() -> None:
    body = "[event 2](/incidents/INC-7?event=2#event-2), [ours](/insights), [theirs](https://a.example/b)"
    assert links(export(body, [], "https://inc.example")) == [
        "https://inc.example/incidents/INC-7?event=2#event-2",
        "https://inc.example/insights",
        "https://a.example/b",
    ]


def test_nothing_but_links_to_our_pages_is_changed_on_the_way_out() -> None:
    for kept in (
        "[other host](//a.example)",
        "[here](#event-2)",
        "(/etc/passwd)",
        escape("[x](/y)"),
    ):
        assert export(kept, [], "https://inc.example") == kept
