"""`make screenshots`: a live incident, and pictures of it: docs/images, test-results/screenshots."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import requests
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from incidentbot.extensions import db
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.browser.demo_site import demo_site, pages_before_signing_in, pages_of
from tests.browser.sandbox_page import Person, person
from tests.installation import install
from tests.scenarios.world import ADA, GRACE, LINUS, MARGARET, World, eventually, world
from tests.servers.browser import LAUNCH_ARGS, chromium
from tests.servers.processes import ROOT

SHOWN = ROOT / "docs" / "images"
ALL = ROOT / "test-results" / "screenshots"
SIZES: dict[str, ViewportSize] = {
    "1280": {"width": 1280, "height": 800},
    "390": {"width": 390, "height": 844},
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
INCIDENTS = 350  # a year's
SHOWN_PAGES = {
    ("incidents.index", "1280", "light"): "list.png",
    ("insights.index", "1280", "dark"): "insights.png",
    ("status_page.index", "1280", "light"): "status.png",
}
PRIYA, INCIDENTBOT = "U0PRIYA00A", "U0INCBOT00"
SETTINGS = {
    "SERVICES": "payments,checkout,search,accounts",
    "SERVICE_OWNERS": f'{{"payments": ["{LINUS}"]}}',
    "P1_USERS": f"{PRIYA},{MARGARET}",
    "NOTIFICATION_CHANNEL_GENERAL": "#general",
    "NOTIFICATION_CHANNEL_ENGINEERING": "#engineering",
}


def main() -> None:
    """Tell the story, then take every picture."""
    for folder in (SHOWN, ALL):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(
            executable_path=str(chromium()), args=list(LAUNCH_ARGS)
        )
        with world(f"sqlite:///{folder}/app.db", folder, **SETTINGS) as company:
            room = tell(company)
            take_shown(browser, company, room)
            take_sandbox(browser, company, room)
            take_shown_page(browser, company)
            take_undelivered(browser, company)
        take_every_page(browser)
        browser.close()
    for path in sorted([*SHOWN.glob("*.png"), *ALL.glob("*.png")]):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB")


def tell(company: World) -> str:
    """Run an incident up to its third update; return its channel."""
    reference = company.declare(
        GRACE,
        title="Card payments fail at checkout",
        severity="P2",
        summary="About one in five card payments is declined since the 14:20 release.",
    )
    company.act("close", user=GRACE)
    room = str(eventually(lambda: complete_room(company, reference)))
    told(company, room, GRACE, "severity P1 Half of all payments fail now")
    company.act("message", user=LINUS, channel=room, text="Rolling the gateway back, 5 minutes.")
    told(company, room, GRACE, "status identified The new gateway client drops idle connections")
    told(company, room, GRACE, "note Release 2026.11.24-2 went out at 14:20")
    company.act(
        "message", user=LINUS, channel=room, text="Rolled back on *all* nodes :tada: @grace"
    )
    told(company, room, GRACE, "status monitoring Rolled back; declines are falling")
    company.declare(ADA, title="Search results lag by an hour", service="search", severity="P3")
    company.act("close", user=ADA)
    return room


def told(company: World, room: str, user: str, text: str) -> None:
    """Have a command carried out, and wait until the channel has heard of it."""
    heard = len(company.messages(room, LINUS))
    company.type(user, text, room)
    eventually(lambda: len(company.messages(room, LINUS)) > heard)


def complete_room(company: World, reference: str) -> str:
    """The channel of an incident, once its card is pinned."""
    for channel in company.get(f"/sandbox/seen?as={ADA}")["channels"]:
        seen = company.get(f"/sandbox/seen?as={ADA}&channel={channel['id']}")["channel"]
        if seen["topic"].startswith(f"{reference} ") and seen["pins"] and seen["bookmarks"]:
            return str(channel["id"])
    return ""


def take_shown(browser: Browser, company: World, room: str) -> None:
    """The picture of the incident's channel that the README shows."""
    tall = {"width": 1280, "height": 890}
    with person(browser, company.slack_url, LINUS, viewport=tall, color_scheme="light") as linus:
        linus.go(room)
        linus.go(room)  # the second time nothing is new
        expect(linus.messages).to_contain_text("declines are falling")
        linus.page.locator(".message-pinned").evaluate("card => card.scrollIntoView()")
        linus.page.screenshot(path=SHOWN / "slack.png")


def take_sandbox(browser: Browser, company: World, room: str) -> None:
    """Every view of the sandbox's page."""
    for scheme in SCHEMES:
        for size, viewport in SIZES.items():
            with person(
                browser, company.slack_url, GRACE, viewport=viewport, color_scheme=scheme
            ) as grace:
                walk_sandbox(grace, company, room, f"{size}-{scheme}")


