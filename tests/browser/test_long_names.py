"""A name as long as it may be, without a space in it, breaks no page on a phone."""

from playwright.sync_api import Browser

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.services import add_service
from incidentbot.users.actor import OPERATOR, Actor, Door
from incidentbot.users.models import Role
from tests.browser.conftest import Site
from tests.installation import install

NAME = "Verylongname" * 8 + "wide"  # 100 letters
PAGES = (
    "/",
    "/incidents/new",
    "/incidents/INC-1",
    "/incidents/INC-1/customers",
    "/insights",
    "/settings/services",
    "/settings/services/new",
    "/settings/routing",
    "/settings/routing/new",
    "/settings/templates/new",
    "/settings/status-page",
    "/settings/audit",
)


def test_a_long_name_or_link_widens_no_page(site: Site, chromium: Browser) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    site.sign_in(page)
    with install(site.database_url).app_context():
        session = db.session()
        service = add_service(session, OPERATOR, NAME, [])
        ada = Actor(1, "Ada Lovelace", Role.ADMIN, Door.WEB, "192.0.2.7")
        declaration = commands.Declaration("It is slow", "P2", service.slug, commander_id=1)
        commands.declare(session, declaration, ada)
    wide = {}
    for address in PAGES:
        answer = page.goto(f"{site.url}{address}")
        assert answer is not None
        assert answer.status == 200, address
        assert NAME in page.content() or address not in ("/", "/settings/services"), address
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide[address] = width
    page.goto(f"{site.url}/settings/members/invite")
    page.get_by_label("E-mail").fill("lin@example.com")
    page.get_by_role("button", name="Make the invitation").click()
    page.get_by_role("button", name="Copy").click()
    # A link may have a hyphen to break at, or none.
    page.locator("#link").evaluate("link => link.textContent = 'x'.repeat(80)")
    if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
        wide["invited"] = width
    assert wide == {}
