"""Data of every earlier schema comes through the migrations, and its audit log stays whole.

No version is released yet, so the earlier schemas are those of each migration. That an old version
works on with the newer schema is shown under load by tests/drills/test_rolling_deploy.py.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, func, select, text

from incidentbot import clock, create_app
from incidentbot.audit.log import verify
from incidentbot.database import prepare_engine
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.settings import fingerprint
from incidentbot.incidents.severities import (
    default_words,
    edit_severity,
    state_of_severity,
)
from incidentbot.users.actor import SYSTEM
from tests import team as fixtures
from tests.installation import small_company
from tests.servers.processes import ROOT
from tests.team import Team

team = fixtures.team
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres

EARLIER = [
    script.revision
    for script in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()
    if script.nextrev
]
# What an installation keeps; the rest can be made anew.
KEPT = ("users", "services", "incidents", "timeline_events", "audit_entries", "deliveries")


@pytest.mark.parametrize("revision", EARLIER)
def test_what_an_earlier_schema_holds_comes_through(
    revision: str, team: Team, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _work(team)
    if team.is_sqlite:
        url = f"sqlite:///{tmp_path / 'earlier.db'}"
    else:
        url = request.getfixturevalue("postgres_server").create_database()
    app = create_app(small_company(url))
    with app.app_context():
        upgrade(revision=revision)
        before = _fill(db.engine, team.database_url)
        upgrade()
        after = _rows(db.engine)
        for table, rows in before.items():
            assert len(rows) == len(after[table]), table
            for old, new in zip(rows, after[table], strict=True):
                assert {name: new[name] for name in old} == old, table
        # Whatever an earlier schema had counted, or could not.
        assert [figures(row) for row in after["incidents"]] == [
            figures(vars(team.incident(reference))) for reference in ("INC-1", "INC-2")
        ]
        session = db.session()
        assert verify(session) == []
        declared = commands.declare(
            session, Declaration("The next one", "P3", "payments", _commander(session)), SYSTEM
        )
        assert declared.incident.reference == "INC-3"
        commands.resolve(session, "INC-2", team.ada)
        assert verify(session) == []
        db.session.remove()
        db.engine.dispose()


def figures(row: Mapping[str, Any]) -> list[Any]:
    """Return what is counted of an incident's updates."""
    names = ("updates_due", "updates_late", "first_update_at", "last_update_at")
    return [
        value.replace(tzinfo=UTC) if isinstance(value, datetime) and not value.tzinfo else value
        for value in map(row.get, names)
    ]


def _work(team: Team) -> None:
    began = clock.now() - timedelta(days=3)
    with clock.at(began):
        team.declare(severity="P4")
    with clock.at(began + timedelta(hours=5)):
        team.do(commands.change_severity, "INC-1", team.ada, "P1")
    with clock.at(began + timedelta(hours=7)):  # three times too late
        team.do(commands.post_update, "INC-1", team.ada, "We see it")
    with clock.at(began + timedelta(hours=7, minutes=20)), team.sessions() as session:
        seen = fingerprint(state_of_severity(default_words(Severity.P1)))
        edit_severity(session, Severity.P1, team.grace, "All is down", "15", seen)
    with clock.at(began + timedelta(hours=7, minutes=40)):
        team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING)
    with clock.at(began + timedelta(hours=9)):
        team.do(commands.resolve, "INC-1", team.ada)
    with clock.at(began + timedelta(hours=20)):
        team.do(commands.reopen, "INC-1", team.ada, "It is back")
    with clock.at(began + timedelta(hours=20, minutes=1)):
        team.do(commands.cancel, "INC-1", team.ada, "It was not")
    assert figures(vars(team.incident()))[:2] == [3 + 2 + 5 + 1, 3 + 2 + 5]
    team.declare(severity="P1")


def _commander(session: Any) -> int:
    return int(session.execute(text("SELECT min(id) FROM users WHERE role = 'admin'")).scalar_one())


def _fill(target: Engine, source_url: str) -> dict[str, list[dict[str, Any]]]:
    """Write what the source holds into an older schema, as far as that has tables and columns for it."""
    source, newest, older = create_engine(source_url), MetaData(), MetaData()
    prepare_engine(source)
    newest.reflect(source)
    older.reflect(target)
    with source.connect() as reading, target.begin() as writing:
        for table in older.sorted_tables:
            if table.name in newest.tables and not table.name.startswith(("alembic", "incident_s")):
                _copy(reading, writing, newest.tables[table.name], table)
    source.dispose()
    return _rows(target)


def _copy(reading: Connection, writing: Connection, source: Table, target: Table) -> None:
    if target.name in ("counters", "audit_head"):  # the migration has begun them
        writing.execute(target.delete())
    names = [column.name for column in target.columns if column.name in source.columns]
    wanted = select(*(source.c[name] for name in names)).order_by(*source.primary_key.columns)
    rows = [dict(row) for row in reading.execute(wanted).mappings()]
    if rows:
        writing.execute(target.insert(), rows)
    if rows and "id" in names and writing.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(target.name, "id")
        writing.execute(select(func.setval(sequence, max(row["id"] for row in rows))))


def _rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return what is kept, row by row in the order of their keys."""
    there = MetaData()
    there.reflect(engine, only=KEPT)
    with engine.connect() as connection:
        return {
            name: [
                dict(row)
                for row in connection.execute(
                    select(there.tables[name]).order_by(*there.tables[name].primary_key.columns)
                ).mappings()
            ]
            for name in KEPT
        }
