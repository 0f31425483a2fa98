"""What one reads stays where it is while pages renew themselves, measured as browsers measure it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Severity
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.browser.conftest import Site, empty_site
from tests.browser.test_web_pages import COME_BACK, LEAVE, POLL_MS, opened
from tests.installation import install

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
STILL_MS = 120_000
# Web Vitals call a page steady up to 0.1. Each news is measured by itself: they come seconds apart.
AT_THE_TOP = 0.08  # what is below a longer update goes down
SCROLLED = 0.05  # the page's foot goes down when an event comes above it
STILL = 0.005
# Beside the form that one types in, the timeline makes room for a long update.
BESIDE_THE_FORM = 0.09
WATCH = """() => {
  window.shifts = [];
  window.observer = new PerformanceObserver((list) => window.shifts.push(...list.getEntries()));
  window.observer.observe({ type: "layout-shift" });
}"""
SHIFT = """() => window.shifts.splice(0).concat(window.observer.takeRecords())
  .filter((entry) => !entry.hadRecentInput).reduce((sum, entry) => sum + entry.value, 0)"""
FRAMES_MS = 100  # until what has changed is drawn
TOP = "element => Math.round(element.getBoundingClientRect().top)"
LIKE_SAFARI = "document.documentElement.style.overflowAnchor = 'none'"

Act = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One live app without Slack for the whole file."""
    with empty_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def act(site: Site) -> Act:
    """Return what does something past the browser, as Cora, who commands it all."""
    app: Flask = install(site.database_url)

    def act(command: Act, *arguments: Any) -> str:
        with app.app_context():
            session = db.session()
            user = invite(session, "cora@example.com", Role.RESPONDER, "Cora Diaz")
            actor = actor_for(user, Door.WEB, "192.0.2.1")
            if command is commands.declare:
                title, severity = arguments
                declaration = commands.Declaration(
                    title=title, severity=severity, service="payments"
                )
                return str(commands.declare(session, declaration, actor).incident.reference)
            reference, *more = arguments
            return str(command(session, reference, actor, *more).incident.reference)

    return act


def watch(page: Page, url: str) -> None:
    """Open a page whose clock is ours, and measure from then on."""
    page.clock.install()
    page.goto(url)
    page.wait_for_load_state("networkidle")


def hear(page: Page) -> float:
    """Have the page look for news; return how much it moved by them."""
    known = page.locator("#live").get_attribute("data-etag")
    page.clock.fast_forward(POLL_MS)
    page.wait_for_function(
        "known => document.getElementById('live').dataset.etag !== known", arg=known
    )
    page.wait_for_function(
        "() => !document.querySelector('.htmx-request')"
    )  # the forms, renewed too
    return shift_of(page)


def shift_of(page: Page) -> float:
    page.wait_for_timeout(FRAMES_MS)
    return float(page.evaluate(SHIFT))


NEWS: dict[str, tuple[Any, ...]] = {
    "a note": (commands.add_note, "Nothing in the gateway's logs"),
    "an update": (commands.post_update, "Seen by all\n" * 8),
    "a severity": (commands.change_severity, Severity.P1, "All cards"),
    "the end": (commands.resolve, "Rolled back"),
}
# Where the reader is: what they look at, where on the screen it is, how much may move around it.
PLACES = {
    "at the very top": ("#how-it-stands", None, AT_THE_TOP),
    "a little below the top": ("#how-it-stands", 60, AT_THE_TOP),
    "in the timeline": ("#event-8", "center", SCROLLED),
    "at the end": ("#event-10", "end", SCROLLED),
    "typing": ("#note-text", "center", BESIDE_THE_FORM),
}


@pytest.mark.parametrize(
    "screen, places",
    [
        pytest.param(DESK, ("at the very top", "in the timeline", "typing"), id="desk"),
        pytest.param(PHONE, tuple(PLACES), id="phone"),
    ],
)
def test_news_of_an_incident_move_nothing_that_is_read(
    chromium: Browser, site: Site, act: Act, screen: Any, places: tuple[str, ...]
) -> None:
    moved: dict[str, object] = {}
    with opened(chromium, viewport=screen) as page:
        site.sign_in(page)
        for place in places:
            selector, where, limit = PLACES[place]
            reference = act(commands.declare, "Cards are declined", "P2")
            for number in range(9):
                act(commands.add_note, reference, f"Seen in the logs, {number}. " * 6)
            watch(page, f"{site.url}/incidents/{reference}")
            if screen is PHONE:
                page.evaluate(LIKE_SAFARI)  # which keeps nothing in place by itself
            read = page.locator(selector)
            go(page, read, where)
            page.evaluate(WATCH)
            at = read.evaluate(TOP)
            for name, (command, *arguments) in NEWS.items():
                act(command, reference, *arguments)
                shift = hear(page)
                expect(page.locator("#news")).to_contain_text("New: ")
                if abs((now := read.evaluate(TOP)) - at) > 1 and not is_at_the_forms_end(
                    place, name
                ):
                    moved[f"{place}, {name}: by pixels"] = now - at
                if shift > limit:
                    moved[f"{place}, {name}: shift"] = round(shift, 4)
                at = now
    assert moved == {}


