"""The sandbox's page in a real browser: a whole incident by hand, seen by two people."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.sandbox_page import assert_accessible, person
from tests.scenarios.world import ADA, GRACE, KEN, World, eventually, world

INCIDENTBOT = "U0INCBOT00"
HOSTILE = "<img src=x onerror=alert(1)> & <b>bold</b> <!channel> <javascript:alert(1)|click>"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One live app and one live Slack for all of these tests."""
    folder = tmp_path_factory.mktemp("company")
    with world(f"sqlite:///{folder}/app.db", folder) as live:
        yield live


@pytest.fixture(autouse=True)
def _nothing_open(company: World) -> None:
    """Take away what an earlier test left: faults, and modals, which outlive a page as in Slack."""
    requests.delete(f"{company.slack_url}/sandbox/faults", timeout=5)
    for user in (ADA, GRACE, KEN):
        body = {"user": user, "all": True}
        requests.post(f"{company.slack_url}/sandbox/act/close", json=body, timeout=5)


def room_of(company: World, reference: str) -> str:
    """The channel of an incident, once its card is pinned."""

    def found() -> str:
        for channel in company.get(f"/sandbox/seen?as={ADA}")["channels"]:
            seen = company.get(f"/sandbox/seen?as={ADA}&channel={channel['id']}")["channel"]
            if seen["topic"].startswith(f"{reference} ") and seen["pins"] and seen["bookmarks"]:
                return str(channel["id"])
        return ""

    return str(eventually(found))


def declared(company: World, title: str) -> str:
    """The channel of an incident that Ada has just declared."""
    reference = company.declare(ADA, title=title)
    company.act("close", user=ADA)
    return room_of(company, reference)


def post_as_app(company: World, **message: Any) -> None:
    """Post as incidentbot, by Slack's Web API."""
    response = requests.post(
        f"{company.slack_url}/api/chat.postMessage",
        json=message,
        headers={"Authorization": f"Bearer {company.env['SLACK_BOT_TOKEN']}"},
        timeout=5,
    )
    assert response.json()["ok"], response.text


def test_an_incident_by_hand_from_declare_to_post_mortem(chromium: Browser, company: World) -> None:
    with person(chromium, company.slack_url, ADA) as ada:
        # The template fills what was not typed; an error stays at its field, and nothing is lost.
        ada.write("/incident declare Cards are declined")
        modal = ada.modal
        modal.get_by_label("Start from a template").select_option(label="Failed deploy")
        summary = modal.get_by_label("What do you know so far?")
        expect(summary).not_to_have_value("")
        summary.fill("Only in Europe")
        ada.submit("Declare")
        service = modal.get_by_label("Service", exact=True)
        expect(service).to_have_attribute("aria-invalid", "true")
        expect(service).to_be_focused()
        expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
        expect(summary).to_have_value("Only in Europe")
        expect(modal.get_by_label("What is wrong?")).to_have_value("Cards are declined")
        service.select_option("payments")
        ada.submit("Declare")
        heading = modal.get_by_role("heading")
        expect(heading).to_contain_text("INC-")
        reference = heading.inner_text().split()[0]
        modal.get_by_role("button", name="Close").last.click()
        expect(modal).to_have_count(0)
        room = room_of(company, reference)
        ada.page.locator(f'.place-link[data-key="{room}"]').click()
        expect(ada.messages.get_by_text("Only in Europe")).to_be_visible()

        # Update and severity by the card's buttons.
        ada.press("Post update")
        modal.get_by_label("What is new?").fill("A bad deploy of the gateway")
        modal.get_by_label("Status", exact=True).select_option("identified")
        ada.submit("Post")
        expect(modal).to_have_count(0)
        expect(ada.messages.get_by_text("Status: declared → identified")).to_be_visible()
        ada.press("Change severity")
        modal.get_by_label("Severity", exact=True).select_option("P1")
        ada.submit("Change")
        expect(ada.page.locator("#topic")).to_contain_text("P1 identified")

        # Grace is refused, and offered to take over; Ada hands over to her.
        with person(chromium, company.slack_url, GRACE) as grace:
            grace.go(room)
            expect(grace.page.get_by_text("have not joined it")).to_be_visible()
            grace.page.get_by_role("button", name="Join channel").click()
            grace.write("/incident status It is me")
            refusal = (
                grace.page.get_by_role("log")
                .locator(".message")
                .filter(has_text="Only visible to you")
            )
            expect(refusal.last).to_contain_text("commander")
            expect(ada.messages.get_by_text("It is me")).to_have_count(0)
            grace.press("Hand over")
            expect(grace.modal.get_by_role("heading")).to_have_text("Take over")
            grace.page.keyboard.press("Escape")
            ada.press("Hand over")
            modal.get_by_label("To whom?").select_option(label="Grace Okafor")
            ada.submit("Hand over")
            expect(grace.page.locator("#topic")).to_contain_text("@Grace Okafor")

            # Grace resolves; both read the end of it.
            grace.press("Resolve")
            grace.modal.get_by_label("How was it solved?").fill("Rolled back")
            grace.submit("Resolve")
            for somebody in (ada, grace):
                expect(somebody.page.locator("#topic")).to_contain_text("resolved")
                expect(somebody.messages.get_by_text("Rolled back").last).to_be_visible()
            grace.write("/incident timeline")
            timeline = (
                grace.page.get_by_role("log").locator(".message").filter(has_text="Timeline of")
            )
            expect(timeline).to_contain_text("Incident declared")
            expect(timeline).to_contain_text("Rolled back")
            grace.write("/incident postmortem")
            expect(grace.messages.get_by_role("link", name="Open it")).to_have_attribute(
                "href", f"{company.app_url}/incidents/{reference}/postmortem"
            )


