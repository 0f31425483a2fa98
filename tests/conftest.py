"""What every test may ask for: real servers, fresh databases, a browser.

Nothing here skips. When this machine lacks a server, the test fails and says what to install.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, expect, sync_playwright
from xdist.scheduler import LoadScopeScheduling

from tests.servers import processes
from tests.servers.browser import LAUNCH_ARGS
from tests.servers.browser import chromium as find_chromium
from tests.servers.postgres import PostgresServer
from tests.servers.postgres import postgres_server as running_postgres
from tests.servers.redis import RedisServer
from tests.servers.redis import redis_server as running_redis

HERE = Path(__file__).parent

# What a test uses or where it lies decides its markers, so that nobody can forget one.
MARKER_OF_FIXTURE = {
    "postgres_server": "server",
    "redis_server": "server",
    "chromium_path": "browser",
}
MARKER_OF_FOLDER = {"scenarios": "scenario", "drills": "scenario", "browser": "browser"}

# On a busy machine a slow example is no bug, nor is a page that comes late.
EXPECTED_MS = 15_000
settings.register_profile("incidentbot", deadline=None)
settings.load_profile("incidentbot")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, one for each test process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server, one for each test process."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The Chromium to drive."""
    return find_chromium()


@pytest.fixture(scope="session")
def chromium(chromium_path: Path) -> Iterator[Browser]:
    """A running Chromium, one for each test process: Playwright runs but once in a thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(LAUNCH_ARGS))
        expect.set_options(timeout=EXPECTED_MS)
        yield browser
        browser.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis database."""
    redis_server.clear()
    return redis_server.url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a fresh SQLite database file, which does not exist yet."""
    return f"sqlite:///{tmp_path / 'incidentbot.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, empty database: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.hookimpl(tryfirst=True)  # before -m selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it uses and where it lies."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, marker in MARKER_OF_FIXTURE.items():
            if fixture in fixtures:
                item.add_marker(marker)
        folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if folder in MARKER_OF_FOLDER:
            item.add_marker(MARKER_OF_FOLDER[folder])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Divide the tests among the test processes."""
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = _runs_with
    return scheduler


def _runs_with(nodeid: str) -> str:
    """Name what a test runs with in one process, one after another: those of its file, and all drills.

    Two drills at once would slow each other down until people wait in vain.
    """
    file = nodeid.partition("::")[0]
    return "drills" if "/drills/" in file else file


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the processes it talked to have logged."""
    report = yield
    if report.failed:
        report.sections += [
            (f"log of {process.name}", process.log_tail())
            for process in processes.running()
            if not process.quiet
        ]
    return report


def pytest_unconfigure() -> None:
    """Let no process outlive the test run, whatever a test left behind."""
    for process in processes.running():
        process.stop()
