"""The incident's page in a real browser: live updates, people, action items, overrides, long timelines."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from incidentbot.users.models import Role
from tests.browser.conftest import Site, empty_site
from tests.browser.test_web_pages import (
    FOCUSED,
    POLL_MS,
    assert_accessible,
    assert_fits,
    declare,
    opened,
)
from tests.installation import install

LONG = "It is still being looked at." + " And so on." * 100
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One live app without Slack for the whole file: every test declares an incident of its own."""
    with empty_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def post_update(page: Page, message: str) -> None:
    page.get_by_label("What is new?").fill(message)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator(".latest")).to_contain_text(message)


def unfold(page: Page, name: str) -> None:
    page.locator("summary", has_text=name).click()


def tell_a_lot(site: Site, reference: str, number: int) -> None:
    """Give an incident a very long timeline."""
    with install(site.database_url).app_context():
        session: Session = db.session()
        with write_transaction(session):
            incident = session.scalars(
                select(Incident).where(Incident.number == int(reference.removeprefix("INC-")))
            ).one()
            session.add_all(
                TimelineEvent(
                    incident_id=incident.id,
                    seq=seq,
                    kind=EventKind.UPDATE,
                    at=clock.now(),
                    actor_name="Ada",
                    door="web",
                    text=f"number {seq}.",
                    data={},
                )
                for seq in range(2, number + 1)
            )
            incident.version += 1


def test_a_second_browser_sees_what_changes_within_five_seconds_without_reloading(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium) as writer, opened(chromium) as reader:
        site.sign_in(writer)
        declare(writer, site)
        post_update(writer, LONG)
        site.sign_in(reader, "Ken Alvarez", Role.RESPONDER)
        reader.goto(writer.url)
        reader.locator("#latest-text-more").focus()
        expect(reader.locator(".clock")).to_have_text(re.compile(r"^\d:\d\d:\d\d$"))
        writer.get_by_label("Status").select_option("identified")
        post_update(writer, f"A bad deploy. {LONG}")
        expect(reader.locator("#incident-title .status")).to_have_text("Identified", timeout=5_000)
        expect(reader.locator(".step-now")).to_contain_text("Identified")
        expect(reader.locator("#news")).to_contain_text("New: Status: declared → identified")
        expect(reader.locator(".event").last).to_contain_text("A bad deploy")
        assert reader.evaluate(FOCUSED) == "latest-text-more", "the focus stays"


def test_a_filtered_timeline_gets_only_news_of_its_kind(chromium: Browser, site: Site) -> None:
    with opened(chromium) as writer, opened(chromium) as reader:
        site.sign_in(writer)
        declare(writer, site)
        site.sign_in(reader, "Ken Alvarez", Role.RESPONDER)
        reader.goto(writer.url)
        reader.clock.install()
        reader.get_by_role("link", name="Notes and tasks").click()
        expect(reader).to_have_url(re.compile(r"\?show=notes"))
        expect(reader.get_by_text("Nothing of this kind has happened yet.")).to_be_visible()
        post_update(writer, "Not a note")
        unfold(writer, "Add a note")
        writer.get_by_label("For the timeline").fill("Seen in the logs")
        writer.get_by_role("button", name="Add", exact=True).click()
        expect(writer.locator(".timeline")).to_contain_text("Seen in the logs")
        reader.clock.fast_forward(POLL_MS)
        expect(reader.locator(".latest")).to_contain_text("Not a note", timeout=20_000)
        expect(reader.locator(".timeline")).to_contain_text("Seen in the logs")
        expect(reader.locator(".event")).to_have_count(1)
        expect(reader.get_by_text("Nothing of this kind has happened yet.")).to_have_count(0)
        reader.go_back()
        expect(reader.locator(".event")).to_have_count(3)


