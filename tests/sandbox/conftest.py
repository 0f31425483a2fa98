"""A sandbox in a process of its own, and in this process a small app for it to talk to."""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from tests.servers.ports import free_port
from tests.servers.processes import Process, start

SANDBOX = [sys.executable, "-m", "incidentbot.sandbox"]
TOKEN, SECRET = "xoxb-the-app", "the-apps-secret"

# Who and what a new workspace holds: incidentbot/sandbox/slack/seed.py.
ADA, GRACE, LINUS = "U0ADA0000A", "U0GRACE00A", "U0LINUS00A"
BOT = "U0INCBOT00"
GENERAL, RANDOM = "C0GENERAL0", "C0RANDOM00"

Json = dict[str, Any]


@dataclass
class Knock:
    """One request of Slack's to the app, as it came."""

    headers: dict[str, str]
    body: str
    at: float = field(default_factory=time.time)

    @property
    def signed(self) -> bool:
        """Whether the signature is right, by Slack's own verifier."""
        return SignatureVerifier(SECRET).is_valid_request(self.body, self.headers)

    @property
    def payload(self) -> Json:
        """A command's fields, an interaction's payload or an event's envelope."""
        if self.headers["content-type"].startswith("application/json"):
            found: Json = json.loads(self.body)
            return found
        fields = {name: values[0] for name, values in parse_qs(self.body).items()}
        return json.loads(fields["payload"]) if "payload" in fields else fields


@dataclass
class Answer:
    """What the app answers, and how long it takes. An object is sent as JSON."""

    body: Any = ""
    status: int = 200
    after: float = 0
    headers: dict[str, str] = field(default_factory=dict)


class App:
    """The app: keeps what it is sent, answers as `answer` says."""

    def __init__(self) -> None:
        self.knocks: list[Knock] = []
        self.answer: Callable[[Knock], Answer] = lambda _knock: Answer()

    def reset(self) -> None:
        """Forget everything."""
        self.knocks = []
        self.always()

    def __call__(self, knock: Knock) -> Answer:
        self.knocks.append(knock)
        return self.answer(knock)

    def always(self, body: Any = "", **more: Any) -> None:
        """Give everybody the same answer from now on."""
        self.answer = lambda _knock: Answer(body, **more)

    @property
    def last(self) -> Knock:
        """The newest request."""
        return self.knocks[-1]


@dataclass
class Slack:
    """The workspace: by its Web API, and by what people do and see in it."""

    url: str
    app: App

    @property
    def client(self) -> WebClient:
        """Slack's own client with the app's token."""
        return WebClient(TOKEN, base_url=f"{self.url}/api/", retry_handlers=[])

    def act(self, what: str, **arguments: Any) -> Json:
        """Have a person do something."""
        response = requests.post(f"{self.url}/sandbox/act/{what}", json=arguments, timeout=30)
        assert response.ok, response.text
        found: Json = response.json()
        return found

    def command(self, text: str = "", channel: str = "general", **more: Any) -> Json:
        """Have Ada type a slash command."""
        arguments = {"user": ADA, "channel": channel, "command": "/incident", "text": text}
        return self.act("command", **(arguments | more))

    def trigger(self, user: str = ADA) -> str:
        """A fresh trigger id of that person."""
        return str(self.command(user=user)["trigger_id"])

    def open(self, view: Json, user: str = ADA) -> Json:
        """Open a modal for that person."""
        found: Json = self.client.views_open(trigger_id=self.trigger(user), view=view)["view"]
        return found

    def post(self, channel: str = GENERAL, text: str = "hello", **more: Any) -> str:
        """Post as the app; returns the timestamp."""
        return str(self.client.chat_postMessage(channel=channel, text=text, **more)["ts"])

    def get(self, path: str) -> Any:
        """Read from the control API."""
        response = requests.get(f"{self.url}/sandbox/{path}", timeout=10)
        assert response.ok, response.text
        return response.json()

    def messages(self, channel: str = GENERAL, user: str = ADA) -> list[Json]:
        """What a person sees in a channel, oldest first."""
        found: list[Json] = self.get(f"channels/{channel}/messages?as={user}")["messages"]
        return found

    def texts(self, channel: str = GENERAL, user: str = ADA) -> list[str]:
        """The texts a person sees in a channel."""
        return [message["text"] for message in self.messages(channel, user)]

    def settings(self, **changes: Any) -> None:
        """Change settings of the running sandbox."""
        response = requests.put(f"{self.url}/sandbox/settings", json=changes, timeout=10)
        assert response.ok, response.text

    def fault(self, kind: str, **more: Any) -> None:
        """Have calls go wrong."""
        wish = {"kind": kind, **more}
        response = requests.post(f"{self.url}/sandbox/faults", json=wish, timeout=10)
        assert response.ok, response.text

    def heal(self) -> None:
        """Have all calls go right again."""
        assert requests.delete(f"{self.url}/sandbox/faults", timeout=10).ok

    def reset(self) -> None:
        """Begin anew."""
        assert requests.post(f"{self.url}/sandbox/reset", timeout=10).ok
        self.app.reset()


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def complaints(call: Callable[..., Any], **arguments: Any) -> str:
    """What Slack says is wrong with the arguments of a call."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return "\n".join(caught.value.response["response_metadata"]["messages"])


def eventually(check: Callable[[], bool], seconds: float = 10) -> None:
    """Return once `check` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def section(text: str = "hello", **more: Any) -> Json:
    """A section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str, text: str = "Go", **more: Any) -> Json:
    """A button."""
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "action_id": action_id, "text": label, **more}


def field_of(name: str, **more: Any) -> Json:
    """An input block with a text field; block and action have the same id."""
    element = {"type": "plain_text_input", "action_id": name, **more}
    label = {"type": "plain_text", "text": name.capitalize()}
    return {"type": "input", "block_id": name, "label": label, "element": element}


def modal(*blocks: Json, title: str = "Declare", **more: Any) -> Json:
    """A modal that can be submitted."""
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": list(blocks) or [field_of("name")],
        **more,
    }


def sandbox_process(folder: Path, port: int, app_url: str, **env: str) -> Process:
    """Start a sandbox."""
    settings = {
        "SANDBOX_PORT": str(port),
        "SANDBOX_APP_URL": app_url,
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
        **env,
    }
    ready = f"http://127.0.0.1:{port}/sandbox/faults"
    return start(SANDBOX, settings, ready, folder / "sandbox.log")


@pytest.fixture(scope="session")
def served_app() -> Iterator[tuple[App, str]]:
    """The app and its address."""
    app = App()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            answer = app(Knock({k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(answer.after)
            plain = isinstance(answer.body, str)
            text = answer.body if plain else json.dumps(answer.body)
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # Slack does not wait for those who are slow
                super().handle()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # many may knock at once

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield app, f"http://127.0.0.1:{server.server_port}/slack/events"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def running_slack(
    served_app: tuple[App, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slack]:
    """One sandbox for all tests."""
    app, app_url = served_app
    port = free_port()
    with sandbox_process(tmp_path_factory.mktemp("sandbox"), port, app_url) as process:
        yield Slack(f"http://127.0.0.1:{port}", app)
        assert "Traceback" not in process.log.read_text()


@pytest.fixture
def slack(running_slack: Slack) -> Slack:
    """The workspace as it is in the beginning."""
    running_slack.reset()
    return running_slack
