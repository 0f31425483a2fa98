"""The sandbox, as Slack's Web API for the tests of what calls it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from incidentbot.channels.slack.scopes import SCOPES
from tests.scenarios.world import SANDBOX
from tests.servers.ports import free_port
from tests.servers.processes import start

TOKEN = "xoxb-the-app"


class Workspace:
    """The sandbox, as a test sets it up."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **settings: Any) -> None:
        """Change how the workspace is set up."""
        put = requests.put(f"{self.url}/sandbox/settings", json=settings, timeout=10)
        assert put.ok, put.text

    def fault(self, **fault: Any) -> None:
        """Have Slack misbehave."""
        assert requests.post(f"{self.url}/sandbox/faults", json=fault, timeout=10).ok

    def call(self, method: str, **arguments: Any) -> Any:
        """Call Slack as the app does."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found = requests.post(
            f"{self.url}/api/{method}", data=arguments, headers=headers, timeout=10
        ).json()
        assert found["ok"], found
        return found


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    port, folder = free_port(), tmp_path_factory.mktemp("slack")
    env = {
        "SANDBOX_PORT": str(port),
        "SANDBOX_APP_URL": "http://127.0.0.1:9/slack/events",
        "SANDBOX_DATA": "",
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": "secret",
    }
    url = f"http://127.0.0.1:{port}"
    with start(SANDBOX, env, url, Path(folder) / "sandbox.log"):
        yield Workspace(url)


@pytest.fixture
def slack(sandbox: Workspace) -> Iterator[Workspace]:
    yield sandbox
    requests.delete(f"{sandbox.url}/sandbox/faults", timeout=10)
    sandbox.set(scopes=list(SCOPES), token_state="active")
