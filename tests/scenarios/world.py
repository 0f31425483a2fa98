"""A live app and a live Slack sandbox, and people who act in them over HTTP."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.servers.ports import free_port
from tests.servers.processes import ROOT, Process, start

APP = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "app:app"]
SANDBOX = [sys.executable, "-m", "incidentbot.sandbox"]

# docs/sandbox.md lists who lives there.
ADA, GRACE, LINUS = "U0ADA0000A", "U0GRACE00A", "U0LINUS00A"
MARGARET, KEN = "U0MARGARET", "U0KEN0000A"
BOT = "U0INCBOT00"

Json = dict[str, Any]


@dataclass
class World:
    """One company: its app, its Slack, its database."""

    app_url: str
    slack_url: str
    env: dict[str, str]
    folder: Path
    app: Process
    sandbox: Process

    def restart_app(self) -> None:
        """Start the app anew, on the same database."""
        self.app.kill()
        self.app = _start_app(self.env, self.app_url, self.folder)

    # ---- what people do in Slack ------------------------------------------------------------

    def type(self, user: str, text: str, channel: str = "general", **more: Any) -> Json:
        """Have a person type `/incident {text}`; return Slack's view of the answer."""
        return self.act(
            "command", user=user, channel=channel, command="/incident", text=text, **more
        )

    def told(self, user: str, text: str, channel: str = "general") -> str:
        """Have a person type `/incident {text}`; return the text they alone read."""
        answer = self.type(user, text, channel)
        assert answer["status"] == 200, answer
        assert isinstance(answer["body"], dict), answer
        assert answer["body"].get("response_type", "ephemeral") == "ephemeral"
        return str(answer["body"]["text"])

    def act(self, what: str, **arguments: Any) -> Json:
        """Have a person do something: command, action, submit, message, …"""
        response = requests.post(f"{self.slack_url}/sandbox/act/{what}", json=arguments, timeout=30)
        assert response.ok, response.text
        answer: Json = response.json()
        return answer

    def declare(self, user: str, **fields: Any) -> str:
        """Declare by the modal, from opening it to submitting it; return the reference."""
        opened = self.type(user, "declare")
        assert opened["view"] is not None, opened
        values = {
            "title": "Checkout is down",
            "severity": "P3",
            "service": "payments",
            **fields,
        }
        submitted = self.submit(user, opened["view"]["id"], values)
        assert submitted.get("view"), submitted
        return str(submitted["view"]["title"]["text"]).split()[0]

    def submit(self, user: str, view_id: str, values: Json, **more: Any) -> Json:
        """Fill in a modal by field name and submit it."""
        view = self.get(f"/sandbox/views?user={user}")["view"]
        ids = {
            block["block_id"].split("@")[0]: block["block_id"]
            for block in view["blocks"]
            if block["type"] == "input"
        }
        typed = {ids[field]: {"value": value} for field, value in values.items()}
        return self.act("submit", user=user, view_id=view_id, values=typed, **more)

    # ---- what people see in Slack ------------------------------------------------------------

    def get(self, path: str) -> Any:
        """Read from the sandbox."""
        response = requests.get(self.slack_url + path, timeout=10)
        assert response.ok, response.text
        return response.json()

    def messages(self, channel: str, user: str) -> list[Json]:
        """Return what a person sees in a channel, oldest first."""
        found: list[Json] = self.get(f"/sandbox/channels/{channel}/messages?as={user}")["messages"]
        return found

    def texts(self, channel: str, user: str) -> list[str]:
        """Return the top-level texts a person sees in a channel."""
        return [message["text"] for message in self.messages(channel, user)]

    def channels(self) -> list[Json]:
        """Return every channel as the workspace has it; direct messages too."""
        found: list[Json] = self.get("/sandbox/state")["channels"]
        return found

    def channel(self, name: str) -> Json:
        """Return one channel as the workspace has it."""
        return next(channel for channel in self.channels() if channel["name"] == name)

    def posts(self) -> dict[str, list[Json]]:
        """Return what incidentbot has posted for all to see, by channel name or by person."""
        posted: dict[str, list[Json]] = {}
        for channel in self.channels():
            place = channel["name"]
            if channel.get("is_im"):
                place = next(iter(set(channel["members"]) - {BOT}), BOT)
            everything = self.get(f"/sandbox/channels/{channel['id']}/messages")["messages"]
            posted[place] = [m for m in everything if m.get("bot_id") and not m.get("is_ephemeral")]
        return posted

    def calls(self, method: str = "") -> list[Json]:
        """Return the Web API calls made so far, of one method or all."""
        found = self.get("/sandbox/calls")["calls"]
        return [call for call in found if not method or call["method"] == method]

    def clear_calls(self) -> bool:
        """Forget the calls made so far."""
        return requests.delete(f"{self.slack_url}/sandbox/calls", timeout=10).ok

    def fault(self, **fault: Any) -> None:
        """Have Slack misbehave."""
        response = requests.post(f"{self.slack_url}/sandbox/faults", json=fault, timeout=10)
        assert response.ok, response.text

    def heal(self) -> None:
        """Have Slack behave again."""
        assert requests.delete(f"{self.slack_url}/sandbox/faults", timeout=10).ok

    # ---- the web -------------------------------------------------------------------------------

    def sign_in(self, role: str = "admin", email: str = "root@example.com") -> "Browser":
        """Invite a person at the command line and sign them in by the link printed."""
        printed = self.flask("users", "invite", email, "--role", role)
        path = printed.strip().splitlines()[-1].removeprefix(self.env["BASE_URL"])
        browser = Browser(self.app_url)
        page = browser.get(path)
        browser.post(path, page)
        return browser

    def flask(self, *arguments: str) -> str:
        """Run an operator's command and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *arguments],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **self.env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Browser:
    """A person without Slack and without JavaScript: follows links, sends forms with their tokens."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def get(self, path: str) -> str:
        """Open a page that must be there."""
        response = self._session.get(self._url + path, timeout=10)
        assert response.status_code == 200, (response.status_code, response.text)
        return response.text

    def post(self, path: str, page: str, *, expect: int = 200, **fields: str) -> str:
        """Send a form of `page`, with its CSRF token."""
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None, page
        response = self._session.post(
            self._url + path, data={"csrf_token": token[1], **fields}, timeout=10
        )
        assert response.status_code == expect, (response.status_code, response.text)
        return response.text


