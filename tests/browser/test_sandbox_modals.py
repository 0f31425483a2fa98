"""Block Kit in the sandbox's page, with an app that does nothing but open one form."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.browser.sandbox_page import assert_accessible, person
from tests.scenarios.world import ADA, GRACE, KEN, SANDBOX
from tests.servers.ports import free_port
from tests.servers.processes import start

Json = dict[str, Any]
TOKEN = {"Authorization": "Bearer xoxb-sandbox"}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def options(*names: str) -> list[Json]:
    return [{"text": plain(name.title()), "value": name} for name in names]


def field(name: str, kind: str, *, dispatch: bool = False, **element: Any) -> Json:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(name.title()),
        "optional": True,
        "dispatch_action": dispatch,
        "element": {"type": kind, "action_id": "value", **element},
    }


FORM: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("A form"),
    "submit": plain("Send it"),
    "notify_on_close": True,
    "blocks": [
        field("kind", "static_select", dispatch=True, options=options("small", "large")),
        field("line", "plain_text_input", max_length=20),
        field("prose", "plain_text_input", multiline=True),
        field(
            "grouped",
            "static_select",
            option_groups=[
                {"label": plain("Fruit"), "options": options("apple", "pear")},
                {"label": plain("Roots"), "options": options("carrot")},
            ],
        ),
        field("owner", "users_select", initial_user=GRACE),
        field("room", "conversations_select"),
        field("place", "channels_select"),
        field("several", "multi_static_select", options=options("red", "green", "blue")),
        field("people", "multi_users_select"),
        field("radio", "radio_buttons", options=options("yes", "no")),
        field("boxes", "checkboxes", options=options("one", "two"), initial_options=options("two")),
        field("date", "datepicker"),
        field("time", "timepicker"),
        field("moment", "datetimepicker"),
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "Beside it"},
            "accessory": {"type": "overflow", "action_id": "more", "options": options("first")},
        },
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "risky",
                    "text": plain("Risky"),
                    "confirm": {
                        "title": plain("Sure?"),
                        "text": plain("It cannot be undone."),
                        "confirm": plain("Do it"),
                        "deny": plain("No"),
                    },
                }
            ],
        },
    ],
}


class App:
    """Opens FORM at a command, changes it at an action, and remembers all it was sent."""

    def __init__(self) -> None:
        self.slack_url = ""
        self.heard: list[Json] = []

    def answer(self, sent: Json) -> Json:
        self.heard.append(sent)
        if "trigger_id" in sent and sent.get("command"):
            self.call("views.open", trigger_id=sent["trigger_id"], view=FORM)
        if sent.get("type") == "block_actions":
            note = {"type": "section", "block_id": "note", "text": plain("Changed by the app")}
            changed = {**FORM, "blocks": [note, *FORM["blocks"]]}
            self.call("views.update", view_id=sent["view"]["id"], view=changed)
        return {}

    def call(self, method: str, **arguments: Any) -> None:
        url = f"{self.slack_url}/api/{method}"
        answer = requests.post(url, json=arguments, headers=TOKEN, timeout=5).json()
        assert answer["ok"], answer

    def last(self, kind: str) -> Json:
        return next(sent for sent in reversed(self.heard) if sent.get("type") == kind)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = {key: values[0] for key, values in parse_qs(body).items()}
            answer = app.answer(json.loads(fields["payload"]) if "payload" in fields else fields)
            text = json.dumps(answer).encode() if answer else b""
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    app.slack_url = f"http://127.0.0.1:{port}"
    env = {
        "SANDBOX_PORT": str(port),
        "SANDBOX_APP_URL": f"http://127.0.0.1:{server.server_port}/slack/events",
    }
    with start(SANDBOX, env, app.slack_url, tmp_path / "sandbox.log"):
        yield app
    server.shutdown()
    server.server_close()


def test_every_input_arrives_as_it_was_chosen(chromium: Browser, app: App) -> None:
    with person(chromium, app.slack_url, ADA, bypass_csp=True) as ada:
        ada.write("/incident")
        form = ada.modal
        form.get_by_label("Line").fill("typed before")
        form.get_by_label("Prose").fill("two\nlines")
        # The app changes the form meanwhile: what is typed stays, and so does the place in it.
        form.get_by_label("Kind").select_option("large")
        expect(form.get_by_text("Changed by the app")).to_be_visible()
        typed = app.last("block_actions")["view"]["state"]["values"]
        assert typed["line"]["value"]["value"] == "typed before"
        expect(form.get_by_label("Prose")).to_have_value("two\nlines")
        form.get_by_label("Grouped").select_option("carrot")
        form.get_by_label("Room").select_option(label="Ken Alvarez")
        form.get_by_label("Place").select_option(label="#support")
        several = form.get_by_role("group", name="Several")
        several.get_by_label("Red").check()
        several.get_by_label("Blue").check()
        form.get_by_role("group", name="People").get_by_label("Ken Alvarez").check()
        form.get_by_role("radiogroup", name="Radio").get_by_label("No").check()
        form.get_by_role("group", name="Boxes").get_by_label("One").check()
        form.get_by_label("Date", exact=False).first.fill("2026-12-24")
        form.get_by_label("Time", exact=False).first.fill("17:30")
        form.get_by_label("Moment").fill("2026-12-24T17:30")
        assert_accessible(ada.page)
        ada.submit("Send it")
        expect(form).to_have_count(0)
        sent = app.last("view_submission")["view"]["state"]["values"]
        values = {name: next(iter(actions.values())) for name, actions in sent.items()}

        def chosen(name: str) -> Any:
            found = next(value for key, value in values[name].items() if key != "type")
            if isinstance(found, list):
                return [one["value"] if isinstance(one, dict) else one for one in found]
            return found["value"] if isinstance(found, dict) else found

        assert {name: chosen(name) for name in values} == {
            "kind": "large",
            "line": "typed before",
            "prose": "two\nlines",
            "grouped": "carrot",
            "owner": GRACE,
            "room": KEN,
            "place": "C0SUPPORT0",
            "several": ["red", "blue"],
            "people": [KEN],
            "radio": "no",
            "boxes": ["one", "two"],
            "date": "2026-12-24",
            "time": "17:30",
            "moment": 1798133400,  # 17:30 in London
        }


def test_menus_questions_limits_and_closing(chromium: Browser, app: App) -> None:
    with person(chromium, app.slack_url, ADA) as ada:
        ada.write("/incident")
        form = ada.modal
        form.get_by_label("Line").fill("x" * 23)
        expect(form.get_by_text("3 characters too many")).to_be_visible()
        ada.submit("Send it")
        expect(form.get_by_text("Please enter a value of at most 20 characters.")).to_be_visible()
        expect(form.get_by_label("Line")).to_have_value("x" * 23)
        form.get_by_role("button", name="More actions").click()
        ada.page.get_by_role("menuitem", name="First").click()
        expect(form.get_by_text("Changed by the app")).to_be_visible()
        assert app.last("block_actions")["actions"][0]["selected_option"]["value"] == "first"
        form.get_by_role("button", name="Risky").click()
        question = ada.page.get_by_role("dialog", name="Sure?")
        question.get_by_role("button", name="No").click()
        assert app.last("block_actions")["actions"][0]["action_id"] == "more"
        form.get_by_role("button", name="Risky").click()
        with ada.page.expect_response("**/sandbox/act/action"):
            question.get_by_role("button", name="Do it").click()
        assert app.last("block_actions")["actions"][0]["action_id"] == "risky"
        ada.page.keyboard.press("Escape")
        expect(form).to_have_count(0)
        assert app.last("view_closed")["view"]["callback_id"] == "form"