def test_people_join_are_given_a_role_and_are_removed(chromium: Browser, site: Site) -> None:
    with opened(chromium) as commander, opened(chromium) as other:
        site.sign_in(commander)
        declare(commander, site)
        site.sign_in(other, "Ken Alvarez", Role.RESPONDER)
        other.goto(commander.url)
        other.get_by_role("button", name="Join").click()
        people = other.get_by_role("region", name="People")
        expect(people).to_contain_text("Ken Alvarez Responder")
        expect(people.get_by_text("Add somebody")).to_have_count(0)

        commander.reload()
        unfold(commander, "Add somebody")
        commander.get_by_label("Who?").first.fill("Ken Alvarez")
        commander.get_by_label("In which role?").select_option("scribe")
        commander.get_by_role("button", name="Give the role").click()
        expect(commander.locator(".people")).to_contain_text("Ken Alvarez Scribe")
        unfold(commander, "Remove somebody")
        commander.get_by_label("Who?").last.select_option(label="Ken Alvarez")
        commander.get_by_role("button", name="Remove").click()
        expect(commander.locator(".people")).not_to_contain_text("Ken Alvarez")
        expect(commander.locator(".timeline")).to_contain_text("Ken Alvarez was removed")


def test_an_action_item_is_added_ticked_off_and_stands_in_the_postmortem(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        unfold(page, "Add an action item")
        page.get_by_label("What is to be done?").fill("Alert on declines")
        page.get_by_label("Who does it?").fill("Ada Lovelace")
        page.get_by_label("Until when?").fill("2020-01-31")
        page.get_by_role("button", name="Add the item").click()
        items = page.get_by_role("region", name="Action items")
        expect(items).to_contain_text("overdue since 31 Jan 2020")
        page.get_by_role("button", name="Resolve").click()
        page.get_by_role("button", name="Draft it").click()
        expect(page.get_by_role("article")).to_contain_text("Alert on declines")
        page.get_by_role("button", name="Done Alert on declines").click()
        expect(page).to_have_url(re.compile("/postmortem$"))
        expect(page.get_by_role("button", name="Open again")).to_be_visible()


def test_a_postmortem_is_previewed_before_it_is_saved(chromium: Browser, site: Site) -> None:
    for javascript in (True, False):
        with opened(chromium, java_script_enabled=javascript) as page:
            site.sign_in(page)
            declare(page, site)
            page.get_by_role("button", name="Resolve").click()
            page.get_by_role("button", name="Draft it").click()
            page.get_by_role("link", name="Edit").click()
            page.get_by_label("Markdown").fill("# What we learned")
            page.get_by_role("button", name="Preview").click()
            expect(
                page.locator("#preview").get_by_role("heading", name="What we learned")
            ).to_be_visible()
            expect(page.get_by_label("Markdown")).to_have_value("# What we learned")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_role("article")).to_contain_text("What we learned")


def test_an_admin_is_asked_why_they_act_in_the_commanders_place(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium) as commander, opened(chromium, java_script_enabled=False) as admin:
        site.sign_in(commander, "Ken Alvarez", Role.RESPONDER)
        declare(commander, site)
        site.sign_in(admin)
        admin.goto(commander.url)
        admin.get_by_label("How was it solved?").fill("Rolled back")
        resolve = admin.locator("form", has=admin.get_by_role("button", name="Resolve"))
        why = resolve.get_by_label("Why do you act in the commander's place?")
        why.fill(" ")
        admin.get_by_role("button", name="Resolve").click()
        expect(admin.get_by_role("alert")).to_contain_text("Say why you act")
        expect(admin.get_by_label("How was it solved?")).to_have_value("Rolled back")
        expect(why).to_have_attribute("aria-invalid", "true")
        why.fill("Ken is on a plane")
        admin.get_by_role("button", name="Resolve").click()
        expect(admin.locator(".timeline")).to_contain_text("Incident resolved")
        admin.get_by_role("link", name="Audit").click()
        expect(admin.get_by_role("table")).to_contain_text("Ken is on a plane")