@contextmanager
def world(
    database_url: str, folder: Path, *, statuspage: bool = False, **settings: str
) -> Iterator[World]:
    """Start a company on a fresh database; everything is stopped at the end.

    With `statuspage` its page on the sandbox's Statuspage is connected by the environment.
    """
    app_port, slack_port = free_port(), free_port()
    app_url, slack_url = f"http://127.0.0.1:{app_port}", f"http://127.0.0.1:{slack_port}"
    env = {
        "DATABASE_URL": database_url,
        "BASE_URL": app_url,
        "PORT": str(app_port),
        "LOG_FORMAT": "text",
        "SECRET_KEY": "scenario",
        "SERVICES": "payments,search",
        "SERVICE_OWNERS": f'{{"payments": ["{LINUS}"]}}',
        "P1_USERS": f"{KEN},{MARGARET}",
        "SLACK_BOT_TOKEN": "xoxb-scenario",
        "SLACK_SIGNING_SECRET": "scenario-secret",
        "SLACK_API_URL": f"{slack_url}/api/",
        **(_statuspage(slack_url) if statuspage else {}),
        **settings,
    }
    sandbox_env = {
        "SANDBOX_PORT": str(slack_port),
        "SANDBOX_APP_URL": f"{app_url}/slack/events",
        "SANDBOX_DATA": "",
        "SLACK_BOT_TOKEN": env["SLACK_BOT_TOKEN"],
        "SLACK_SIGNING_SECRET": env["SLACK_SIGNING_SECRET"],
    }
    with start(SANDBOX, sandbox_env, slack_url, folder / "sandbox.log") as sandbox:
        migrate(env)
        app = _start_app(env, app_url, folder)
        company = World(app_url, slack_url, env, folder, app, sandbox)
        try:
            yield company
        finally:
            company.app.stop()


def _statuspage(sandbox_url: str) -> dict[str, str]:
    """Return the settings that connect the sandbox's page, without waiting for its rate limit."""
    return {
        "STATUSPAGE_API_KEY": "sandbox-statuspage-key",
        "STATUSPAGE_PAGE_ID": "acme00status",
        "STATUSPAGE_API_URL": f"{sandbox_url}/statuspage/v1",
        "STATUSPAGE_RATE_FACTOR": "0",
    }


def migrate(env: dict[str, str]) -> None:
    """Migrate the database as an operator does."""
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **env},
        cwd=ROOT,
        check=True,
    )


def eventually(check: Callable[[], Any], seconds: float = 15) -> Any:
    """Return what `check` returns once it is true; its last failure is raised when time runs out."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = check()
        except (AssertionError, StopIteration, KeyError, IndexError):
            if time.monotonic() > deadline:
                raise
        else:
            if found:
                return found
            assert time.monotonic() < deadline, f"still {found!r}: {check}"
        time.sleep(0.05)


def _start_app(env: dict[str, str], url: str, folder: Path) -> Process:
    return start(APP, env, f"{url}/health", folder / "app.log")
