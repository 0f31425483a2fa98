"""What every table and every transaction shares: the declarative base, UTC times, write transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DateTime,
    Delete,
    Dialect,
    Engine,
    Enum,
    MetaData,
    Update,
    event,
    func,
    select,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from incidentbot import clock

BUSY_TIMEOUT_SECONDS = 15
# A request that waits longer than this for PostgreSQL gives up and says so.
CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_SECONDS = 15
IDLE_TIMEOUT_SECONDS = 60
# What SQLAlchemy raises while the database cannot be reached.
DATABASE_AWAY = (OperationalError, InterfaceError, NoConnectionFree)
_CLOCK = select(func.clock_timestamp())


class Base(DeclarativeBase):
    """Base of every model. Constraints get predictable names so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC. SQLite has no time zones, so the zone is put back on load."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into UTC; a naive one is a mistake and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it by name
    ) -> datetime | None:
        """Return the stored time, aware and in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word(enum: type[StrEnum]) -> Enum:
    """Return a column type that stores the enum's value as a short word, the same on every database."""
    return Enum(
        enum,
        native_enum=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def engine_options(url: str) -> dict[str, Any]:
    """Return how SQLAlchemy keeps connections to the database at `url`.

    Each is tried before it is used, so a restart of PostgreSQL costs no restart here; a server that
    hangs, or a transaction that somebody left open, ends after a while.
    """
    # What people wrote, and hashes of their passwords, have no place in an error in the log.
    options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    if url.startswith("postgresql"):
        limits = {
            "statement_timeout": STATEMENT_TIMEOUT_SECONDS,
            "idle_in_transaction_session_timeout": IDLE_TIMEOUT_SECONDS,
        }
        options |= {
            # 10 kept, 20 more in a rush: more than the threads of a process ask for at once.
            "pool_size": 10,
            "max_overflow": 20,
            "pool_timeout": 5,
            "pool_recycle": 1800,
            "connect_args": {
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "options": " ".join(f"-c {name}={value}s" for name, value in limits.items()),
            },
        }
    return options


def prepare_engine(engine: Engine) -> None:
    """Make SQLite behave: real transactions, write-ahead log, patience with other writers, foreign keys.

    The driver of its own begins transactions late and lazily; instead each begins when SQLAlchemy
    says so, and a writing one begins IMMEDIATE, so that it waits for its turn up front and cannot
    fail half-way because another writer came first.
    """
    if engine.dialect.name != "sqlite":
        return
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # So that REPLACE meets the append-only triggers too.
        cursor.execute("PRAGMA recursive_triggers = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def is_postgres(session: Session) -> bool:
    """Whether the session talks to PostgreSQL; else it is SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def now(session: Session) -> datetime:
    """Return the time by the database's clock: machines whose own clocks differ agree on it."""
    if is_postgres(session) and not clock.is_set():
        by_database: datetime = session.execute(_CLOCK).scalar_one()
        return by_database.astimezone(UTC)
    return clock.now()  # SQLite runs on this very machine


def count_changed(session: Session, statement: Delete | Update) -> int:
    """Carry out an UPDATE or DELETE of many rows, and return how many there were.

    What the session has read of them already stays as it was read.
    """
    result = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]  # that of a change has it


@contextmanager
def write_transaction(session: Session) -> Iterator[None]:
    """Run the block as one transaction: commit at its end, roll back when it raises.

    A transaction that only read so far is ended first, so that the block sees the newest state.
    """
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("the session holds changes made outside a write transaction")
    session.rollback()
    session.connection(execution_options={"writing": True})
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def snapshot(session: Session) -> Iterator[None]:
    """Run the block so that all it reads is of one moment, whatever others commit meanwhile."""
    session.rollback()
    if is_postgres(session):  # SQLite knows no other way
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    try:
        yield
    finally:
        session.rollback()
