"""The web pages in a real browser: the main path, live updates, no JavaScript, accessibility."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from incidentbot.extensions import db
from incidentbot.outbox.models import UNFINISHED
from incidentbot.outbox.operate import list_deliveries
from incidentbot.users.models import Role
from tests.browser.conftest import AXE, Site, empty_site
from tests.installation import install
from tests.scenarios.world import ADA, World, eventually, world

VISIBLE_FOCUS = """() => {
  const seen = getComputedStyle(document.activeElement);
  return seen.outlineStyle !== "none" && parseFloat(seen.outlineWidth) >= 2;
}"""
POLL_MS = 3_000
# Headless tabs are never hidden by themselves.
LEAVE = "Object.defineProperty(document, 'hidden', { value: true, configurable: true })"
COME_BACK = """event => {
  delete document.hidden;
  (event === "visibilitychange" ? document : window).dispatchEvent(new Event(event));
}"""
STATIC_FILES = """() => performance.getEntriesByType("resource")
  .filter(file => file.name.includes("/static/"))
  .map(file => [file.name, file.transferSize])"""  # 0 bytes: it came from the browser's cache
FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One live app without Slack for the whole file: every test declares an incident of its own."""
    with empty_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A live app and its Slack, with an incident whose channel is complete."""
    folder = tmp_path_factory.mktemp("company")
    with world(f"sqlite:///{folder}/app.db", folder) as company:
        company.declare(ADA)
        wait_until_idle(install(company.env["DATABASE_URL"]))
        yield company


@contextmanager
def opened(chromium: Browser, **options: Any) -> Iterator[Page]:
    """Open a page whose console must stay free of errors."""
    context = chromium.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    # A refused form answers 4xx, which the console notes; nothing else may go wrong.
    assert [e for e in errors if "the server responded with a status of 4" not in e] == []


def declare(page: Page, site: Site, title: str = "Checkout is down") -> None:
    page.goto(f"{site.url}/incidents/new")
    page.get_by_label("What is wrong?").fill(title)
    page.get_by_label(re.compile("^P2")).check()
    page.get_by_label("Service", exact=True).select_option("payments")
    page.get_by_role("button", name="Declare", exact=True).click()


def test_an_incident_is_declared_updated_resolved_and_reviewed(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        expect(page.get_by_role("heading", level=1)).to_have_text("Checkout is down")
        page.get_by_label("What is new?").fill("A bad deploy")
        page.get_by_label("Status").select_option("identified")
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("is now identified")
        page.get_by_label("How was it solved?").fill("Rolled back")
        page.get_by_role("button", name="Resolve").click()
        page.get_by_role("button", name="Draft it").click()
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        page.get_by_role("link", name="Edit").click()
        body = page.get_by_label("Markdown")
        body.fill(body.input_value().replace("Lessons", "Lessons learned"))
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Lessons learned")).to_be_visible()


def test_a_second_reader_sees_the_update_without_reloading_and_loses_no_typing(
    chromium: Browser, site: Site
) -> None:
    phone = {"width": 390, "height": 500}
    with opened(chromium) as writer, opened(chromium, viewport=phone) as reader:
        site.sign_in(writer)
        declare(writer, site)
        site.sign_in(reader, "Grace Brewster")
        reader.clock.install()
        reader.goto(writer.url)
        reader.get_by_label("What is new?").fill("half a sentence")
        # As in Safari, which does not keep what one reads in place by itself.
        reader.evaluate("document.documentElement.style.overflowAnchor = 'none'")
        first = reader.locator("#event-1")
        first.evaluate("event => event.scrollIntoView()")
        first.evaluate("event => getSelection().selectAllChildren(event)")
        was_at = first.evaluate("event => event.getBoundingClientRect().top")
        writer.get_by_label("What is new?").fill("Seen by all\n" * 8)
        writer.get_by_role("button", name="Post", exact=True).click()
        expect(writer.locator(".timeline")).to_contain_text("Seen by all")
        reader.clock.fast_forward(POLL_MS)
        expect(reader.locator(".timeline")).to_contain_text("Seen by all", timeout=20_000)
        expect(reader.locator(".latest")).to_contain_text("Seen by all")
        expect(reader.locator("#news")).to_contain_text("New: Status update")
        assert reader.get_by_label("What is new?").input_value() == "half a sentence"
        assert "Incident declared" in reader.evaluate("String(getSelection())")
        is_at = first.evaluate("event => event.getBoundingClientRect().top")
        assert abs(is_at - was_at) <= 1, "what one reads stays where it is"


def test_an_update_that_comes_too_late_is_offered_as_a_note(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        quicker = page.context.new_page()
        quicker.goto(page.url)
        quicker.get_by_role("button", name="Resolve").click()
        expect(quicker.get_by_role("button", name="Draft it")).to_be_visible()
        page.get_by_label("What is new?").fill("It was the cache")
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("is resolved")
        expect(page.get_by_label("For the timeline")).to_have_value("It was the cache")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".timeline")).to_contain_text("It was the cache")


def test_an_unchanged_page_costs_a_304(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.clock.install()
        page.goto(page.url)
        polls = f"{page.url}/live"
        unchanged = page.expect_response(
            lambda answer: answer.url.startswith(polls) and answer.status == 304, timeout=30_000
        )
        with unchanged:
            page.clock.fast_forward(POLL_MS)


def test_a_page_opened_again_fetches_no_static_file(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.goto(page.url, wait_until="networkidle")
        fetched = dict(page.evaluate(STATIC_FILES))
        assert len(fetched) > 10
        assert any("/static/js/place.js" in address for address in fetched), "imports too"
        assert {address: size for address, size in fetched.items() if size} == {}


def test_who_comes_back_to_the_page_sees_at_once_what_is_new(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.clock.install()
        page.goto(page.url)
        asked: list[str] = []
        page.on(
            "request", lambda request: asked.append(request.url) if "/live" in request.url else None
        )
        page.evaluate(LEAVE)
        page.clock.fast_forward(4 * POLL_MS)
        assert asked == [], "nobody looks"
        for coming in ("visibilitychange", "focus", "online"):
            with page.expect_response(lambda answer: "/live" in answer.url):
                page.evaluate(COME_BACK, coming)
            page.clock.run_for(POLL_MS - 1_000)  # less than until the next look


def test_the_main_path_works_without_javascript(chromium: Browser, site: Site) -> None:
    with opened(chromium, java_script_enabled=False) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/incidents/new")
        page.get_by_label("Start from a template").select_option(label="Failed deploy")
        page.get_by_label("What is wrong?").fill("Only mine")
        page.get_by_role("button", name="Fill in").click()
        assert page.get_by_label("What is wrong?").input_value() == "Only mine"
        assert "A release broke" in page.get_by_label("What do you know so far?").input_value()
        page.get_by_role("button", name="Declare", exact=True).click()
        expect(page.locator("#service-error")).to_be_visible()
        page.get_by_label("Service", exact=True).select_option("payments")
        page.get_by_role("button", name="Declare", exact=True).click()
        page.get_by_role("button", name="Resolve").click()
        expect(page.locator(".timeline")).to_contain_text("Incident resolved")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(chromium: Browser, site: Site, scheme: str) -> None:
    with opened(chromium, color_scheme=scheme, bypass_csp=True) as page:
        page.goto(f"{site.url}/sign-in")
        assert_accessible(page)
        site.sign_in(page)
        assert_accessible(page)
        declare(page, site)
        expect(page.locator(".timeline")).to_be_visible()
        assert_accessible(page)
        incident = page.url
        for panel in page.locator("main summary").all():
            panel.click()
        assert_accessible(page)
        page.get_by_role("button", name="Resolve").click()
        expect(page.get_by_role("button", name="Draft it")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Draft it").click()
        expect(page.get_by_role("article")).to_be_visible()
        assert_accessible(page)
        missing = f"{site.url}/incidents/INC-999"
        for url in (site.url, f"{site.url}/incidents/new", f"{incident}/postmortem/edit", missing):
            page.goto(url)
            assert_accessible(page)
        page.goto(f"{site.url}/incidents/new")
        page.get_by_role("button", name="Declare", exact=True).click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert_accessible(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen(chromium: Browser, site: Site, width: int) -> None:
    with opened(chromium, viewport={"width": width, "height": 800}) as page:
        site.sign_in(page)
        declare(page, site, "W" * 100)
        page.get_by_label("What is new?").fill("x" * 2_000 + " <b>not bold</b>")
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("posted")
        incident = page.url
        for url in (site.url, f"{site.url}/incidents/new", incident):
            page.goto(url)
            assert_fits(page, width)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_keyboard_comes_to_what_to_do_before_the_timeline_and_shows_where_it_is(
    chromium: Browser, site: Site, width: int
) -> None:
    with opened(chromium, viewport={"width": width, "height": 800}) as page:
        site.sign_in(page)
        declare(page, site)
        page.goto(page.url)
        order = []
        while "Post" not in order:
            page.keyboard.press("Tab")
            assert page.evaluate(VISIBLE_FOCUS), page.evaluate(FOCUSED)
            order.append(page.evaluate(FOCUSED))
            assert len(order) < 30, order
        assert order[0] == "Skip to the content"
        assert order[-3:] == ["update-message", "update-status", "Post"]
        above = page.get_by_role("button", name="Post", exact=True).bounding_box()
        below = page.locator("#event-1").bounding_box()
        assert above
        assert below
        assert width > 390 or above["y"] < below["y"], "seen in the order of the keyboard"


def test_an_admin_retries_and_skips_what_was_not_delivered(
    chromium: Browser, company: World
) -> None:
    installed = install(company.env["DATABASE_URL"])
    with opened(chromium) as page:
        Site(company.app_url, company.env["DATABASE_URL"]).sign_in(page)
        refuse(company, installed, "The first")
        refuse(company, installed, "The second")
        open_deliveries(page)
        rows = page.get_by_role("listitem").filter(has_text="· delivery")
        given_up = rows.count()
        assert given_up >= 2
        expect(page.get_by_role("heading", name="Slack refused: token_revoked")).to_have_count(1)
        expect(page.get_by_role("heading", name=f"Given up {given_up}")).to_be_visible()

        rows.filter(has_text="A message").first.get_by_role("button", name="Skip").click()
        expect(page.get_by_role("status")).to_contain_text("is left out")
        expect(rows).to_have_count(given_up - 1)

        rows.first.get_by_role("button", name="Retry").click()
        expect(page.get_by_role("status")).to_contain_text("is tried again")
        wait_until_idle(installed)
        open_deliveries(page)
        expect(rows).to_have_count(given_up - 1)

        token(company, "active")
        page.get_by_role("button", name="Retry all").click()
        expect(page.get_by_role("status")).to_contain_text("tried again")
        wait_until_idle(installed)
        open_deliveries(page)
        expect(page.get_by_text("Everything that could be delivered was.")).to_be_visible()
        channel = next(c["name"] for c in company.channels() if c["name"].startswith("inc-"))
        told = str(company.texts(channel, ADA))
        assert "The second" in told
        assert "The first" not in told, "what was left out is never made"


def test_what_goes_on_by_itself_is_listed_until_it_is_done(
    chromium: Browser, company: World
) -> None:
    token(company, "active")
    with opened(chromium) as page:
        Site(company.app_url, company.env["DATABASE_URL"]).sign_in(page)
        company.fault(kind="server_error", method="chat.postMessage")
        company.type(ADA, "status INC-1 Slack is broken")
        waiting = page.get_by_role("region", name="Waiting")
        eventually(lambda: open_deliveries(page) and waiting.get_by_text("A message").count())
        expect(waiting).to_contain_text("These go on by themselves.")
        company.heal()
        eventually(lambda: open_deliveries(page) and not waiting.count(), 30)


def test_a_responder_may_not_see_all_deliveries(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page, "Ken Alvarez", Role.RESPONDER)
        expect(page.get_by_role("link", name="Deliveries")).to_have_count(0)
        page.goto(f"{site.url}/settings/deliveries")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Only an admin can do that.")
        expect(page.get_by_text("Error 403")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_deliveries_page_is_accessible_and_fits_a_phone(
    chromium: Browser, company: World, scheme: str
) -> None:
    refuse(company, install(company.env["DATABASE_URL"]), "For nobody")
    phone = {"width": 390, "height": 844}
    with opened(chromium, color_scheme=scheme, bypass_csp=True, viewport=phone) as page:
        Site(company.app_url, company.env["DATABASE_URL"]).sign_in(page)
        open_deliveries(page)
        expect(page.get_by_role("button", name="Retry all")).to_be_visible()
        assert_accessible(page)
        assert_fits(page, 390)
        top = page.locator(".top").bounding_box()
        assert top
        assert top["height"] < 110, "search and declare, and under them the navigation"
        page.goto(f"{company.app_url}/incidents/INC-1")
        expect(page.get_by_role("heading", name="Not delivered yet")).to_be_visible()
        assert_accessible(page)
        assert_fits(page, 390)


def open_deliveries(page: Page) -> bool:
    page.goto(urljoin(page.url, "/settings/deliveries"))
    return True


def refuse(company: World, installed: Flask, text: str) -> None:
    """Have Slack refuse an update for good."""
    token(company, "revoked")
    company.type(ADA, f"status INC-1 {text}")
    wait_until_idle(installed)


def token(company: World, state: str) -> None:
    changed = {"token_state": state}
    assert requests.put(f"{company.slack_url}/sandbox/settings", json=changed, timeout=10).ok


def wait_until_idle(installed: Flask) -> None:
    """Return once nothing is left to deliver: made, or given up."""

    def idle() -> bool:
        with installed.app_context():
            return not list_deliveries(db.session(), UNFINISHED)

    eventually(idle, 30)


def assert_fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url


def assert_accessible(page: Page) -> None:
    page.wait_for_load_state()
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == [], page.url
