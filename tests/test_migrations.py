"""The migrations make the tables that the models describe, on both databases, however often they run."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select

from incidentbot import create_app
from incidentbot.audit import replays  # noqa: F401 - its table belongs to the metadata
from incidentbot.extensions import db
from incidentbot.incidents.models import Counter
from tests import team as fixtures
from tests.installation import install, small_company
from tests.servers.processes import INHERITED, ROOT
from tests.team import Team

team = fixtures.team
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres


def tables(app: Flask) -> set[str]:
    with app.app_context():
        return set(inspect(db.engine).get_table_names())


def test_models_and_migrations_agree(database_url: str) -> None:
    app = install(database_url)
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                # Each database has its own table of words, which no model describes.
                "include_name": lambda name, kind, _parents: (
                    kind != "table" or not name.startswith("incident_search")
                ),
            },
        )
        assert compare_metadata(context, db.metadata) == []


def test_migrating_again_changes_nothing(team: Team) -> None:
    team.declare()
    before = team.state()
    app = create_app(small_company(team.database_url))
    with app.app_context():
        upgrade()
        upgrade()
        db.engine.dispose()
    assert team.state() == before
    assert team.problems() == []


def test_one_can_go_back_to_nothing_and_forward_again(database_url: str) -> None:
    app = install(database_url)
    made = tables(app)
    with app.app_context():
        downgrade(revision="base")
        assert tables(app) == {"alembic_version"}
        upgrade()
        assert tables(app) == made
        assert db.session.scalars(select(Counter.name)).all() == ["incident"]


def test_a_connection_to_sqlite_keeps_foreign_keys_and_the_write_ahead_log(sqlite_url: str) -> None:
    app = install(sqlite_url)
    with app.app_context(), db.engine.connect() as connection:
        pragma: Any = connection.exec_driver_sql
        assert pragma("PRAGMA foreign_keys").scalar() == 1
        assert pragma("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.server
def test_two_machines_that_start_at_once_take_turns(postgres_url: str, tmp_path: Path) -> None:
    starting = [_upgrading(postgres_url, tmp_path) for _ in range(2)]
    for process in starting:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    app = install(postgres_url)
    with app.app_context():
        assert db.session.scalars(select(Counter.value)).all() == [0]
        db.engine.dispose()


def test_the_migrations_can_be_printed_as_sql(postgres_url: str, tmp_path: Path) -> None:
    process = _upgrading(postgres_url, tmp_path, "--sql")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "CREATE TABLE incidents" in output
    assert "refuse_change" in output
    assert tables(create_app(small_company(postgres_url))) == set()


def _upgrading(database_url: str, folder: Path, *options: str) -> subprocess.Popen[str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade", *options],
        env={
            **inherited,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "LOG_LEVEL": "WARNING",
        },
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
