"""A backup of a busy installation is restored elsewhere: it starts, is whole, and tells nothing twice."""

import os
import shlex
import shutil
import subprocess
import threading
import time
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from tests.docs.markdown import blocks
from tests.drills.people import Ledger, busy_people, declared, update
from tests.scenarios.world import ADA, World, eventually, world
from tests.servers import postgres
from tests.servers.postgres import PostgresServer
from tests.servers.processes import ROOT


def told_to_type(beginning: str) -> str:
    """Return the block of commands in docs/operations.md that begins like this."""
    page = blocks(ROOT / "docs/operations.md")
    (block,) = (block for block in page if block.text.startswith(beginning))
    return block.text


def test_a_postgres_backup_made_under_load_tells_nothing_twice(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.create_database()
    elsewhere = f"{url}_restored"
    try:
        with world(url, tmp_path, SLACK_RATE_FACTOR="0", DELIVERY_LEASE_SECONDS="2") as company:
            # Slack is slow, so that there are deliveries of every state when the backup is made.
            company.fault(kind="latency", ms=300, method="chat.postMessage")
            with busy(company) as ledger:
                _type(told_to_type("pg_dump"), url, tmp_path)
            assert ledger.accepted() > 0
            company.heal()
            eventually(lambda: _unfinished(url) == 0, 60)
            company.app.stop()
            posted = _everything_posted(company)
            _type(told_to_type("createdb"), elsewhere, tmp_path)
            at_backup = _unfinished(elsewhere)
            assert at_backup > 0, "something was under way, else this shows nothing"
            _start_again(company, elsewhere)
            assert _unfinished(elsewhere) == 0
            assert _everything_posted(company) == posted, "nothing lost, nothing twice"
            assert "whole" in company.flask("audit", "verify")
            assert company.declare(ADA, title="After the restore").startswith("INC-")
    finally:
        postgres_server.drop_database(elsewhere)
        postgres_server.drop_database(url)


def test_a_sqlite_backup_made_under_load_tells_nothing_twice(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world(sqlite_url, tmp_path, SLACK_RATE_FACTOR="0", DELIVERY_LEASE_SECONDS="2") as company:
        company.fault(kind="latency", ms=300, method="chat.postMessage")
        file = tmp_path / "copy.db"
        with busy(company):
            assert "whole copy" in company.flask("backup", str(file))
        company.heal()
        eventually(lambda: _unfinished(sqlite_url) == 0, 60)
        company.app.stop()
        posted = _everything_posted(company)
        restored = tmp_path / "restored.db"
        shutil.copy(file, restored)
        elsewhere = f"sqlite:///{restored}"
        assert _unfinished(elsewhere) > 0
        _start_again(company, elsewhere)
        assert _unfinished(elsewhere) == 0
        assert _everything_posted(company) == posted
        assert "whole" in company.flask("audit", "verify")


class busy:  # noqa: N801 - a context manager that reads as what it is
    """Have people work for a while before, during and after the block, and stop."""

    def __init__(self, company: World) -> None:
        self._company, self._ledger = company, Ledger()

    def __enter__(self) -> Ledger:
        first = declared(self._company, self._ledger, "first")
        over_at = time.monotonic() + 60

        def work(who: int, over: threading.Event) -> None:
            for number in count():
                if over.wait(0.3) or time.monotonic() > over_at:
                    return
                update(self._company, self._ledger, first, f"update-{who}-{number}")

        self._people = busy_people(work, 2)
        self._people.__enter__()
        time.sleep(1)
        return self._ledger

    def __exit__(self, *_error: object) -> None:
        time.sleep(0.5)
        self._people.__exit__(None, None, None)


def _start_again(company: World, url: str) -> None:
    """Do what docs/operations.md says: look before telling anything again, then start."""
    company.env["DATABASE_URL"] = url
    said = ""
    told = told_to_type("flask --app app db upgrade").splitlines()
    for line in told[:-1]:  # the doctor, last of them, has its own opinion of a sandbox for a Slack
        said += company.flask(*shlex.split(line.removeprefix("flask --app app ")))
    assert "looked for before they are made" in said
    assert "The audit log is whole" in said
    company.restart_app()
    eventually(lambda: _unfinished(url) == 0, 60)


def _everything_posted(company: World) -> dict[str, list[str]]:
    return {
        place: sorted(message["text"] for message in messages)
        for place, messages in company.posts().items()
    }


def _unfinished(url: str) -> int:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            query = (
                "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'leased', 'retrying')"
            )
            return int(connection.execute(text(query)).scalar_one())
    finally:
        engine.dispose()


def _type(commands: str, url: str, folder: Path) -> None:
    """Run what the page says in a folder, for the database of this URL."""
    plain = make_url(url).set(drivername="postgresql")
    server = plain.set(database="").render_as_string(hide_password=False)
    commands = commands.replace("postgresql://…/", f"{server.rstrip('/')}/")
    commands = commands.replace("incidentbot_restored", str(plain.database))
    env = {
        **os.environ,
        "PATH": f"{postgres.binaries()[0]}:{os.environ['PATH']}",
        "DATABASE_URL": plain.render_as_string(hide_password=False),
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", commands],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
