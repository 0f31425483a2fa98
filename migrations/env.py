"""Alembic's entry: migrate the app's database, then give a new one its first-start defaults."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from incidentbot.audit import replays  # noqa: F401 - its table belongs to the metadata
from incidentbot.extensions import db
from incidentbot.first_start import fill

config = context.config

MIGRATIONS_LOCK = 4_637_281  # any number, the same in every version


def migrate() -> None:
    """Run the migrations in one transaction, on the app's own engine."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            user_module_prefix="database.",
            process_revision_directives=_nothing_for_no_change,
            include_name=_is_described,
        )
        _let_tables_be_replaced(connection)
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # Two machines that start at once take turns; the second finds nothing to do.
                # They may take longer than a request, but never make requests wait long for a lock.
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATIONS_LOCK})"))
                connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            context.run_migrations()
            if connection.dialect.name == "sqlite":
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if orphans:
                    raise RuntimeError(f"rows point at nothing after the migration: {orphans[:5]}")
        migrated = set(context.get_context().get_current_heads())
        if connection.dialect.name == "sqlite":
            connection.invalidate()  # the next one minds foreign keys again
    if migrated == set(context.script.get_heads()) and migrated:
        with Session(db.engine) as session:
            fill(session, current_app.extensions["settings"])


def _let_tables_be_replaced(connection: Connection) -> None:
    """Let SQLite drop a table that others point at: it changes a table by making another in its place.

    That is what its documentation asks for; what points at what is checked at the end. It has no
    effect once a transaction has begun, and holds for this connection only.
    """
    if connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys = OFF")


def print_sql() -> None:
    """Print the migrations as SQL (`flask db upgrade --sql`) for an administrator to run by hand."""
    context.configure(url=db.engine.url, target_metadata=db.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def _nothing_for_no_change(_context: object, _revision: object, directives: list) -> None:
    """Write no migration when the models match the database."""
    if getattr(config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()


def _is_described(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a model describes it: the table of words is made by each database in its own way."""
    return kind != "table" or not (name or "").startswith("incident_search")


if context.is_offline_mode():
    print_sql()
else:
    migrate()
