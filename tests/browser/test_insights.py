"""The insights page in a real browser: charts drawn from their tables, in any light, at any size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from incidentbot import clock
from incidentbot.demo.play import play
from incidentbot.demo.year import plan
from incidentbot.extensions import db
from tests.browser.conftest import AXE, Site, served
from tests.installation import install

CHARTS = 9
# How many colours a canvas shows: 1 is an empty one.
COLOURS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) seen.add(data[at] + "," + data[at + 1] + "," + data[at + 2]);
  return [...seen];
}"""
SHIFT = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("insights")
    database_url = f"sqlite:///{folder}/app.db"
    with install(database_url).app_context():
        play(db.session(), plan(5, clock.now(), incidents=60), 5)
    with served(folder, database_url) as site:
        yield site


@contextmanager
def opened(chromium: Browser, site: Site, **options: Any) -> Iterator[Page]:
    """Open the page, whose console must stay free of errors."""
    context = chromium.new_context(**{"reduced_motion": "reduce", **options})
    page = context.new_page()
    said: list[str] = []
    page.on(
        "console", lambda message: said.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    site.sign_in(page)
    page.goto(f"{site.url}/insights")
    yield page
    context.close()
    assert said == []


def test_every_chart_is_drawn_from_its_table(chromium: Browser, site: Site) -> None:
    with opened(chromium, site) as page:
        expect(page.locator("canvas")).to_have_count(CHARTS)
        for canvas in page.locator("canvas").all():
            assert len(canvas.evaluate(COLOURS)) > 3
        tables = page.get_by_role("table")
        expect(tables).to_have_count(0)
        page.locator("summary", has_text="Table of Incidents over time").click()
        expect(tables).to_have_count(1)
        expect(tables.get_by_role("columnheader")).to_have_text(
            ["Week", "P1", "P2", "P3", "P4", "All"]
        )


def test_charts_follow_the_light(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, color_scheme="light") as page:
        canvas = page.locator("canvas").first
        light = set(canvas.evaluate(COLOURS))
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        page.wait_for_function(
            f"([canvas, light]) => !({COLOURS})(canvas).some(colour => colour === light)",
            arg=[canvas.element_handle(), "180,35,24"],
        )
        assert "180,35,24" in light


def test_nothing_moves_while_the_charts_come(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, reduced_motion="no-preference") as page:
        expect(page.locator("canvas")).to_have_count(CHARTS)
        assert page.evaluate(SHIFT) == 0
        # Frame after frame of six charts would keep a phone busy for half a second.
        assert page.evaluate("Object.values(Chart.instances).every((c) => !c.options.animation)")


def test_without_javascript_the_tables_are_open_and_nothing_is_empty(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, site, java_script_enabled=False) as page:
        expect(page.get_by_role("table")).to_have_count(CHARTS)
        expect(page.locator("canvas").first).to_be_hidden()
        page.get_by_label("P1").check()
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_label("P1")).to_be_checked()
        assert "severity=P1" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_is_accessible(
    chromium: Browser, site: Site, scheme: str
) -> None:
    phone = {"width": 390, "height": 844}
    with opened(chromium, site, viewport=phone, color_scheme=scheme) as page:
        for summary in page.locator("figure summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        # The page's own policy forbids inline scripts; what is tested is the page, not the policy.
        page.evaluate(AXE.read_text())
        problems = page.evaluate("axe.run().then(found => found.violations)")
        assert [(each["id"], [n["html"] for n in each["nodes"]]) for each in problems] == []


def test_days_are_the_browsers_and_back_returns_to_the_period_before(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, site, timezone_id="Asia/Tokyo") as page:
        expect(page.get_by_text("days in Asia/Tokyo")).to_be_visible()
        page.get_by_role("link", name="12 months").click()
        expect(page.get_by_role("link", name="12 months")).to_have_attribute("aria-current", "true")
        page.go_back()
        expect(page.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "true")


def test_a_csv_is_saved_with_the_same_filter(chromium: Browser, site: Site) -> None:
    with opened(chromium, site) as page:
        page.goto(f"{site.url}/insights?severity=P3")
        with page.expect_download() as saved:
            page.get_by_role("link", name="CSV of Time to resolve").click()
        assert saved.value.suggested_filename == "time-to-resolve.csv"
        lines = saved.value.path().read_text().splitlines()
        assert [line.split(",")[0] for line in lines] == ["Severity", "P3"]
