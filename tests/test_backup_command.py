"""`flask backup`: a whole copy of SQLite, and what to type instead for PostgreSQL."""

import sqlite3
from pathlib import Path

import pytest
from flask import Flask

from incidentbot import create_app
from incidentbot.audit.log import verify
from incidentbot.extensions import db
from incidentbot.incidents.queries import get_incident
from incidentbot.users.actor import SYSTEM
from tests import team as fixtures
from tests.installation import install, small_company
from tests.team import Team

team = fixtures.team
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=arguments)
    with app.app_context():
        db.engine.dispose()
    return result.exit_code, result.output


def test_a_copy_holds_what_was_committed_a_moment_ago(team: Team, tmp_path: Path) -> None:
    app = create_app(small_company(team.database_url))
    copy = tmp_path / "copy.db"
    team.declare(title="Just now")
    code, printed = run(app, "backup", str(copy))
    if not team.is_sqlite:
        assert code == 1
        assert "pg_dump --format=custom" in printed
        assert not copy.exists()
        return
    assert (code, printed.strip()) == (
        0,
        f"{copy} is a whole copy, to be restored by copying it back.",
    )
    restored = create_app(small_company(f"sqlite:///{copy}"))
    with restored.app_context():
        assert get_incident(db.session(), "INC-1", SYSTEM).title == "Just now"
        assert verify(db.session()) == []
        db.session.remove()
        db.engine.dispose()
    with sqlite3.connect(copy) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("DELETE FROM audit_entries")  # its guards came along


def test_nothing_is_written_over(sqlite_url: str, tmp_path: Path) -> None:
    (there := tmp_path / "precious").write_text("mine")
    code, printed = run(install(sqlite_url), "backup", str(there))
    assert code == 1
    assert "is there already" in printed
    assert there.read_text() == "mine"