def walk_sandbox(grace: Person, company: World, room: str, kind: str) -> None:
    """Open one thing after another as Grace, and take its picture."""
    page = grace.page

    def take(name: str) -> None:
        page.wait_for_timeout(250)
        page.screenshot(path=ALL / f"slack-{name}-{kind}.png")

    take("general")
    grace.go(room)
    take("room")
    if kind.startswith("390"):
        page.get_by_role("button", name="Channels").click()
        take("channels")
        page.get_by_role("button", name="You are").click()
        take("people")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="You are").click()
        take("people")
        page.keyboard.press("Escape")
    box = page.get_by_label("Message", exact=True)
    box.fill("/incident ")
    take("hints")
    box.fill("/incident help")
    box.press("Enter")
    expect(grace.newest).to_contain_text("What you can do")
    take("help")
    grace.messages.get_by_role("button", name="Actions on").last.click()
    take("menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="1 pinned").click()
    take("pins")
    page.keyboard.press("Escape")
    grace.write("/incident declare")
    expect(grace.modal).to_be_visible()
    grace.submit("Declare")
    expect(grace.modal.get_by_text("Please complete").first).to_be_visible()
    take("declare")
    page.keyboard.press("Escape")
    expect(grace.modal).to_have_count(0)
    page.get_by_role("button", name="Faults & calls").click()
    page.get_by_role("button", name="+ 100 ms latency").click()
    page.get_by_text("Another fault").click()
    expect(page.get_by_text("Latency on *")).to_be_visible()
    take("faults")
    page.get_by_role("button", name="Remove:").click()
    expect(page.get_by_text("No faults")).to_be_visible()
    page.get_by_role("heading", name="Calls of the app").scroll_into_view_if_needed()
    take("calls")
    page.goto(f"{company.slack_url}/?as={MARGARET}&channel={INCIDENTBOT}")
    expect(grace.messages).to_contain_text("You are on the list")
    take("direct")


def take_shown_page(browser: Browser, company: World) -> None:
    """The picture of the incident's page that the README shows."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 890}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    with signed_in(page, company):
        page.goto(f"{company.app_url}/incidents/INC-1")
        expect(page.locator(".undelivered")).to_have_count(0, timeout=30_000)
        page.screenshot(path=SHOWN / "web.png")
    context.close()


def take_every_page(browser: Browser) -> None:
    """Every page of the web app, on a year of made-up incidents."""
    with tempfile.TemporaryDirectory() as folder, demo_site(Path(folder), INCIDENTS) as site:
        app = install(site.database_url)
        pages = pages_of(app)
        before = pages_before_signing_in(app)
        for scheme in SCHEMES:
            for size, viewport in SIZES.items():
                context = browser.new_context(
                    viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
                )
                page = context.new_page()
                for name, path in before.items():
                    page.goto(site.url + path)
                    page.screenshot(path=ALL / f"web-{name}-{size}-{scheme}.png", full_page=True)
                    if (name, size, scheme) in SHOWN_PAGES:
                        page.screenshot(path=SHOWN / SHOWN_PAGES[name, size, scheme])
                site.sign_in(page, "Ada Winter")
                for name, path in pages.items():
                    page.goto(site.url + path)
                    page.wait_for_load_state("networkidle")
                    file = f"web-{name.replace(' ', '-')}-{size}-{scheme}.png"
                    page.screenshot(path=ALL / file, full_page=True)
                    if (name, size, scheme) in SHOWN_PAGES:
                        page.screenshot(path=SHOWN / SHOWN_PAGES[name, size, scheme])
                context.close()


def take_undelivered(browser: Browser, company: World) -> None:
    """Have Slack refuse an update, and look at what an admin sees of it."""
    revoked = {"token_state": "revoked"}
    requests.put(f"{company.slack_url}/sandbox/settings", json=revoked, timeout=10)
    company.type(GRACE, "status INC-1 Declines are back to normal")
    for scheme in SCHEMES:
        for size, viewport in SIZES.items():
            context = browser.new_context(viewport=viewport, color_scheme=scheme)
            page = context.new_page()
            with signed_in(page, company):
                for name, path in {
                    "deliveries": "/settings/deliveries",
                    "late": "/incidents/INC-1",
                }.items():
                    page.goto(company.app_url + path)
                    expect(page.get_by_text("token_revoked").first).to_be_visible()
                    page.screenshot(path=ALL / f"web-{name}-{size}-{scheme}.png", full_page=True)
            context.close()


@contextmanager
def signed_in(page: Page, company: World) -> Iterator[None]:
    """Sign the page in as an admin."""
    app = install(company.env["DATABASE_URL"])
    with app.app_context():
        session = db.session()
        user = invite(session, "admin@example.com", Role.ADMIN, "Ada Winter")
        secret = make_sign_in_secret(session, user)
    page.goto(f"{company.app_url}/sign-in")
    page.screenshot(path=ALL / "web-sign-in.png", full_page=True)
    page.goto(f"{company.app_url}/sign-in/{secret}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{company.app_url}/")
    yield


if __name__ == "__main__":
    main()
