"""The commands in the docs work: those that can run here are run, all of them are looked up."""

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest
from flask import Flask

from incidentbot import create_app
from tests.docs.markdown import PAGES, ROOT, Block, blocks, code_words
from tests.installation import install, small_company
from tests.servers.processes import INHERITED

SHELL = ("sh", "bash", "console", "shell")
BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = [block for block in BLOCKS if block.info == "sh run"]
COMMANDS = [block for block in BLOCKS if block.info.split(" ")[0] in SHELL]
# What a command begins with.
PROGRAM = re.compile(
    r"(?:\$ )?(?:\.venv/bin/|(?:sudo|export|cd|cp|cat|sed|make|flask|python3?|pip|pytest|gunicorn"
    r"|git|curl|jq|rq|psql|pg_dump|pg_restore|createdb|redis-cli|docker|kubectl|fly|heroku|railway"
    r"|systemctl|apt-get)\b(?! *[:=]))"
)

VARIABLES = ("args", "m")


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(small_company("sqlite:///:memory:"))


def test_every_shell_block_is_run_or_says_why_not() -> None:
    silent = [
        str(block)
        for block in BLOCKS
        if block.info.split(" ")[0] in SHELL and block not in RUN and not block.reason
    ]
    assert silent == []
    assert len(RUN) >= 3


def test_no_command_hides_in_a_fence_without_a_language() -> None:
    assert [str(block) for block in BLOCKS if not block.info and _holds_a_command(block.text)] == []


@pytest.mark.parametrize(
    "text,holds",
    [
        ("make test", True),
        ("A=1\n.venv/bin/flask --app app doctor", True),
        ("$ curl localhost", True),
        ("  pg_dump incidentbot", True),
        ("DATABASE_URL=sqlite:///incidentbot.db\nSECRET_KEY=…  openssl rand -hex 32", False),
        ("incidents.example.com {\n    reverse_proxy 127.0.0.1:8000\n}", False),
        ("makefile: yes", False),
    ],
)
def test_a_command_without_a_language_is_noticed(text: str, holds: bool) -> None:
    assert _holds_a_command(text) is holds


def _holds_a_command(text: str) -> bool:
    return any(PROGRAM.match(line.strip()) for line in text.splitlines())


@pytest.fixture(scope="module")
def empty_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an installation in which nothing has happened."""
    path = tmp_path_factory.mktemp("installation") / "incidentbot.db"
    install(f"sqlite:///{path}")
    return path


@pytest.mark.server
@pytest.mark.parametrize("block", RUN, ids=str)
def test_what_can_run_runs(block: Block, empty_installation: Path, tmp_path: Path) -> None:
    # As an operator's folder, without what a developer keeps in theirs.
    for name in ("app.py", "gunicorn.conf.py", "incidentbot", "migrations", "templates", "static"):
        (tmp_path / name).symlink_to(ROOT / name)
    with closing(sqlite3.connect(empty_installation)) as database:
        database.execute("vacuum into ?", (str(tmp_path / "installation.db"),))
    # A page that makes a database of its own makes it here.
    text = block.text.replace("sqlite:///incidentbot.db", f"sqlite:///{tmp_path}/incidentbot.db")
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    env["DATABASE_URL"] = f"sqlite:///{tmp_path}/installation.db"

    done = subprocess.run(
        ["sh", "-eu", "-c", text],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def _written() -> list[tuple[str, str]]:
    """Return every command line of the docs with where it stands: blocks, and words in the text."""
    found = []
    for block in COMMANDS:
        joined = block.text.replace("\\\n", " ")
        found += [(str(block), line.strip()) for line in joined.splitlines()]
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue  # tells what was
        found += [(page.name, words) for words in code_words(page)]
    return found


def test_make_has_every_target_the_docs_name() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    wrong = []
    for place, line in _written():
        made = re.match(r"(?:\$ )?make( [^#|;&>]*)$|(?:\$ )?make( [^#|;&>]*)[#|;&>]", line)
        words = shlex.split((made[1] or made[2]).split('="')[0]) if made else []
        # The last word before a value, args="…", is a variable.
        named = [word for word in words if re.fullmatch(r"[a-z-]+", word) and word not in VARIABLES]
        wrong += [f"{place}: make {word}" for word in named if word not in targets]
    assert wrong == []


def test_flask_has_every_command_and_option_the_docs_name(app: Flask) -> None:
    wrong = []
    seen = 0
    for place, line in _written():
        for found in re.finditer(r"\bflask (?:--app app )?([a-z][^|;&>#\"']*)", line):
            before = line[: found.start()]
            if "python" in before or "SELECT" in line:
                continue
            problem = _look_up(app, found[1].split("`")[0])
            seen += 1
            if problem:
                wrong.append(f"{place}: flask {found[1]}: {problem}")
    assert wrong == []
    assert seen > 20


def _look_up(app: Flask, words: str) -> str:
    """Return what is wrong with the words after `flask`."""
    command: click.Command = app.cli
    rest = shlex.split(words.replace("…", ""))
    while rest and isinstance(command, click.Group):
        word = rest.pop(0)
        if "/" in word:  # "deliveries list/retry"
            return next((p for part in word.split("/") if (p := _known(command, part))), "")
        problem = _known(command, word)
        if problem:
            return problem
        command = command.commands[word]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word not in options]
    # Flask-Migrate's and Flask's own options are theirs to document.
    return f"no option {unknown}" if unknown and "db" not in words.split()[:1] else ""


def _known(group: click.Group, word: str) -> str:
    return "" if word in group.commands or word == "--help" else f"there is no {word}"


@pytest.mark.parametrize(
    "words,problem",
    [
        ("users invite ada@example.com --role admin", ""),
        ("users invit ada@example.com", "there is no invit"),
        ("users invite ada@example.com --rank admin", "no option"),
        ("deliveries list/retry", ""),
        ("deliveries list/repeat", "there is no repeat"),
        ("db upgrade", ""),
        ("db upgrde", "there is no upgrde"),
    ],
)
def test_a_command_that_is_not_there_is_found(words: str, problem: str, app: Flask) -> None:
    assert _look_up(app, words).startswith(problem)
    assert bool(_look_up(app, words)) is bool(problem)
