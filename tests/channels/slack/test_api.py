"""What an answer in Slack's place is taken for."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from incidentbot.channels.pacing import FAILURES_TO_OPEN, Pacer
from incidentbot.channels.slack.api import SlackApi, SlackRefusal, make_client
from incidentbot.outbox.dispatch import Retry, Wait

Answering = Callable[[int, str], SlackApi]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Return Slack's API, as whoever answers each call with this status and body has it look."""
    servers: list[HTTPServer] = []

    def start(status: int, body: str) -> SlackApi:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = make_client("xoxb", f"http://127.0.0.1:{server.server_port}/api/")
        return SlackApi(client, Pacer(None))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "status,body",
    [
        (200, "<html>Access to slack.com is blocked by policy.</html>"),
        (403, "<html>Access to slack.com is blocked by policy.</html>"),
        (200, '{"ok": tr'),
        (200, '{"message": "blocked"}'),
        (200, ""),
    ],
)
def test_what_is_not_slacks_is_tried_again_in_doubt_and_soon_left_alone(
    answering: Answering, status: int, body: str
) -> None:
    api = answering(status, body)
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(Retry, match="is not Slack") as failed:
            api.call("conversations_create", name="inc-1")
        assert failed.value.in_doubt
        assert "blocked" not in str(failed.value)
    with pytest.raises(Wait):
        api.call("conversations_create", name="inc-1")


@pytest.mark.parametrize("code", ["channel_not_found", "invalid_name:max_2"])
def test_what_is_slacks_own_no_is_a_refusal(answering: Answering, code: str) -> None:
    api = answering(200, json.dumps({"ok": False, "error": code}))
    with pytest.raises(SlackRefusal, match=code):
        api.call("conversations_create", name="inc-1")
