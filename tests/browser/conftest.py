"""A real Chromium, and a live app to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from incidentbot.extensions import db
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from incidentbot.users.people import add_slack_person
from tests.installation import install
from tests.scenarios.world import APP
from tests.servers.ports import free_port
from tests.servers.processes import start

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"


@dataclass(frozen=True)
class Site:
    """A live app: where it is, and how to sign in."""

    url: str
    database_url: str

    def sign_in(self, page: Page, name: str = "Ada Lovelace", role: Role = Role.ADMIN) -> None:
        """Sign a person in by their one-time link."""
        app = install(self.database_url)
        with app.app_context():
            session = db.session()
            user = invite(session, f"{name.split()[0].lower()}@example.com", role, name)
            secret = make_sign_in_secret(session, user)
        page.goto(f"{self.url}/sign-in/{secret}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/")


@contextmanager
def served(folder: Path, database_url: str, **settings: str) -> Iterator[Site]:
    """Serve the app without Slack on a database that is there, with its log in `folder`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "BASE_URL": url,
        "SECRET_KEY": "browser",
        "LOG_FORMAT": "text",
        **settings,
    }
    with start(APP, env, f"{url}/health", folder / "app.log"):
        yield Site(url, database_url)


@contextmanager
def empty_site(folder: Path) -> Iterator[Site]:
    """Serve an app without Slack whose database, in `folder`, is new."""
    database_url = f"sqlite:///{folder}/app.db"
    install(database_url)
    with served(folder, database_url) as site:
        yield site


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    app = install(sqlite_url)
    with app.app_context():
        session = db.session()
        add_slack_person(session, "U0GRACE00A", "Grace Hopper")
        session.commit()
    with served(tmp_path, sqlite_url) as site:
        yield site