def test_a_second_tab_follows_without_reload_and_keeps_what_is_private(
    chromium: Browser, company: World
) -> None:
    with (
        person(chromium, company.slack_url, ADA) as ada,
        person(chromium, company.slack_url, KEN) as ken,
    ):
        ken.follow("random")
        ada.write("Is anybody *here*? @ken")
        unread = ken.page.get_by_role("navigation").get_by_role("link", name="general")
        expect(unread).to_contain_text("1 unread")
        ken.follow("general")
        expect(unread).not_to_contain_text("unread")
        expect(ken.newest.locator("strong").last).to_have_text("here")
        expect(ken.newest.locator(".mention-me")).to_have_text("@Ken Alvarez")
        ken.messages.get_by_role("button", name="Actions on the message of Ada Winter").last.click()
        ken.page.get_by_role("menuitem", name="eyes").click()
        expect(ada.newest.get_by_role("button", name="eyes, 1, by Ken Alvarez")).to_be_visible()
        ada.write("/incident nonsense")
        expect(ada.newest).to_contain_text("Only visible to you")
        ken.write("Here I am")
        expect(ada.newest).to_contain_text("Here I am")
        expect(ken.messages).not_to_contain_text("nonsense")


def test_hostile_text_is_only_text(chromium: Browser, company: World) -> None:
    with person(chromium, company.slack_url, GRACE) as grace:
        grace.write(HOSTILE)
        expect(grace.newest.locator(".prose")).to_have_text(HOSTILE)
        escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        section = {"type": "section", "text": {"type": "mrkdwn", "text": escaped}}
        header = {"type": "header", "text": {"type": "plain_text", "text": HOSTILE}}
        link = {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "<javascript:alert(1)|click>"},
        }
        post_as_app(company, channel="#general", text="x", blocks=[section, header, link])
        expect(grace.newest.locator(".prose").first).to_have_text(HOSTILE)
        expect(grace.newest.get_by_role("heading")).to_have_text(HOSTILE)
        expect(grace.newest.get_by_text("click", exact=True)).to_be_visible()
        assert grace.newest.locator("img[src], a, b").count() == 0


def test_what_could_not_be_sent_stays_written(chromium: Browser, company: World) -> None:
    with person(chromium, company.slack_url, ADA) as ada:
        box = ada.page.get_by_label("Message", exact=True)
        box.fill("/nothing at all")
        box.press("Enter")
        expect(ada.page.get_by_role("alert")).to_contain_text("/nothing is not a command here")
        expect(box).to_have_value("/nothing at all")
        box.fill("/incident sev")
        expect(ada.page.get_by_role("option", name="severity")).to_be_visible()
        box.press("Tab")
        expect(box).to_have_value("/incident severity ")
        box.fill("ask @gra")
        box.press("Enter")
        expect(box).to_have_value("ask @grace ")
        company.app.stop()
        try:
            box.fill("/incident list")
            box.press("Enter")
            expect(ada.page.get_by_role("alert")).to_contain_text("dispatch_failed")
            expect(box).to_have_value("/incident list")
            expect(ada.newest).to_contain_text("failed with the error")
        finally:
            company.restart_app()