def is_at_the_forms_end(place: str, name: str) -> bool:
    """On a phone the link to the form of updates goes with the form: seen only at the very top."""
    return place == "at the very top" and name == "the end"


def go(page: Page, read: Locator, where: str | int | None) -> None:
    """Bring the reader to what they look at; who types has begun a sentence."""
    if read.evaluate("element => element.matches('textarea')"):
        read.evaluate("element => element.closest('details').open = true")
        read.fill("half a sentence")
    if isinstance(where, int):
        page.evaluate("pixels => scrollTo(0, pixels)", where)
    elif where:
        read.evaluate("(element, block) => element.scrollIntoView({ block })", where)


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_cards_keep_their_places_while_somebody_is_at_them_and_name_what_is_new(
    chromium: Browser, site: Site, act: Act, screen: Any
) -> None:
    first, second, third = (
        act(commands.declare, f"Checkout is slow {number}", "P2") for number in range(3)
    )
    with opened(chromium, viewport=screen) as page:
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        watch(page, site.url)
        page.evaluate(WATCH)
        places = order(page)
        worst = act(commands.declare, "The worst of all", "P1")
        assert hear(page) < STILL
        line = page.locator("#open-news")
        expect(line).to_be_in_viewport()
        expect(line).to_contain_text(f"{worst} The worst of all")
        line.get_by_role("button", name="Show").focus()
        expect(page.get_by_role("heading", name="Open")).to_contain_text(str(len(places) + 1))
        expect(page.locator("#news")).to_contain_text(f"New: P1, Declared, {worst}")
        act(commands.post_update, second, "A bad deploy")
        assert hear(page) < AT_THE_TOP
        expect(page.locator(f"#{card(second)}")).to_contain_text("A bad deploy")
        act(commands.change_severity, third, Severity.P1, "All cards")
        act(commands.resolve, first, "Rolled back")
        assert hear(page) < STILL
        expect(page.locator(f"#{card(third)} .severity")).to_have_text("P1")
        expect(page.locator(f"#{card(first)}")).to_have_text(f"{first} is not open any more")
        assert order(page) == places
        assert page.evaluate("document.activeElement.id") == "open-news-show", "the focus stays"

        page.get_by_role("button", name="Show", exact=True).click()
        expect(line).to_be_hidden()
        assert line.inner_html() == "<p></p>", "nothing of it stays"
        expect(page.locator(f"#{card(first)}")).to_have_count(0)
        assert set(order(page)[:2]) == {card(worst), card(third)}
        expect(page.locator(f"#{card(worst)} a")).to_be_focused()
        for reference in (second, third, worst):
            act(commands.resolve, reference, "Rolled back")


def test_cards_are_put_in_order_when_nobody_is_at_them(
    chromium: Browser, site: Site, act: Act
) -> None:
    act(commands.declare, "Search lags", "P3")
    with opened(chromium, viewport=DESK) as page:
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        watch(page, site.url)
        page.evaluate(WATCH)
        left = act(commands.declare, "Worse", "P2")
        hear(page)
        assert card(left) not in order(page)
        page.evaluate(LEAVE)
        page.clock.run_for(1_000)
        page.evaluate(COME_BACK, "visibilitychange")
        expect(page.locator(f"#{card(left)}")).to_be_attached()

        page.clock.run_for(POLL_MS)
        page.mouse.move(300, 300)
        still = act(commands.declare, "Worse still", "P1")
        hear(page)
        assert card(still) not in order(page)
        page.clock.fast_forward(STILL_MS)
        expect(page.locator("#cards > li").first).to_have_id(card(still))


def test_the_verification_of_the_audit_log_leaves_its_reader_in_place(
    chromium: Browser, site: Site, act: Act
) -> None:
    for number in range(4):
        act(commands.declare, f"For the log, {number}", "P4")
    with opened(chromium, viewport=PHONE) as page:
        site.sign_in(page)
        watch(page, f"{site.url}/settings/audit")
        page.evaluate(LIKE_SAFARI)
        read = page.locator(".log-entry").nth(3)
        read.evaluate("element => element.scrollIntoView({ block: 'center' })")
        page.evaluate(WATCH)
        at = read.evaluate(TOP)
        page.locator("form.acts").evaluate("form => form.requestSubmit()")
        page.locator("[aria-label='Verification under way']").wait_for()
        assert abs(read.evaluate(TOP) - at) <= 1  # where it lies between two pixels
        while page.locator("[aria-label='Verification under way']").count():
            page.clock.run_for(2_000)
        expect(page.get_by_role("heading", name="The log is whole")).to_be_attached()
        assert abs(read.evaluate(TOP) - at) <= 1  # where it lies between two pixels
        assert shift_of(page) < SCROLLED


def order(page: Page) -> list[str]:
    return page.locator("#cards > li").evaluate_all("cards => cards.map(card => card.id)")


def card(reference: str) -> str:
    return f"card-{reference.removeprefix('INC-')}"
