"""A new version is rolled out under load: migrated first, then both side by side, then the new alone."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory

from tests.drills.fleet import fleet
from tests.drills.people import (
    Ledger,
    Said,
    Visitor,
    busy_people,
    check_nothing_lost_or_shown_twice,
    declare,
    declared,
    insist_on_the_web,
    update,
)
from tests.scenarios.world import World
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, start

PARTS = ("app.py", "gunicorn.conf.py", "incidentbot", "migrations", "templates", "static")
UPDATING, DECLARING, IN_BROWSERS = 2, 1, 1

# It only adds, as docs/architecture.md asks of migrations while two versions run side by side.
MIGRATION = """\
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("incidents", sa.Column("impact", sa.Text(), nullable=True))
    op.create_table(
        "impacts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("incident_id", sa.Integer(), sa.ForeignKey("incidents.id"), nullable=False),
    )
    op.create_index("ix_incidents_impact", "incidents", ["impact"])
"""


def test_a_deploy_goes_unnoticed(tmp_path: Path) -> None:
    drill(tmp_path, seconds_each=0.5, pause=0.6)


def drill(folder: Path, seconds_each: float = 10, pause: float = 0.2) -> str:
    """Deploy with so many seconds of work in each stage, people pausing between what they ask for."""
    following = _next_version(folder / "next")
    with fleet(folder, web=1, WORKERS="1") as running, ExitStack() as stack:
        company, ledger, refused = running.company, Ledger(), list[Said]()
        doors = [company]
        visitor = Visitor(company.sign_in("responder", "person@example.com"))

        def work(who: int, over: threading.Event) -> None:
            for number in count():
                if over.wait(pause):
                    return
                title = f"title-{who}-{number}"
                if who < UPDATING:
                    text = f"update-{who}-{number}"
                    _ask(doors, who, update, ledger, references[who], text)
                elif who < UPDATING + DECLARING:
                    _ask(doors, who, declare, ledger, title)
                else:
                    *told, _done = insist_on_the_web(visitor, ledger, title)
                    refused.extend(told)

        references = {who: declared(company, ledger, f"title-{who}") for who in range(UPDATING)}
        with busy_people(work, UPDATING + DECLARING + IN_BROWSERS):
            time.sleep(seconds_each)
            _migrate(following, company.env)
            time.sleep(seconds_each)
            doors.append(stack.enter_context(_next_web(following, company)))
            visitor.urls.append(doors[1].app_url)
            running.start_worker(PYTHONPATH=str(following))
            time.sleep(seconds_each)
            side_by_side = ledger.accepted()
            assert running.workers[0].stop() == 0
            time.sleep(seconds_each)
            assert company.app.stop() == 0
            time.sleep(seconds_each)
        running.wait_until_drained(30)
        check_nothing_lost_or_shown_twice(running, ledger)
        assert refused == []
        for said in (*ledger.declared, *ledger.updated):
            # What nobody has taken the other web was asked for.
            assert said.accepted or said.answer == "ConnectionError", said
        assert running.parked() == []
        assert running.rows("SELECT version_num FROM alembic_version") == [{"version_num": "next"}]
        return (
            f"{ledger.accepted()} accepted, {side_by_side} of them until the old version was asked "
            "to stop: no error told, 0 lost, 0 twice"
        )


def _ask(doors: list[World], who: int, ask: Callable[..., Said], *what: Any) -> None:
    """Ask one of the doors, and where nobody listens any more the other, as a load balancer does."""
    open_now = list(doors)
    first = open_now.pop(who % len(open_now))
    for door in (first, *open_now):
        said = ask(door, *what)
        if said.accepted is not None:
            return


def _next_version(folder: Path) -> Path:
    """Return a copy of the project that brings a migration of its own."""
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copy(source, folder / part)
    migrations = folder / "migrations"
    head = ScriptDirectory(str(migrations)).get_current_head()
    (migrations / "versions" / "9999_next.py").write_text(MIGRATION.format(head=head))
    return folder


def _migrate(version: Path, env: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(version), **env},
        cwd=version,
        check=True,
    )


@contextmanager
def _next_web(version: Path, company: World) -> Iterator[World]:
    """Start another version's web beside the present one; give the company as it is seen there."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "-c", f"{version}/gunicorn.conf.py", "app:app"]
    env = {**company.env, "PORT": str(port), "PYTHONPATH": str(version)}
    with start(command, env, f"{url}/health", company.folder / "app-next.log"):
        yield replace(company, app_url=url)
