"""A migrated database with a small team in it: what tests of the core and the outbox start from."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from incidentbot import clock
from incidentbot.audit.log import verify
from incidentbot.audit.models import AuditEntry
from incidentbot.database import prepare_engine, write_transaction
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.change import Result
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.models import Incident, TimelineEvent
from incidentbot.outbox.models import Delivery
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.models import Role, User
from tests.installation import install

PROCESSES = 3
TOGETHER_SECONDS = 60  # how long those who shall start together wait for the last one


@dataclass(frozen=True)
class Team:
    """The database, and people in it: Ada commands, Bob responds, Vera views, Grace is admin."""

    database_url: str
    sessions: sessionmaker[Session]
    ada: Actor
    bob: Actor
    vera: Actor
    grace: Actor

    def declare(self, actor: Actor | None = None, **fields: Any) -> str:
        """Declare an incident, by Ada unless said otherwise, and return its reference."""
        declaration = Declaration(
            **{"title": "Checkout is down", "severity": "P3", "service": "payments", **fields}
        )
        with self.sessions() as session:
            return commands.declare(session, declaration, actor or self.ada).incident.reference

    def do(self, command: Callable[..., Result], *arguments: Any) -> Result:
        """Call a command with a session of its own, as each request has."""
        with self.sessions() as session:
            return command(session, *arguments)

    def incident(self, reference: str = "INC-1") -> Incident:
        """Return an incident as it is in the database now."""
        with self.sessions() as session:
            return session.scalars(
                select(Incident).where(Incident.number == int(reference.removeprefix("INC-")))
            ).one()

    def timeline(self, reference: str = "INC-1") -> Sequence[TimelineEvent]:
        """Return an incident's timeline, in order."""
        with self.sessions() as session:
            return session.scalars(
                select(TimelineEvent)
                .where(TimelineEvent.incident_id == self.incident(reference).id)
                .order_by(TimelineEvent.seq)
            ).all()

    def audit(self) -> Sequence[AuditEntry]:
        """Return the whole audit log, in order."""
        with self.sessions() as session:
            return session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).all()

    def deliveries(self, **criteria: Any) -> Sequence[Delivery]:
        """Return the deliveries that match, in order. Those of the team's profiles are left out."""
        with self.sessions() as session:
            return session.scalars(
                select(Delivery)
                .where(Delivery.kind != "slack.profile")
                .filter_by(**criteria)
                .order_by(Delivery.id)
            ).all()

    def problems(self) -> list[str]:
        """Return what is wrong with the audit log."""
        with self.sessions() as session:
            return verify(session)

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table: what must be the same when nothing was changed."""
        with self.sessions() as session:
            return {
                table.name: [
                    tuple(row)
                    for row in session.execute(select(table).order_by(*table.primary_key))
                ]
                for table in db.metadata.sorted_tables
            }

    def execute(self, *statements: str) -> None:
        """Run SQL past all our code, in one transaction."""
        with self.sessions() as session, write_transaction(session):
            for statement in statements:
                session.execute(text(statement))


@pytest.fixture
def team(database_url: str) -> Iterator[Team]:
    """A team on SQLite, and once more on PostgreSQL."""
    with a_team(database_url) as found:
        yield found


@contextmanager
def a_team(database_url: str, **settings: Any) -> Iterator[Team]:
    """Migrate a database and put the team in."""
    app = install(database_url, **settings)
    with app.app_context():
        engine = db.engine
    sessions = sessionmaker(engine, expire_on_commit=False)
    with sessions() as session, write_transaction(session):
        session.execute(text("DELETE FROM deliveries"))  # asking for the P1 people's profiles
        people = {
            name: User(
                name=name.capitalize(),
                slack_user_id=f"U0{name.upper()}",
                role=role,
                created_at=clock.now(),
            )
            for name, role in {
                "ada": Role.RESPONDER,
                "bob": Role.RESPONDER,
                "vera": Role.VIEWER,
                "grace": Role.ADMIN,
            }.items()
        }
        session.add_all(people.values())
    try:
        yield Team(
            database_url,
            sessions,
            **{name: actor_for(user, Door.WEB, "192.0.2.7") for name, user in people.items()},
        )
    finally:
        engine.dispose()


def together(*actions: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment, a thread each; return what each returned, or the exception it raised."""
    barrier = Barrier(len(actions))

    def act(action: Callable[[], Any]) -> Any:
        barrier.wait(TOGETHER_SECONDS)
        try:
            return action()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(act, actions))


_starting_line: Any = None


class Processes:
    """Real processes that wait for each other before they do something."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def together(self, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Run `work(number of the process, *arguments)` in every process at the same moment."""
        futures = [
            self._pool.submit(_after_the_others, work, number, *arguments)
            for number in range(PROCESSES)
        ]
        return [future.result(TOGETHER_SECONDS) for future in futures]


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """Processes of their own, as several machines would be."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        PROCESSES, context, initializer=_stand_at, initargs=(context.Barrier(PROCESSES),)
    )
    with pool:
        yield Processes(pool)


@contextmanager
def connected(database_url: str) -> Iterator[sessionmaker[Session]]:
    """Connect a process to the database, as the app does."""
    engine: Engine = create_engine(database_url)
    prepare_engine(engine)
    try:
        yield sessionmaker(engine, expire_on_commit=False)
    finally:
        engine.dispose()


def _stand_at(barrier: Any) -> None:
    global _starting_line
    _starting_line = barrier


def _after_the_others(work: Callable[..., Any], number: int, *arguments: Any) -> Any:
    _starting_line.wait(TOGETHER_SECONDS)
    return work(number, *arguments)
