"""A page that stays open: what it says when its session ends, when nothing comes, when it is not for one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.people import add_person, remove_person
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.browser.conftest import Site, empty_site
from tests.browser.test_web_pages import POLL_MS, assert_accessible, declare, opened
from tests.installation import install

CARDS_MS = 3_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One live app without Slack for the whole file."""
    with empty_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@contextmanager
def troubled(chromium: Browser, **options: Any) -> Iterator[Page]:
    """Open a page whose requests may fail, which the console notes; its scripts may not."""
    context = chromium.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def end_the_session(page: Page) -> None:
    page.context.clear_cookies()


def sign_in_again(page: Page, site: Site) -> None:
    """Sign in elsewhere in the same browser, as the sign-in page's own ways need a provider or mail."""
    other = page.context.new_page()
    site.sign_in(other)
    other.close()


@pytest.mark.parametrize("place", ["the list", "the incident"])
def test_a_page_whose_session_ended_says_so_and_stays_as_it_is(
    chromium: Browser, site: Site, place: str
) -> None:
    with troubled(chromium, bypass_csp=True) as page:
        site.sign_in(page)
        declare(page, site)
        address = page.url if place == "the incident" else f"{site.url}/"
        page.clock.install()
        page.goto(address)
        before = page.locator("#live").inner_text()
        end_the_session(page)
        page.clock.fast_forward(CARDS_MS)
        said = page.locator("#connection")
        expect(said).to_contain_text("You are signed out. Sign in")
        assert page.locator("#live").inner_text().split()[:2] == before.split()[:2]
        expect(page.locator("#news")).to_have_text("")
        expect(page.get_by_label("Password")).to_have_count(0)
        assert_accessible(page)

        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.fast_forward(3 * CARDS_MS)
        assert asked == [], "it stops asking"
        page.get_by_role("link", name="Sign in").click()
        path = address.removeprefix(site.url)
        expect(page).to_have_url(re.compile(r"/sign-in\?next=" + path.replace("/", "%2F") + "$"))


