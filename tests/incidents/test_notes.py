"""Notes: from anybody who responds, at any time, in the timeline and the channel."""

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.errors import InvalidInput, NotAllowed
from incidentbot.incidents.models import EventKind
from tests.team import Team


def test_any_responder_adds_a_note_that_leaves_the_incident_as_it_is(team: Team) -> None:
    team.declare()
    status = team.incident().status
    result = team.do(commands.add_note, "INC-1", team.bob, "Replica lag\r\nis 40 s ")
    assert result.sentence == "The note is in the timeline."
    event = team.timeline()[-1]
    assert (event.kind, event.text) == (EventKind.NOTE, "Replica lag\nis 40 s")
    assert event.actor_name == "Bob"
    assert team.incident().status is status
    assert team.audit()[-1].action == "add_note"
    assert team.deliveries()[-1].kind == "slack.message"


def test_a_note_is_told_in_the_channel_and_nowhere_else(team: Team) -> None:
    team.declare(severity="P1")
    before = {delivery.id for delivery in team.deliveries()}
    team.do(commands.add_note, "INC-1", team.bob, "Replica lag")
    told = [(d.kind, d.target) for d in team.deliveries() if d.id not in before]
    assert told == [("slack.message", "war-room")]


def test_a_closed_incident_still_takes_notes(team: Team) -> None:
    resolved, cancelled = team.declare(), team.declare()
    team.do(commands.resolve, resolved, team.ada)
    team.do(commands.cancel, cancelled, team.ada, "False alarm")
    for reference in (resolved, cancelled):
        team.do(commands.add_note, reference, team.bob, "Found the cause")
        assert team.timeline(reference)[-1].kind is EventKind.NOTE


def test_a_viewer_cannot_add_a_note(team: Team) -> None:
    team.declare()
    with pytest.raises(NotAllowed, match="Viewers cannot add a note"):
        team.do(commands.add_note, "INC-1", team.vera, "I saw it")
    assert len(team.timeline()) == 1


def test_a_note_says_something_of_reasonable_length(team: Team) -> None:
    team.declare()
    for text in ("", "\n\t", "x" * 10_001):
        with pytest.raises(InvalidInput) as refused:
            team.do(commands.add_note, "INC-1", team.bob, text)
        assert refused.value.field == "text"
    assert len(team.timeline()) == 1


def test_hostile_text_is_kept_as_text(team: Team) -> None:
    team.declare()
    text = "'; DROP TABLE incidents; -- <script>alert(1)</script> <!channel> \u202eevil\x00"
    team.do(commands.add_note, "INC-1", team.bob, text)
    assert team.timeline()[-1].text == (
        "'; DROP TABLE incidents; -- <script>alert(1)</script> <!channel> evil"
    )
