"""Reading incidents: in the right order, by any way of writing a reference, with few queries."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from incidentbot.incidents import commands, queries
from incidentbot.incidents.errors import NotFound
from incidentbot.incidents.lifecycle import Status
from incidentbot.incidents.listing import list_open
from incidentbot.incidents.models import EventKind
from incidentbot.users.actor import SYSTEM
from tests.team import Team


@pytest.mark.parametrize("reference", ["INC-42", "inc-42", "42", "  Inc-42 ", "INC-042"])
def test_a_reference_is_understood_however_it_is_written(reference: str) -> None:
    assert queries.parse_reference(reference) == 42


@pytest.mark.parametrize("reference", ["", "INC-", "INC 42", "42a", "-42", "4.2", "٤٢", "9" * 10])
def test_what_is_no_reference_is_refused_with_an_example(reference: str) -> None:
    with pytest.raises(NotFound, match="INC-42"):
        queries.parse_reference(reference)


def test_an_incident_is_found_by_its_channel(team: Team) -> None:
    team.declare()
    team.execute("UPDATE incidents SET slack_channel_id = 'C0WAR'")
    with team.sessions() as session:
        found = queries.incident_in_channel(session, "C0WAR")
        assert found is not None
        assert found.reference == "INC-1"
        assert queries.incident_in_channel(session, "C0ELSE") is None


def test_the_latest_update_is_the_newest_words_on_how_it_goes(team: Team) -> None:
    for _ in range(3):
        team.declare()
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED, "Bad deploy")
    team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING)  # without words
    team.do(commands.add_note, "INC-1", team.bob, "A note is no update")
    team.do(commands.resolve, "INC-2", team.ada, "Rolled back")
    ids = [team.incident(f"INC-{number}").id for number in (1, 2, 3)]
    with team.sessions() as session:
        many = queries.latest_updates(session, ids)
        single = [queries.latest_update(session, incident_id) for incident_id in ids]
    assert {i: e.text for i, e in many.items()} == {ids[0]: "Bad deploy", ids[1]: "Rolled back"}
    assert [found and found.text for found in single] == ["Bad deploy", "Rolled back", None]


def test_the_timeline_is_in_order_and_one_event_of_it_can_be_asked_for(team: Team) -> None:
    team.declare()
    team.declare()
    for text in ("one", "two"):
        for reference in ("INC-1", "INC-2"):
            team.do(commands.post_update, reference, team.ada, f"{reference} {text}")
    incident_id = team.incident("INC-2").id
    with team.sessions() as session:
        timeline = queries.list_timeline(session, incident_id)
        assert [(e.seq, e.text) for e in timeline] == [(1, ""), (2, "INC-2 one"), (3, "INC-2 two")]
        assert queries.get_event(session, incident_id, 2).text == "INC-2 one"
        newest = queries.last_event(session, incident_id, EventKind.UPDATE)
        assert newest is not None
        assert newest.text == "INC-2 two"
        assert queries.last_event(session, incident_id, EventKind.RESOLVED) is None


def test_what_a_page_polls_for_changes_with_every_delivery(team: Team) -> None:
    team.declare()
    with team.sessions() as session:
        states = queries.delivery_states(session, team.incident().id)
    team.execute("UPDATE deliveries SET attempts = 1 WHERE kind = 'slack.card'")
    with team.sessions() as session:
        assert queries.delivery_states(session, team.incident().id) != states


def test_lists_cost_the_same_however_long_they_are(team: Team) -> None:
    for _ in range(2):
        with team.sessions() as session, _queries(session) as sent:
            incidents = list_open(session, SYSTEM)
            queries.latest_updates(session, [incident.id for incident in incidents])
            assert all(i.commander.name and i.service.name for i in incidents)
        assert len(sent) == 2, sent
        for _ in range(5):
            team.declare()
    incident_id = team.incident().id
    for _ in range(5):
        team.do(commands.post_update, "INC-1", team.ada, "Looking")
    with team.sessions() as session, _queries(session) as sent:
        assert all(e.actor and e.actor.name for e in queries.list_timeline(session, incident_id))
    assert len(sent) == 1, sent


@contextmanager
def _queries(session: Session) -> Iterator[list[str]]:
    """Collect the SELECTs sent within the block."""
    sent: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
