"""The database itself refuses to edit or delete what happened, whoever asks."""

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.models import TimelineEvent
from tests.team import Team

ON_BOTH = (
    "UPDATE timeline_events SET text = 'nothing happened'",
    "UPDATE timeline_events SET text = text",
    "UPDATE timeline_events SET seq = seq + 1000",
    "UPDATE timeline_events SET incident_id = incident_id WHERE seq = 1",
    "DELETE FROM timeline_events",
    "DELETE FROM timeline_events WHERE seq = 2",
    "INSERT INTO timeline_events SELECT * FROM timeline_events WHERE seq = 2 "
    "ON CONFLICT (id) DO UPDATE SET text = 'nothing happened'",
)
ON_SQLITE = (
    "REPLACE INTO timeline_events "
    "SELECT id, incident_id, seq, kind, at, actor_id, actor_name, door, 'nothing happened', data "
    "FROM timeline_events",
    "INSERT OR REPLACE INTO timeline_events "
    "SELECT id + 100, incident_id, seq, kind, at, actor_id, actor_name, door, 'x', data "
    "FROM timeline_events",
    "UPDATE OR REPLACE timeline_events SET seq = 1",
)
ON_POSTGRES = (
    "TRUNCATE timeline_events",
    "TRUNCATE incidents CASCADE",
    "WITH gone AS (DELETE FROM timeline_events RETURNING id) SELECT count(*) FROM gone",
    "MERGE INTO timeline_events t USING (SELECT 1) s ON t.seq = 1 WHEN MATCHED THEN DELETE",
)


@pytest.fixture
def story(team: Team) -> Team:
    team.declare()
    team.do(commands.post_update, "INC-1", team.ada, "Looking")
    team.do(commands.resolve, "INC-1", team.ada, "Rolled back")
    return team


def test_every_way_of_changing_it_in_sql_is_refused(story: Team) -> None:
    before = story.state()["timeline_events"]
    for statement in ON_BOTH + (ON_SQLITE if story.is_sqlite else ON_POSTGRES):
        with pytest.raises(DBAPIError, match="timeline_events is append-only"):
            story.execute(statement)
        assert story.state()["timeline_events"] == before, statement


def test_our_own_code_cannot_change_it_either(story: Team) -> None:
    before = story.state()["timeline_events"]
    first = TimelineEvent.seq == 1
    for statement in (update(TimelineEvent).where(first).values(text="x"), delete(TimelineEvent)):
        with (
            story.sessions() as session,
            pytest.raises(DBAPIError, match="append-only"),
            write_transaction(session),
        ):
            session.execute(statement)
    with (
        story.sessions() as session,
        pytest.raises(DBAPIError, match="append-only"),
        write_transaction(session),
    ):
        session.query(TimelineEvent).where(first).one().text = "nothing happened"
    assert story.state()["timeline_events"] == before


def test_an_incident_with_a_story_cannot_be_deleted(story: Team) -> None:
    with pytest.raises(DBAPIError):
        story.execute("DELETE FROM incidents")
    assert len(story.timeline()) == 3


def test_a_number_in_the_story_is_given_once(story: Team) -> None:
    with pytest.raises(DBAPIError):
        story.execute(
            "INSERT INTO timeline_events (incident_id, seq, kind, at, actor_name, door, text, data) "
            "SELECT incident_id, seq, kind, at, actor_name, door, 'x', data FROM timeline_events"
        )
    assert [event.seq for event in story.timeline()] == [1, 2, 3]
