"""The data file: what is in the workspace outlives the process, however that ends."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sandbox.conftest import (
    ADA,
    GENERAL,
    SANDBOX,
    App,
    Slack,
    button,
    modal,
    sandbox_process,
)
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, Process

pytestmark = pytest.mark.server


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "sandbox.json"


def started(data: Path, served_app: tuple[App, str]) -> tuple[Slack, Process]:
    app, app_url = served_app
    app.reset()
    port = free_port()
    process = sandbox_process(data.parents[1], port, app_url, SANDBOX_DATA=str(data))
    return Slack(f"http://127.0.0.1:{port}", app), process


def furnish(slack: Slack) -> str:
    """A channel, a card with a pin and metadata, a modal half filled in."""
    client = slack.client
    channel = str(client.conversations_create(name="inc-1")["channel"]["id"])
    blocks = [{"type": "actions", "elements": [button("go")]}]
    metadata = {"event_type": "card", "event_payload": {"key": "1"}}
    ts = slack.post(channel, "card", blocks=blocks, metadata=metadata)
    client.pins_add(channel=channel, timestamp=ts)
    view = slack.open(modal())
    slack.act("type", user=ADA, view_id=view["id"], values={"name": "half a sen"})
    return channel


def check(slack: Slack, channel: str) -> None:
    card = slack.client.conversations_history(channel=channel, include_all_metadata=True)[
        "messages"
    ][0]
    assert (card["text"], card["pinned_to"]) == ("card", [channel])
    assert card["metadata"]["event_payload"] == {"key": "1"}
    typed = slack.get(f"views?user={ADA}")["view"]["state"]["values"]["name"]["name"]["value"]
    assert typed == "half a sen"
    assert float(slack.post(channel, "next")) > float(card["ts"])
    assert slack.client.conversations_create(name="inc-2")["channel"]["id"] != channel


def test_all_is_there_after_a_restart(data: Path, served_app: tuple[App, str]) -> None:
    slack, process = started(data, served_app)
    channel = furnish(slack)
    assert process.stop() == 0
    slack, process = started(data, served_app)
    with process:
        check(slack, channel)


def test_all_is_there_a_second_before_a_crash(data: Path, served_app: tuple[App, str]) -> None:
    slack, process = started(data, served_app)
    channel = furnish(slack)
    time.sleep(1)
    process.kill()
    slack, process = started(data, served_app)
    with process:
        check(slack, channel)
    assert [path.name for path in data.parent.iterdir()] == ["sandbox.json"]


def test_the_file_is_whole_at_any_moment(data: Path, served_app: tuple[App, str]) -> None:
    slack, process = started(data, served_app)
    with process:
        for _ in range(20):
            slack.post(GENERAL, "x" * 10_000)
            assert json.loads(data.read_text())["team_id"] == "T0SANDBOX0"
            time.sleep(0.05)


def run(**env: str) -> subprocess.CompletedProcess[str]:
    """Run a sandbox that is expected to give up at once."""
    return subprocess.run(
        SANDBOX,
        env={"PYTHONPATH": str(ROOT), "SANDBOX_PORT": str(free_port()), **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "\xff\xfe",
        "[]",
        "{}",
        '{"users": 5}',
        '{"team_id": "T", "team_name": "", "team_domain": "", "app_id": "", "bot_user": "U"}',
    ],
)
def test_a_file_that_holds_no_workspace_is_named_and_left_alone(data: Path, content: str) -> None:
    data.parent.mkdir()
    data.write_bytes(content.encode("latin-1"))
    done = run(SANDBOX_DATA=str(data))
    assert done.returncode == 2
    assert done.stderr.startswith(f"sandbox: {data} holds no workspace")
    assert len(done.stderr.splitlines()) == 1
    assert data.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize(
    "env,words",
    [
        ({"SANDBOX_PORT": "many"}, "SANDBOX_PORT"),
        ({"SANDBOX_PORT": "70000"}, "SANDBOX_PORT"),
        ({"SANDBOX_DATA": "/proc/nowhere/x.json"}, "/proc/nowhere"),
        ({"SANDBOX_DATA": "/"}, "directory"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_one_line(env: dict[str, str], words: str) -> None:
    done = run(**env)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_taken_port_is_told_in_one_line(running_slack: Slack) -> None:
    done = run(SANDBOX_PORT=running_slack.url.rsplit(":", 1)[1])
    assert done.returncode == 2
    assert "cannot listen on port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_it_needs_nothing_of_the_rest_of_incidentbot() -> None:
    look = (
        "import sys, incidentbot.sandbox.server; "
        "print([m for m in sys.modules if m.startswith('incidentbot.') and 'sandbox' not in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
