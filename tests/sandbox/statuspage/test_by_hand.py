"""What a person does on Statuspage itself: by the control API, and by the panel's forms."""

import json
import re
from pathlib import Path

import pytest
import requests

from incidentbot.sandbox.slack.seed import default_workspace
from tests.sandbox.conftest import App, Json, Slack, sandbox_process
from tests.sandbox.statuspage.conftest import API, CHECKOUT, KEY, PAGE, Statuspage
from tests.servers.ports import free_port

pytestmark = pytest.mark.server

HERE = f"/pages/{PAGE}"


def state(page: Statuspage) -> Json:
    """The page with all that is on it, as the control API shows it."""
    found: Json = page.by_hand("GET", "").json()["pages"][0]
    return found


def send(page: Statuspage, deed: str, **form: str) -> requests.Response:
    """Send one of the panel's forms."""
    address = f"{page.url}/statuspage/pages/{PAGE}/operate/{deed}"
    return requests.post(address, data=form, timeout=10)


def test_a_component_changed_by_hand_is_so_in_the_api(page: Statuspage) -> None:
    body = {"component": {"status": "major_outage"}}
    assert page.by_hand("PATCH", f"{HERE}/components/{API}", body).ok
    assert page.status(API) == "major_outage"
    assert [c["method"].split(" ")[0] for c in page.calls()] == ["GET"]


def test_an_incident_handled_by_hand_is_marked_so_for_those_who_test(page: Statuspage) -> None:
    opened = page.by_hand("POST", f"{HERE}/incidents", {"incident": {"name": "By hand"}}).json()
    page.change(opened, body="By the API.")
    address = f"{HERE}/incidents/{opened['id']}"
    assert page.by_hand("PATCH", address, {"incident": {"status": "resolved"}}).ok
    updates = state(page)["incidents"][0]["incident_updates"]
    assert [update["by_hand"] for update in updates] == [True, False, True]
    assert "by_hand" not in page.get("incidents")[0]["incident_updates"][0]
    assert page.by_hand("DELETE", address).ok
    assert page.get("incidents") == []


def test_what_the_api_would_refuse_is_refused_here_too(page: Statuspage) -> None:
    answer = page.by_hand("POST", f"{HERE}/incidents", {"incident": {"name": ""}})
    assert (answer.status_code, answer.json()["error"]) == (422, "Name can't be blank")
    assert page.by_hand("PATCH", f"{HERE}/components/none", {"component": {}}).status_code == 404
    assert page.by_hand("DELETE", "/pages/none").status_code == 404
    assert page.by_hand("POST", "/key", {"key": 5}).status_code == 422


def test_faults_do_not_hinder_a_person(page: Statuspage) -> None:
    page.fault("refuse")
    body = {"component": {"status": "major_outage"}}
    assert page.by_hand("PATCH", f"{HERE}/components/{API}", body).ok


def test_a_reset_of_the_page_leaves_slack_alone(slack: Slack, page: Statuspage) -> None:
    slack.post(text="still here")
    page.open()
    page.by_hand("POST", "/key")
    assert page.by_hand("POST", "/reset").ok
    assert page.get("incidents") == []
    assert "still here" in slack.texts()


def test_a_reset_of_all_resets_the_page(slack: Slack, page: Statuspage) -> None:
    page.set(API, "major_outage")
    page.open()
    slack.reset()
    assert (page.get("incidents"), page.status(API)) == ([], "operational")


def test_the_panel_changes_components_and_opens_incidents(page: Statuspage) -> None:
    assert send(page, "components", **{f"status {API}": "partial_outage"}).ok
    assert page.status(API) == "partial_outage"
    fields = {"name": "Cards fail", "body": "Sorry.", "status": "identified"}
    assert send(page, "open", planned="no", **fields, **{f"becomes {CHECKOUT}": "major_outage"}).ok
    (incident,) = page.get("incidents/unresolved")
    assert (incident["name"], incident["status"]) == ("Cards fail", "identified")
    assert page.status(CHECKOUT) == "major_outage"
    over = {"incident": incident["id"], "status": "resolved", "body": "Mended.", "well": "yes"}
    assert send(page, "update", **over).ok
    assert page.get("incidents/unresolved") == []
    assert page.status(CHECKOUT) == "operational"


def test_the_panel_plans_maintenance_in_utc(page: Statuspage) -> None:
    times = {"scheduled_for": "2040-01-01T10:00", "scheduled_until": "2040-01-01T11:00"}
    assert send(page, "open", planned="yes", name="Upgrade", **times, **{f"about {API}": "yes"}).ok
    (planned,) = page.get("incidents/upcoming")
    assert planned["scheduled_for"] == "2040-01-01T10:00:00.000Z"
    assert [c["id"] for c in planned["components"]] == [API]


def test_the_panel_says_what_is_wrong_and_keeps_what_was_typed(page: Statuspage) -> None:
    answer = send(page, "open", planned="no", name="", body="A <b>word</b> to customers")
    assert answer.status_code == 422
    assert "Name can&#39;t be blank" in answer.text
    assert "A &lt;b&gt;word&lt;/b&gt; to customers</textarea>" in answer.text
    incident = page.open()
    nothing = send(page, "update", incident=incident["id"], status="investigating", body="")
    assert nothing.status_code == 422
    assert send(page, "dance").status_code == 404


def test_the_panel_makes_calls_go_wrong_and_right_again(page: Statuspage) -> None:
    assert send(page, "fault", fault="503 to every call").ok
    assert page.call("GET", "/pages").status_code == 503
    assert send(page, "heal").ok
    assert page.get("/pages")


def test_the_pages_allow_no_foreign_scripts_and_no_foreign_senders(page: Statuspage) -> None:
    for path in ("", "/operate", "/history"):
        answer = requests.get(f"{page.url}/statuspage/pages/{PAGE}{path}", timeout=10)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script>", answer.text)
    address = f"{page.url}/statuspage/pages/{PAGE}/operate/delete"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert requests.post(address, headers=headers, timeout=10).status_code == 403
    assert page.get("/pages")


def test_the_page_outlives_the_process(tmp_path: Path, served_app: tuple[App, str]) -> None:
    port = free_port()
    env = {"SANDBOX_DATA": str(tmp_path / "sandbox.json"), "SANDBOX_STATUSPAGE_KEY": "mine"}
    page = Statuspage(f"http://127.0.0.1:{port}", "mine")
    with sandbox_process(tmp_path, port, served_app[1], **env):
        incident = page.open(components={API: "major_outage"}, metadata={"a": {"b": 1}})
        page.by_hand("DELETE", HERE)
    with sandbox_process(tmp_path, port, served_app[1], **env):
        assert page.call("GET", "incidents").status_code == 404
        page.by_hand("POST", f"{HERE}/restore")
        assert page.get("incidents") == [incident]
        assert page.status(API) == "major_outage"
        page.by_hand("POST", "/key", {"key": KEY})
    with sandbox_process(tmp_path, port, served_app[1], **env):
        assert page.call("GET", "/pages").status_code == 401
        assert Statuspage(page.url, KEY).get("/pages")


def test_a_file_from_before_there_were_status_pages_is_read(
    tmp_path: Path, served_app: tuple[App, str]
) -> None:
    data = tmp_path / "sandbox.json"
    data.write_text(json.dumps(default_workspace(), default=vars))
    port = free_port()
    with sandbox_process(tmp_path, port, served_app[1], SANDBOX_DATA=str(data)):
        assert Statuspage(f"http://127.0.0.1:{port}").get("/pages")
