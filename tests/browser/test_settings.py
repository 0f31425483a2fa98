"""The settings in a real browser: what an admin changes there is what the next incident does."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import AXE, Site
from tests.scenarios.world import ADA, LINUS, World, eventually, world

PAGES = (
    "/settings/services",
    "/settings/services/1",
    "/settings/severities",
    "/settings/routing",
    "/settings/routing/new?severity=P2&kind=channel",
    "/settings/routing/new?severity=P2&kind=person",
    "/settings/templates",
    "/settings/templates/1",
    "/settings/slack",
    "/settings/deliveries",
    "/settings/audit",
)
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A live app and its Slack; Ada and Linus are known from an incident."""
    folder: Path = tmp_path_factory.mktemp("company")
    with world(f"sqlite:///{folder}/app.db", folder) as company:
        company.declare(ADA)
        eventually(lambda: len(company.posts()["general"]) == 0 and company.calls("users.info"))
        yield company


@contextmanager
def signed_in(chromium: Browser, company: World, **options: Any) -> Iterator[Page]:
    """Open a page as an admin; its console must stay free of errors."""
    context = chromium.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    Site(company.app_url, company.env["DATABASE_URL"]).sign_in(page, "Root Admin")
    yield page
    context.close()
    assert [e for e in errors if "the server responded with a status of 4" not in e] == []


def test_a_changed_rule_changes_what_the_next_incident_tells(
    chromium: Browser, company: World
) -> None:
    with signed_in(chromium, company) as page:
        page.goto(f"{company.app_url}/settings/routing")
        preview = page.locator("#who-hears")
        page.get_by_label("Severity", exact=True).select_option("P3")
        expect(preview).to_contain_text("A P3 on payments")
        expect(preview).not_to_contain_text("#general")

        page.get_by_role("link", name="Add a channel to P3").click()
        page.get_by_label("Slack channel").fill("two words")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_label("Slack channel")).to_be_focused()
        expect(page.locator("#channel-error")).to_contain_text("#general")
        page.get_by_label("Slack channel").fill("general")
        page.get_by_label("Service").select_option("payments")
        page.get_by_label("each update").check()
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("The rule is added")

        page.get_by_role("link", name="Add a person to P3").click()
        page.get_by_label("Person").fill("Linus Berg")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("The rule is added")
        page.wait_for_load_state()  # until then nobody hears of a choice
        page.get_by_label("Severity", exact=True).select_option("P3")
        expect(preview).to_contain_text("Direct message to Linus Berg")
        expect(preview).to_contain_text("#general")
        page.get_by_label("Service", exact=True).select_option("search")
        expect(preview).to_contain_text("A P3 on search")
        expect(preview).not_to_contain_text("#general")

    reference = company.declare(ADA, title="Refunds are late", severity="P3", service="payments")
    told = eventually(lambda: [p["text"] for p in company.posts()["general"]])
    assert "Refunds are late" in told[0]
    message = eventually(lambda: company.posts()[LINUS])
    assert "Refunds are late" in str(message[0])
    company.told(ADA, f"status {reference} The queue is stuck")
    eventually(lambda: any("The queue is stuck" in p["text"] for p in company.posts()["general"]))

    company.declare(ADA, title="Search is slow", severity="P3", service="search")
    eventually(lambda: any("Search is slow" in str(p) for p in company.posts()[LINUS]))
    assert not any("Search is slow" in p["text"] for p in company.posts()["general"])


def test_owners_are_found_by_name_even_who_has_never_used_incidentbot(
    chromium: Browser, company: World
) -> None:
    with signed_in(chromium, company) as page:
        slack = f"{company.app_url}/settings/slack"
        eventually(lambda: page.goto(slack) and "6 people can be picked" in page.content())
        page.goto(f"{company.app_url}/settings/services")
        page.get_by_role("link", name="Add a service").click()
        page.get_by_label("Name").fill("Mobile app")
        owner = page.get_by_role("combobox")
        owner.fill("alvarez")
        page.get_by_role("button", name="Add this owner").click()
        expect(page.get_by_role("checkbox", name="Ken Alvarez")).to_be_checked()
        expect(owner).to_have_value("")
        expect(page.get_by_label("Name"), "what was typed elsewhere stays").to_have_value(
            "Mobile app"
        )
        owner.fill("ada winter")
        page.get_by_role("button", name="Add", exact=True).click()
        row = page.get_by_role("row", name="Mobile app")
        expect(row).to_contain_text("Ada Winter")
        expect(row).to_contain_text("Ken Alvarez")
        page.goto(f"{company.app_url}/incidents/new")
        expect(page.get_by_label("Service", exact=True)).to_contain_text("Mobile app")


def test_the_connection_is_checked_without_reloading(chromium: Browser, company: World) -> None:
    with signed_in(chromium, company) as page:
        page.goto(f"{company.app_url}/settings/slack")
        page.get_by_role("button", name="Check now").click()
        findings = page.locator("#findings")
        expect(findings).to_contain_text("Everything is as it should be")
        expect(findings).to_contain_text("Channel #general")
        company.fault(method="auth.test", kind="token_revoked")
        try:
            page.get_by_role("button", name="Check now").click()
            expect(findings).to_contain_text("1 thing needs mending")
            expect(findings).to_contain_text("The bot token was revoked")
        finally:
            company.heal()


def test_the_audit_log_is_filtered_and_verified(chromium: Browser, company: World) -> None:
    with signed_in(chromium, company) as page:
        page.goto(f"{company.app_url}/settings/audit")
        page.get_by_label("Of what").fill("inc-1")
        page.get_by_role("button", name="Filter").click()
        expect(page).to_have_url(re.compile("subject=inc-1"))
        expect(page.locator(".log-entry").last).to_contain_text("declare")
        page.get_by_role("button", name="Verify").click()
        expect(page.locator("#verification")).to_contain_text("The log is whole")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert "declare,INC-1" in download.value.path().read_text()
        page.go_back()
        expect(page.get_by_label("Of what")).to_have_value("")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_phone(
    chromium: Browser, company: World, scheme: str
) -> None:
    options = {"viewport": PHONE, "color_scheme": scheme, "bypass_csp": True}
    with signed_in(chromium, company, **options) as page:
        for path in PAGES:
            page.goto(company.app_url + path)
            page.add_script_tag(path=str(AXE))
            violations = page.evaluate("axe.run()")["violations"]
            assert [(path, v["id"], v["nodes"][0]["html"]) for v in violations] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_setting_is_changed_without_javascript(chromium: Browser, company: World) -> None:
    with signed_in(chromium, company, java_script_enabled=False) as page:
        page.goto(f"{company.app_url}/settings/severities")
        page.get_by_label("What it means for P4").fill("Can wait until Monday")
        page.get_by_role("button", name="Save P4").click()
        expect(page.get_by_role("status").first).to_contain_text("P4 is saved")
        page.goto(f"{company.app_url}/incidents/new")
        expect(page.get_by_text("Can wait until Monday")).to_be_visible()
        page.goto(f"{company.app_url}/settings/routing")
        page.get_by_label("Severity", exact=True).select_option("P1")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#who-hears")).to_contain_text("A P1 on")
        page.goto(f"{company.app_url}/settings/slack")
        page.get_by_role("button", name="Check now").click()
        expect(page.locator("#findings")).to_contain_text("Bot token")
