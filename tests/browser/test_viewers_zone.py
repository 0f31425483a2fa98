"""Times on the pages: UTC as served, in the viewer's own zone once shown, also when clocks go back."""

import pytest
import time_machine
from playwright.sync_api import Browser, expect

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.browser.conftest import Site
from tests.installation import install

# In Berlin, 03:00 becomes 02:00 at 01:00 UTC of that day: two of these show the same time there.
MOMENTS = ("00:30", "01:30", "02:30")
IN_BERLIN = ["25 Oct 2026, 02:30", "25 Oct 2026, 02:30", "25 Oct 2026, 03:30"]
# In New York nothing happens until a week later; it is the evening before.
IN_NEW_YORK = ["24 Oct 2026, 20:30", "24 Oct 2026, 21:30", "24 Oct 2026, 22:30"]


@pytest.fixture
def night_of_the_change(site: Site) -> str:
    """The address of an incident that was declared and updated in the night when clocks go back."""
    app = install(site.database_url)
    with app.app_context():
        session = db.session()
        ada = actor_for(invite(session, "ada@example.com", Role.ADMIN, "Ada"), Door.WEB, "")
        for moment in MOMENTS:
            with time_machine.travel(f"2026-10-25T{moment}:00+00:00", tick=False):
                if moment == MOMENTS[0]:
                    declaration = Declaration("Checkout is down", "P3", "payments")
                    reference = commands.declare(session, declaration, ada).incident.reference
                else:
                    commands.post_update(session, reference, ada, f"It is {moment}")
    return f"{site.url}/incidents/{reference}"


@pytest.mark.parametrize(
    "zone, locale, shown",
    [("Europe/Berlin", "en-GB", IN_BERLIN), ("America/New_York", "en-US", IN_NEW_YORK)],
)
def test_each_viewer_sees_their_own_zone(
    chromium: Browser,
    site: Site,
    night_of_the_change: str,
    zone: str,
    locale: str,
    shown: list[str],
) -> None:
    context = chromium.new_context(timezone_id=zone, locale=locale)
    page = context.new_page()
    site.sign_in(page, "Grace Hopper")
    page.goto(night_of_the_change)
    times = page.locator(".event time:not([data-relative])")
    expect(times).to_have_text(shown, use_inner_text=True)
    to_the_second = [f"25 Oct 2026, {moment}:00 UTC" for moment in MOMENTS]
    assert [times.nth(n).get_attribute("title") for n in range(len(MOMENTS))] == to_the_second
    context.close()


def test_without_javascript_they_are_utc(
    chromium: Browser, site: Site, night_of_the_change: str
) -> None:
    context = chromium.new_context(timezone_id="Europe/Berlin", java_script_enabled=False)
    page = context.new_page()
    site.sign_in(page, "Grace Hopper")
    page.goto(night_of_the_change)
    times = page.locator(".event time:not([data-relative])")
    expect(times).to_have_text(_in_utc())
    instants = [times.nth(n).get_attribute("datetime") for n in range(len(MOMENTS))]
    assert instants == [f"2026-10-25T{moment}:00+00:00" for moment in MOMENTS]
    context.close()


@pytest.mark.parametrize("has_javascript", [True, False])
def test_the_zone_of_ones_own_page_holds_with_and_without_javascript(
    chromium: Browser, site: Site, night_of_the_change: str, has_javascript: bool
) -> None:
    context = chromium.new_context(
        timezone_id="Asia/Tokyo", java_script_enabled=has_javascript, locale="en-US"
    )
    page = context.new_page()
    site.sign_in(page, "Grace Hopper")
    page.goto(f"{site.url}/me")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Save").first.click()
    page.goto(night_of_the_change)
    times = page.locator(".event time:not([data-relative])")
    expect(times).to_have_text(IN_BERLIN)
    context.close()


def _in_utc() -> list[str]:
    return [f"25 Oct 2026, {moment} UTC" for moment in MOMENTS]
