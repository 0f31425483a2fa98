"""The web pages in a real browser: the main path, live updates, no JavaScript, accessibility."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import AXE, Site


@contextmanager
def opened(chromium: Browser, **options: Any) -> Iterator[Page]:
    """Open a page whose console must stay free of errors."""
    context = chromium.new_context(**options)
    context.set_default_timeout(8_000)
    page = context.new_page()
    errors: list[str] = []
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else 0
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
        page.get_by_role("button", name="Post").click()
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
    with opened(chromium) as writer, opened(chromium) as reader:
        site.sign_in(writer)
        declare(writer, site)
        site.sign_in(reader, "Grace Brewster")
        reader.goto(f"{site.url}/incidents/INC-1")
        reader.get_by_label("What is new?").fill("half a sentence")
        writer.get_by_label("What is new?").fill("Seen by all")
        writer.get_by_role("button", name="Post").click()
        expect(reader.locator(".timeline")).to_contain_text("Seen by all", timeout=10_000)
        expect(reader.locator("#news")).to_contain_text("New: Status update")
        assert reader.get_by_label("What is new?").input_value() == "half a sentence"


def test_an_unchanged_page_costs_a_304(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        with page.expect_response(lambda answer: answer.status == 304, timeout=15_000) as polled:
            pass
        assert polled.value.url.endswith("/incidents/INC-1/live")


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
        assert_accessible(page)
        for panel in page.locator("details.panel > summary").all():
            panel.click()
        assert_accessible(page)
        page.get_by_role("button", name="Resolve").click()
        assert_accessible(page)
        page.get_by_role("button", name="Draft it").click()
        assert_accessible(page)
        paths = ("/", "/incidents/new", "/incidents/INC-1/postmortem/edit", "/incidents/INC-99")
        for path in paths:
            page.goto(site.url + path)
            assert_accessible(page)
        page.goto(f"{site.url}/incidents/new")
        page.get_by_role("button", name="Declare", exact=True).click()
        assert_accessible(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen(chromium: Browser, site: Site, width: int) -> None:
    with opened(chromium, viewport={"width": width, "height": 800}) as page:
        site.sign_in(page)
        declare(page, site, "W" * 100)
        page.get_by_label("What is new?").fill("x" * 2_000 + " <b>not bold</b>")
        page.get_by_role("button", name="Post").click()
        for path in ("/", "/incidents/new", "/incidents/INC-1"):
            page.goto(site.url + path)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path


def assert_accessible(page: Page) -> None:
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == [], page.url
