"""The sandbox's status page in a real browser: what customers see, what its operator does."""

import sys
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browser.conftest import AXE
from tests.servers.ports import free_port
from tests.servers.processes import start

PAGE, API = "acme00status", "cmp000000api"
HEADERS = {"Authorization": "OAuth sandbox-statuspage-key"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sandbox with no app."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    command = [sys.executable, "-m", "incidentbot.sandbox"]
    with start(command, {"SANDBOX_PORT": str(port)}, f"{url}/sandbox/faults", log):
        yield url


@pytest.fixture(params=["light", "dark"])
def page(chromium: Browser, sandbox: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser's page, on a sandbox at its beginning; nothing may go wrong in its console."""
    requests.post(f"{sandbox}/sandbox/reset", timeout=10)
    context = chromium.new_context(color_scheme=request.param, base_url=sandbox)
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "422" not in message.text:  # a form that is refused
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def fits(page: Page) -> None:
    """The page is no wider than a phone."""
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 800})


def look_over(page: Page) -> None:
    """The page fits, and axe, which the policy would not let in as a script, finds nothing."""
    fits(page)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == []


def test_customers_see_at_once_what_the_api_is_told(page: Page, sandbox: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Status page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All Systems Operational")
    body = {
        "name": "API <b>down</b>",
        "body": "We are looking into it.",
        "components": {API: "major_outage"},
    }
    address = f"{sandbox}/statuspage/v1/pages/{PAGE}/incidents"
    made = requests.post(address, json={"incident": body}, headers=HEADERS, timeout=10).json()
    expect(page.get_by_role("heading", level=1)).to_have_text("Major Service Outage")
    card = page.get_by_role("article")
    expect(card.get_by_role("heading")).to_have_text("API <b>down</b>")
    expect(card).to_contain_text("We are looking into it.")
    expect(page.get_by_role("listitem").filter(has_text="API").first).to_contain_text("outage")
    look_over(page)
    change = {"incident": {"status": "resolved", "components": {API: "operational"}}}
    requests.patch(f"{address}/{made['id']}", json=change, headers=HEADERS, timeout=10)
    expect(page.get_by_role("heading", level=1)).to_have_text("All Systems Operational")
    expect(page.get_by_role("article")).to_have_count(0)
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("link", name="API <b>down</b>")).to_be_visible()
    look_over(page)


def test_the_operator_does_it_all_by_hand(page: Page, sandbox: str) -> None:
    page.goto(f"/statuspage/pages/{PAGE}/operate")
    states = page.get_by_role("region", name="Components", exact=True)
    states.get_by_label("API").select_option("Partial outage")
    states.get_by_role("button", name="Save components").click()
    expect(page.get_by_role("status")).to_have_text("The components are changed.")
    opening = page.get_by_role("region", name="Open an incident")
    opening.get_by_label("What customers read").fill("Kept when it is refused")
    opening.get_by_role("button", name="Open incident").click()
    expect(page.get_by_role("alert")).to_have_text("Name can't be blank")
    expect(opening.get_by_label("What customers read")).to_have_value("Kept when it is refused")
    opening.get_by_label("Name").fill("Slow answers")
    opening.get_by_role("button", name="Open incident").click()
    now = page.get_by_role("region", name="Open incidents and maintenance")
    now.get_by_label("Status").select_option("Identified")
    now.get_by_label("What customers read").fill("A cable was loose.")
    now.get_by_role("button", name="Post update").click()
    expect(page.get_by_role("status")).to_have_text("The update is on the page.")
    look_over(page)
    page.get_by_role("link", name="Acme status").click()
    expect(page.get_by_role("article")).to_contain_text("Identified – A cable was loose.")
    page.get_by_role("link", name="Operate").click()
    page.get_by_role("button", name="Delete the page").click()
    expect(page.get_by_role("heading", name="This page is deleted")).to_be_visible()
    address = f"{sandbox}/statuspage/v1/pages/{PAGE}"
    assert requests.get(address, headers=HEADERS, timeout=10).status_code == 404
    page.get_by_role("button", name="Bring it back").click()
    page.get_by_role("button", name="Make a new key").click()
    expect(page.get_by_role("status")).to_contain_text("There is a new key.")
    assert requests.get(address, headers=HEADERS, timeout=10).status_code == 401


def test_without_scripts_it_is_all_there(chromium: Browser, sandbox: str) -> None:
    requests.post(f"{sandbox}/sandbox/reset", timeout=10)
    context = chromium.new_context(java_script_enabled=False, base_url=sandbox)
    page = context.new_page()
    page.goto(f"/statuspage/pages/{PAGE}")
    expect(page.get_by_role("heading", level=1)).to_have_text("All Systems Operational")
    expect(page.get_by_text("Baskets, orders and receipts")).to_be_visible()
    context.close()