def test_faults_are_added_seen_at_work_and_taken_away(chromium: Browser, company: World) -> None:
    with person(chromium, company.slack_url, ADA) as ada:
        ada.page.get_by_role("button", name="Faults & calls").click()
        drawer = ada.page.get_by_role("complementary", name="Faults and calls")
        drawer.get_by_role("button", name="+ Token revoked").click()
        ada.write("/incident declare")
        expect(ada.newest).to_contain_text("Slack did not open the form")
        calls = drawer.get_by_role("region", name="Calls of the app")
        refused = calls.get_by_role("row", name="token_revoked")
        expect(refused.filter(has_text="views.open")).to_have_count(1)
        drawer.get_by_role("button", name="Remove: Token revoked").click()
        expect(drawer).to_contain_text("No faults")
        ada.write("/incident declare")
        expect(ada.modal).to_be_visible()
        ada.page.keyboard.press("Escape")
        expect(ada.modal).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Browser, company: World, scheme: str) -> None:
    room = declared(company, f"Seen in {scheme}")
    options: dict[str, Any] = {"color_scheme": scheme, "bypass_csp": True}
    with person(chromium, company.slack_url, GRACE, **options) as grace:
        page = grace.page
        grace.go(room)
        assert_accessible(page)
        page.get_by_role("button", name="Join channel").click()
        grace.write("/incident help")
        grace.write("Some `code`, a > quote and https://example.com")
        page.get_by_label("Message", exact=True).fill("/incident ")
        expect(page.get_by_role("listbox")).to_be_visible()
        assert_accessible(page)
        page.get_by_label("Message", exact=True).fill("")
        for name in ("1 pinned", "members", "You are"):
            page.get_by_role("button", name=name).first.click()
            assert_accessible(page)
            page.keyboard.press("Escape")
        grace.messages.get_by_role("button", name="Actions on").last.click()
        assert_accessible(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Faults & calls").click()
        page.get_by_role("button", name="+ 2 s latency").click()
        page.get_by_text("Another fault").click()
        expect(page.get_by_text("hit 0 of 0 calls")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Remove:").click()
        expect(page.get_by_text("No faults")).to_be_visible()
        page.get_by_role("button", name="Reset workspace").click()
        assert_accessible(page)
        page.keyboard.press("Escape")
        grace.write("/incident declare")
        expect(grace.modal).to_be_visible()
        grace.submit("Declare")
        expect(grace.modal.get_by_text("Please complete").first).to_be_visible()
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(grace.modal).to_have_count(0)
        page.goto(f"{company.slack_url}/?as={GRACE}&channel={INCIDENTBOT}&tab=home")
        expect(page.get_by_text("no home for you yet")).to_be_visible()
        assert_accessible(page)


def test_on_a_phone_nothing_is_wider_than_the_screen(chromium: Browser, company: World) -> None:
    room = declared(company, "W" * 100)
    with person(chromium, company.slack_url, ADA, viewport={"width": 390, "height": 800}) as ada:
        page = ada.page
        assert_fits(page)
        page.get_by_role("button", name="Channels").click()
        page.locator(f'.place-link[data-key="{room}"]').click()
        expect(page.get_by_role("navigation")).to_be_hidden()
        ada.write("x" * 2_000)
        assert_fits(page)
        page.get_by_role("button", name="1 pinned").click()
        assert_fits(page)
        page.keyboard.press("Escape")
        ada.press("Post update")
        expect(ada.modal).to_be_visible()
        assert_fits(page)
        page.keyboard.press("Escape")
        expect(ada.modal).to_have_count(0)
        page.get_by_role("button", name="Faults & calls").click()
        expect(page.get_by_role("complementary")).to_be_visible()
        assert_fits(page)


def assert_fits(page: Page) -> None:
    for selector in ("html", "#scroller", ".drawer-body", ".dialog-body"):
        for found in page.locator(selector).all():
            wide, room = found.evaluate("node => [node.scrollWidth, node.clientWidth]")
            assert wide <= room, selector
