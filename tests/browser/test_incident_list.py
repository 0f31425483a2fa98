"""The list of incidents in a real browser: filters and the back button, keys, live cards, a phone."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.models import Incident
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.browser.conftest import Site, served
from tests.browser.test_web_pages import assert_accessible, assert_fits, opened
from tests.installation import install

SECRET = "Payroll-of-everybody"
CARDS_MS = 3_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One live app without Slack, with two closed incidents, two open ones and a private one."""
    folder = tmp_path_factory.mktemp("site")
    database_url = f"sqlite:///{folder}/app.db"
    install(database_url)
    with served(folder, database_url) as site:
        for title, severity, service in (
            ("Cards are declined", "P1", "payments"),
            ("Search lags", "P3", "search"),
            ("Checkout is slow", "P2", "payments"),
            ("Index is stale", "P4", "search"),
        ):
            declare(site, title, severity=severity, service=service)
        act(site, commands.resolve, "INC-1", "Rolled back the gateway")
        act(site, commands.cancel, "INC-2", "False alarm")
        declare(site, SECRET, is_private=True)
        yield site


def act(site: Site, command: object, *arguments: object) -> None:
    """Do something past the browser, as Cora, who commands it all."""
    with install(site.database_url).app_context():
        session = db.session()
        user = invite(session, "cora@example.com", Role.RESPONDER, "Cora Diaz")
        actor: Actor = actor_for(user, Door.WEB, "192.0.2.1")
        assert callable(command)
        reference, *more = arguments
        command(session, reference, actor, *more)


def declare(site: Site, title: str, **fields: object) -> None:
    wanted = {"severity": "P3", "service": "payments", **fields}
    with install(site.database_url).app_context():
        session = db.session()
        user = invite(session, "cora@example.com", Role.RESPONDER, "Cora Diaz")
        actor = actor_for(user, Door.WEB, "192.0.2.1")
        commands.declare(session, commands.Declaration(title=title, **wanted), actor)


def rows(page: Page) -> list[str]:
    return page.locator(".row-title").all_inner_texts()


def test_a_filter_lives_in_the_address_and_the_back_button_restores_it(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, timezone_id="Asia/Tokyo") as page:
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        page.get_by_text("Filter and search").click()
        page.get_by_label("Service").select_option("payments")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".filter-summary")).to_contain_text("1 filter")
        assert rows(page) == ["Checkout is slow", "Cards are declined"]
        assert parse_qs(urlsplit(page.url).query) == {"service": ["payments"]}

        page.get_by_label("Words in the title").fill("gateway roll")
        page.get_by_label("Declared from").fill("2020-01-01")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".filter-summary")).to_contain_text("3 filters")
        assert rows(page) == ["Cards are declined"]
        assert parse_qs(urlsplit(page.url).query)["zone"] == ["Asia/Tokyo"]

        page.go_back()
        assert rows(page) == ["Checkout is slow", "Cards are declined"]
        expect(page.get_by_label("Words in the title")).to_have_value("")
        expect(page.get_by_label("Service")).to_have_value("payments")
        page.go_forward()
        expect(page.get_by_label("Words in the title")).to_have_value("gateway roll")
        page.get_by_role("link", name="Clear", exact=True).click()
        expect(page.get_by_role("heading", name="Open 2")).to_be_visible()


def test_a_filter_works_without_javascript(chromium: Browser, site: Site) -> None:
    with opened(chromium, java_script_enabled=False) as page:
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        page.get_by_text("Filter and search").click()
        page.get_by_label("P4").check()
        page.get_by_label("P3", exact=True).check()
        page.get_by_role("button", name="Show").click()
        assert rows(page) == ["Index is stale", "Search lags"]
        expect(page.get_by_label("P4")).to_be_checked()


