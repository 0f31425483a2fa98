"""The migrations make the tables that the models describe, on both databases, however often they run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
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

# What the version before, which works on meanwhile, would stumble over. Dropping a constraint is none
# of it: what that version writes still fits.
BREAKS_THE_VERSION_BEFORE = re.compile(
    r"DROP TABLE|DROP COLUMN|ALTER TABLE \w+ RENAME|ALTER COLUMN \w+ (?:TYPE|SET NOT NULL|DROP DEFAULT)"
    r"|ADD COLUMN (?!.*DEFAULT).*NOT NULL|ADD (?:CONSTRAINT \w+ )?(?:UNIQUE|CHECK)|CREATE UNIQUE INDEX",
    re.I,
)
# So says a migration that may do it all the same: docs/operations.md, Upgrade.
ALLOWED = re.compile(r"^# (?:contract of \d{4}|safe beside the version before): \S+ \S+", re.M)
MIGRATIONS = list(ScriptDirectory(str(ROOT / "migrations")).walk_revisions())


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


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda migration: migration.revision)
def test_the_version_before_works_on_beside_a_migration(migration: Script) -> None:
    if not ALLOWED.search(Path(migration.path).read_text()):
        assert what_breaks(migration.module.upgrade) == []


STUMBLING_BLOCKS: dict[str, Callable[[], object]] = {
    "a table is gone": lambda: op.drop_table("users"),
    "a column is gone": lambda: op.drop_column("users", "theme"),
    "a table has another name": lambda: op.rename_table("users", "people"),
    "a column has another name": lambda: op.alter_column(
        "users", "theme", new_column_name="colours"
    ),
    "a column must be filled": lambda: op.alter_column("users", "theme", nullable=False),
    "a column has another type": lambda: op.alter_column("users", "theme", type_=sa.Integer()),
    "a default is gone": lambda: op.alter_column("users", "role", server_default=None),
    "a new column must be filled": lambda: op.add_column(
        "users", sa.Column("team", sa.Integer(), sa.ForeignKey("teams.id"), nullable=False)
    ),
    "a name must be unique": lambda: op.create_unique_constraint(
        "uq_users_name", "users", ["name"]
    ),
    "an index is unique": lambda: op.create_index("ix_users_name", "users", ["name"], unique=True),
    "it is written in SQL": lambda: op.execute("alter table users drop column theme"),
}


@pytest.mark.parametrize("what", STUMBLING_BLOCKS)
def test_what_the_version_before_stumbles_over_is_noticed(what: str) -> None:
    def upgrade() -> None:
        op.create_table("teams", sa.Column("id", sa.Integer(), nullable=False))
        STUMBLING_BLOCKS[what]()

    assert len(what_breaks(upgrade)) == 1


def test_what_a_migration_does_to_its_own_new_tables_breaks_nothing() -> None:
    def upgrade() -> None:
        op.create_table("teams", sa.Column("id", sa.Integer(), nullable=False))
        op.create_unique_constraint("uq_teams_id", "teams", ["id"])

    assert what_breaks(upgrade) == []


def what_breaks(upgrade: Callable[[], None]) -> list[str]:
    """Return the statements of a migration, as PostgreSQL gets them, that break the version before."""
    sql = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": sql}
    )
    with Operations.context(context):
        upgrade()
    statements = [" ".join(statement.split()) for statement in sql.getvalue().split(";")]
    new = {table for one in statements for table in re.findall(r"CREATE TABLE (\w+)", one)}
    return [
        one
        for one in statements
        if BREAKS_THE_VERSION_BEFORE.search(one)
        and not new & set(re.findall(r"(?:ALTER TABLE|INDEX \w+ ON) (\w+)", one))
    ]


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