def test_a_page_without_news_says_since_when_until_they_come(chromium: Browser, site: Site) -> None:
    with troubled(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.clock.install()
        page.reload()
        said = page.locator("#connection")
        page.route("**/live*", lambda route: route.fulfill(status=502, body="Bad gateway"))
        for place in range(2):
            with page.expect_response(lambda answer: answer.status == 502):
                page.clock.fast_forward(POLL_MS)
            if place == 0:
                expect(said).to_have_text("")
        expect(said).to_have_text(re.compile(r"^No news since \d\d:\d\d, trying again\.$"))
        page.unroute("**/live*")
        page.clock.fast_forward(POLL_MS)
        expect(said).to_have_text("")


def test_a_part_that_could_not_be_fetched_says_so(chromium: Browser, site: Site) -> None:
    with troubled(chromium) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/settings/audit")
        said = page.locator("#connection")
        verify = page.get_by_role("button", name="Verify")
        for trouble in ("server", "connection"):
            if trouble == "server":
                page.route("**/verify", lambda route: route.fulfill(status=500, body="no"))
            else:
                page.route("**/verify", lambda route: route.abort())
            verify.click()
            expect(said).to_have_text("That did not work. Reload the page and try again.")
            page.unroute("**/verify")
            verify.click()
            expect(said).to_have_text("")
        end_the_session(page)
        verify.click()
        expect(said).to_contain_text("You are signed out. Sign in")


def test_a_page_answered_by_somebody_else_keeps_what_it_has(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.clock.install()
        page.reload()
        hotel = "<h1>Welcome to the hotel</h1>"
        page.route(
            "**/live*",
            lambda route: route.fulfill(status=200, content_type="text/html", body=hotel),
        )
        with page.expect_response(re.compile("/live")):
            page.clock.fast_forward(POLL_MS)
        expect(page.locator(".clock")).to_be_visible()
        expect(page.get_by_text("Welcome to the hotel")).to_have_count(0)


def test_who_is_removed_from_a_private_incident_sees_nothing_of_it_any_more(
    chromium: Browser, site: Site
) -> None:
    with install(site.database_url).app_context():
        session = db.session()
        cora = invite(session, "cora@example.com", Role.RESPONDER, "Cora Diaz")
        ken = invite(session, "ken@example.com", Role.RESPONDER, "Ken Alvarez")
        actor = actor_for(cora, Door.WEB, "192.0.2.1")
        wanted = commands.Declaration("Payroll leaked", "P3", "payments", is_private=True)
        reference = commands.declare(session, wanted, actor).incident.reference
        add_person(session, reference, actor, ken.id, "responder")
        with troubled(chromium) as page:
            site.sign_in(page, "Ken Alvarez", Role.RESPONDER)
            page.clock.install()
            page.goto(f"{site.url}/incidents/{reference}")
            expect(page.get_by_role("heading", level=1)).to_have_text("Payroll leaked")
            remove_person(session, reference, actor, ken.id)
            page.clock.fast_forward(POLL_MS)
            expect(page.get_by_role("heading", level=1)).to_have_text(
                "This is not here for you any more"
            )
            assert "Payroll" not in page.content()
            page.get_by_role("link", name="All incidents").click()
            expect(page).to_have_url(f"{site.url}/")


def test_the_notice_says_what_changed_while_one_was_typing(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.clock.install()
        page.reload()
        page.get_by_label("What is new?").fill("half a sentence")
        other = page.context.new_page()
        other.goto(page.url)
        other.get_by_label("Status").select_option("identified")
        other.get_by_label("What is new?").fill("A bad deploy")
        other.get_by_role("button", name="Post", exact=True).click()
        expect(other.locator(".latest")).to_contain_text("A bad deploy")
        page.bring_to_front()
        page.clock.fast_forward(POLL_MS)
        expect(page.locator("#stale")).to_contain_text("Status: declared → identified")
        expect(page.get_by_label("What is new?")).to_have_value("half a sentence")


def test_an_update_that_a_dead_session_refuses_is_offered_again(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, bypass_csp=True) as page:
        site.sign_in(page)
        declare(page, site)
        incident = page.url
        page.get_by_label("What is new?").fill("The gateway is rolled back")
        end_the_session(page)
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_label("Update")).to_have_value("The gateway is rolled back")
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
        assert_accessible(page)

        sign_in_again(page, site)
        page.goto(f"{incident}/update")
        expect(page).to_have_url(incident)
        expect(page.get_by_text("You wrote here before")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Put it back").click()
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.locator(".latest")).to_contain_text("The gateway is rolled back")
        page.reload()
        expect(page.get_by_text("You wrote here before")).to_have_count(0)


def test_a_declaration_is_kept_until_it_is_made_or_discarded(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/incidents/new")
        page.get_by_label("What is wrong?").fill("Checkout is slow")
        page.get_by_label("What do you know so far?").fill("Since noon")
        page.goto(f"{site.url}/")
        page.goto(f"{site.url}/incidents/new")
        offers = page.locator(".draft")
        expect(offers).to_have_count(2)
        offers.first.get_by_role("button", name="Discard").click()
        page.reload()
        expect(offers).to_have_count(1)
        expect(offers).to_contain_text("Since noon")
        page.get_by_role("button", name="Sign out").click()
        site.sign_in(page, "Ken Alvarez", Role.RESPONDER)
        page.goto(f"{site.url}/incidents/new")
        expect(offers).to_have_count(0)


def test_what_was_wrong_is_said_until_it_is_mended(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/incidents/new")
        page.get_by_label("Service", exact=True).select_option("")
        page.locator(".declare-acts").get_by_role("button", name="Declare").click()
        wrong = page.locator(".invalid-feedback")
        expect(wrong).to_have_count(3)
        expect(page.get_by_label("What is wrong?")).to_be_focused()
        page.get_by_label("What is wrong?").fill("Checkout")
        expect(wrong).to_have_count(2)
        page.get_by_label(re.compile("^P2")).check()
        page.get_by_label("Service", exact=True).select_option("payments")
        expect(wrong).to_have_count(0)
        expect(page.locator("[aria-invalid], .is-invalid")).to_have_count(0)


def test_leaving_a_postmortem_that_is_not_saved_asks_first(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        declare(page, site)
        page.get_by_role("button", name="Resolve").click()
        page.get_by_role("button", name="Draft it").click()
        page.get_by_role("link", name="Edit").click()
        editor = page.url
        page.get_by_label("Markdown").click()
        page.keyboard.type("We learned a lot. ")
        asked: list[str] = []

        def leave(dialog: Dialog) -> None:
            asked.append(dialog.type)
            if len(asked) > 1:
                dialog.accept()
            else:
                dialog.dismiss()

        page.on("dialog", leave)
        back = page.get_by_role("link", name="Back without saving")
        back.click()
        page.wait_for_timeout(1_500)
        expect(page.locator("#progress")).to_be_hidden()
        expect(page).to_have_url(editor)
        back.click()
        expect(page).to_have_url(re.compile("/postmortem$"))
        assert asked == ["beforeunload"] * 2
        page.goto(editor)
        page.get_by_role("button", name="Put it back").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("article")).to_contain_text("We learned a lot.")
        assert asked == ["beforeunload"] * 2