def test_a_viewer_reads_what_they_may_not_do_and_why(chromium: Browser, site: Site) -> None:
    with opened(chromium) as commander, opened(chromium) as viewer:
        site.sign_in(commander)
        declare(commander, site)
        site.sign_in(viewer, "Vera Lindqvist", Role.VIEWER)
        viewer.goto(commander.url)
        refused = viewer.get_by_role("region", name="Not yours to do")
        expect(refused).to_contain_text("Ask an admin for access.")
        expect(refused.get_by_role("button", name="Post an update")).to_be_disabled()
        expect(viewer.get_by_role("textbox")).to_have_count(0)
        expect(viewer.get_by_role("link", name="Audit")).to_have_count(0)


def test_a_long_timeline_shows_earlier_events_and_keeps_the_keyboards_place(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        incident = page.url
        tell_a_lot(site, incident.rsplit("/", 1)[-1], 450)
        page.goto(incident)
        expect(page.locator(".event")).to_have_count(200)
        page.get_by_role("link", name="Show earlier").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".event")).to_have_count(400)
        page.wait_for_function("document.activeElement.matches('#event-250 .event-link')")
        page.get_by_role("link", name="Show earlier").click()
        expect(page.locator(".event")).to_have_count(450)
        assert page.locator(".event").first.get_attribute("id") == "event-1"
        page.keyboard.press("k")
        assert "event" in page.evaluate("document.activeElement.className"), page.evaluate(FOCUSED)
        page.keyboard.press("u")
        assert page.evaluate("document.activeElement.id") == "update-message"

        page.goto(f"{incident}#event-30")
        page.reload()
        expect(page.locator("#event-30")).to_be_in_viewport()
        expect(page.locator("#event-450")).to_have_count(0)


def test_earlier_events_are_reached_without_javascript(chromium: Browser, site: Site) -> None:
    with opened(chromium, java_script_enabled=False) as page:
        site.sign_in(page)
        declare(page, site)
        tell_a_lot(site, page.url.rsplit("/", 1)[-1], 250)
        page.reload()
        page.get_by_role("link", name="Show earlier").click()
        expect(page.locator("#event-1")).to_be_visible()
        page.get_by_role("link", name="Show the newest").click()
        expect(page.locator("#event-250")).to_be_visible()


def test_on_a_phone_the_update_comes_first_and_everything_fits(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, viewport=PHONE) as page:
        site.sign_in(page)
        declare(page, site, "W" * 100)
        post_update(page, "x" * 300)
        for summary in page.locator("main summary").all():
            summary.click()
        assert_fits(page, 390)
        tops = [
            box["y"]
            for name in ("#incident-title", ".latest", "#update-message", "#people", ".timeline")
            if (box := page.locator(name).bounding_box())
        ]
        assert len(tops) == 5
        assert tops == sorted(tops)
        page.get_by_role("link", name="To the timeline").click()
        expect(page.get_by_role("heading", name="Timeline")).to_be_in_viewport()
        for tab in ("Deliveries", "Audit", "Post-mortem"):
            page.get_by_role("navigation", name=re.compile("^INC-")).get_by_role(
                "link", name=tab
            ).click()
            expect(page.get_by_role("link", name=tab)).to_have_attribute("aria-current", "page")
            assert_fits(page, 390)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_incidents_pages(
    chromium: Browser, site: Site, scheme: str
) -> None:
    with opened(chromium, color_scheme=scheme, bypass_csp=True) as commander:
        site.sign_in(commander, "Ken Alvarez", Role.RESPONDER)
        declare(commander, site)
        incident = commander.url
        assert_accessible(commander)
        site.sign_in(commander)  # as an admin, whom each form asks for a reason
        commander.goto(incident)
        for summary in commander.locator("main summary").all():
            summary.click()
        assert_accessible(commander)
        for path in (
            "?show=people",
            "/deliveries",
            "/deliveries?show=open",
            "/audit",
            "/postmortem",
        ):
            commander.goto(incident + path)
            assert_accessible(commander)