def test_keys_step_through_the_incidents_and_open_them(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        seen = []
        for key in "jjjk":
            page.keyboard.press(key)
            seen.append(page.evaluate("document.activeElement.textContent"))
        assert seen == ["Checkout is slow", "Index is stale", "Search lags", "Index is stale"]
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Index is stale")
        page.wait_for_load_state()  # its scripts hear no key before
        page.keyboard.press("g")
        page.keyboard.press("i")
        page.wait_for_url(f"{site.url}/")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.type("n")
        assert page.url == f"{site.url}/"
        page.locator("h2").first.click()
        page.keyboard.press("n")
        page.wait_for_url(f"{site.url}/incidents/new")


def test_cards_renew_themselves_without_moving_what_one_reads(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, viewport={"width": 390, "height": 500}) as page:
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        page.clock.install()
        page.goto(site.url)
        link = page.get_by_role("link", name="Index is stale")
        link.focus()
        link.evaluate("link => link.scrollIntoView({block: 'center'})")
        was_at = link.evaluate("link => link.getBoundingClientRect().top")
        declare(site, "The worst of all", severity="P1")
        act(site, commands.post_update, "INC-4", "Reindexing")
        page.clock.fast_forward(CARDS_MS)
        expect(page.get_by_role("heading", name="Open 3")).to_be_attached()
        expect(page.locator("#news")).to_contain_text("New: P1, Declared, INC-6 The worst of all")
        expect(page.locator("#news")).to_contain_text("Update of INC-4")
        expect(page.locator("#card-4")).to_contain_text("Reindexing")
        assert page.evaluate("document.activeElement.textContent") == "Index is stale"
        is_at = link.evaluate("link => link.getBoundingClientRect().top")
        assert abs(is_at - was_at) <= 1, "what one reads stays where it is"

        # Nothing new: nothing comes.
        polls = f"{site.url}/incidents/cards"
        with page.expect_response(lambda answer: answer.url == polls and answer.status == 304):
            page.clock.fast_forward(CARDS_MS)
        act(site, commands.resolve, "INC-6", "done")
        page.clock.fast_forward(CARDS_MS)
        expect(page.locator("#news")).to_contain_text("INC-6 is not open any more")
        expect(page.locator("#card-6")).to_have_count(0)


def test_what_will_happen_follows_the_form(chromium: Browser, site: Site) -> None:
    with opened(chromium) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/incidents/new")
        preview = page.locator("#preview")
        expect(preview).to_contain_text("Choose a severity")
        page.get_by_label("What is wrong?").fill("Still here")
        page.get_by_label("Service", exact=True).select_option("search")
        page.locator("#severity-P1").check()
        expect(preview).to_contain_text("P1 on search")
        page.get_by_label("Private").check()
        expect(preview).to_contain_text("private")
        expect(page.get_by_label("What is wrong?")).to_have_value("Still here")
        page.get_by_label("What is wrong?").press("Enter")  # declares; it is not "Fill in"
        expect(page.get_by_role("heading", level=1)).to_have_text("Still here")


def test_a_private_incident_is_unseen_by_a_viewer_at_every_address(
    chromium: Browser, site: Site
) -> None:
    with install(site.database_url).app_context():
        number = db.session().query(Incident.number).filter_by(title=SECRET).scalar()
    paths = ("", "/postmortem", "/postmortem/edit", "/postmortem/download", "/live", "/actions")
    with opened(chromium) as page:
        site.sign_in(page)
        page.goto(f"{site.url}/incidents/INC-{number}")
        expect(page.get_by_role("heading", level=1)).to_have_text(SECRET)
        site.sign_in(page, "Vera Rubin", Role.VIEWER)
        for path in (*paths, "/timeline", "/deliveries", "/audit"):
            answer = page.goto(f"{site.url}/incidents/INC-{number}{path}")
            assert answer
            assert answer.status in {403, 404}, path
            assert SECRET not in page.content()
        for path in ("/", "/?q=payroll", "/?status=declared", "/incidents/cards", "/insights"):
            page.goto(f"{site.url}{path}")
            assert SECRET not in page.content(), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_is_accessible_and_fits_a_phone(
    chromium: Browser, site: Site, scheme: str
) -> None:
    phone = {"width": 390, "height": 844}
    with opened(chromium, color_scheme=scheme, bypass_csp=True, viewport=phone) as page:
        site.sign_in(page)
        for path in ("/", "/?q=card&status=nothing", "/?q=nothing", "/incidents/new"):
            page.goto(f"{site.url}{path}")
            assert_accessible(page)
            assert_fits(page, 390)
