"""A migrated database with a small team in it: what tests of the core and the outbox start from."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, make_url, select, text
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
from tests.servers.postgres import PostgresServer
from tests.status_pages.shown import tell

PROCESSES = 3
TOGETHER_SECONDS = 60  # how long those who shall start together wait for the last one
WHY = "Ada cannot be reached"
_POOL = pytest.StashKey[ProcessPoolExecutor]()


@dataclass(frozen=True)
class Team:
    """The database, and people in it: Ada commands, Bob responds, Vera views, Grace is admin.

    Grace says why she acts in the commander's place.
    """

    database_url: str
    sessions: sessionmaker[Session]
    ada: Actor
    bob: Actor
    vera: Actor
    grace: Actor

    def declare(self, actor: Actor | None = None, *, public: str = "", **fields: Any) -> str:
        """Declare an incident, by Ada unless said otherwise, and return its reference.

        Then tell customers of it, where there is a text for them (`public`).
        """
        actor = actor or self.ada
        declaration = Declaration(
            **{"title": "Checkout is down", "severity": "P3", "service": "payments", **fields}
        )
        with self.sessions() as session:
            reference = commands.declare(session, declaration, actor).incident.reference
            if public:
                tell(session, reference, actor, public)
        return reference

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

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the team on SQLite, not the one on PostgreSQL."""
        return self.database_url.startswith("sqlite")

    @contextmanager
    def refusing(self, table: str) -> Iterator[None]:
        """Have the database refuse every new row of a table, as it does when its disk is full."""
        if self.is_sqlite:
            self.execute(
                f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
        else:
            self.execute(
                "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
                f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()",
            )
        try:
            yield
        finally:
            self.execute("DROP TRIGGER full_disk" + ("" if self.is_sqlite else f" ON {table}"))

    def unguard(self, table: str) -> None:
        """Take away the triggers that keep an append-only table, as somebody with all rights can."""
        if self.is_sqlite:
            self.execute(*(f"DROP TRIGGER {table}_no_{verb}" for verb in ("update", "delete")))
        else:
            self.execute(f"DROP TRIGGER {table}_append_only ON {table}")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A SQLite database file as a new installation begins."""
    path = tmp_path_factory.mktemp("migrated") / "incidentbot.db"
    _migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a PostgreSQL database as a new installation begins."""
    with postgres_server.database() as url:
        _migrate(url)
        yield str(make_url(url).database)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    """A team on SQLite, and once more on PostgreSQL. Copying is quicker than migrating each time."""
    if request.param == "sqlite":
        path = tmp_path / "incidentbot.db"
        path.write_bytes(request.getfixturevalue("migrated_sqlite"))
        with _gather(f"sqlite:///{path}") as found:
            yield found
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    try:
        with _gather(url) as found:
            yield found
    finally:
        server.drop_database(url)


@contextmanager
def a_team(database_url: str, **settings: Any) -> Iterator[Team]:
    """Migrate a database with settings of one's own and put the team in."""
    _migrate(database_url, **settings)
    with _gather(database_url) as found:
        yield found


def _migrate(database_url: str, **settings: Any) -> None:
    app = install(database_url, **settings)
    with app.app_context():
        db.engine.dispose()


@contextmanager
def _gather(database_url: str) -> Iterator[Team]:
    """Put the team into a migrated database."""
    with connected(database_url) as sessions:
        with sessions() as session, write_transaction(session):
            # A new installation asks for the P1 people's profiles.
            session.execute(text("DELETE FROM deliveries"))
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
        actors = {name: actor_for(user, Door.WEB, "192.0.2.7") for name, user in people.items()}
        actors["grace"] = replace(actors["grace"], override_reason=WHY)
        yield Team(database_url, sessions, **actors)


def _let_time_travel(engine: Engine) -> None:
    """Have PostgreSQL's clock show what this process's shows, wherever a test moves that to."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _tell_the_time(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any
    ) -> tuple[str, Any]:
        time = f"timestamptz '{clock.now().isoformat()}'"
        return statement.replace("clock_timestamp()", time), parameters


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


@pytest.fixture
def processes(request: pytest.FixtureRequest) -> Processes:
    """Processes of their own, as several machines would be; the same ones for every test."""
    stash = request.config.stash
    if _POOL not in stash:
        context = multiprocessing.get_context("spawn")
        stash[_POOL] = ProcessPoolExecutor(
            PROCESSES, context, initializer=_stand_at, initargs=(context.Barrier(PROCESSES),)
        )
        request.config.add_cleanup(stash[_POOL].shutdown)
    return Processes(stash[_POOL])


@contextmanager
def connected(database_url: str) -> Iterator[sessionmaker[Session]]:
    """Connect a process to the database, as the app does."""
    engine = create_engine(database_url, pool_pre_ping=True)
    prepare_engine(engine)
    _let_time_travel(engine)
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
