"""Each way in, in a real browser: link, password by mail, a real OpenID Connect provider, Slack."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, Page, expect

from incidentbot.extensions import db
from incidentbot.users.models import Role, User
from tests.browser.conftest import AXE, Site
from tests.installation import install
from tests.scenarios.world import ADA, APP, SANDBOX
from tests.servers.oidc import CLIENT_ID, CLIENT_SECRET, Mode, Provider, oidc_provider
from tests.servers.ports import free_port
from tests.servers.processes import start

PASSWORD = "plums and thunder"
PHONE = {"width": 390, "height": 844}
TEAM = "T0SANDBOX0"  # the sandbox's workspace

SLACK_SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
}


class Postbox:
    """What takes the mail."""

    def __init__(self) -> None:
        self.mails: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope.content.decode())
        return "250 OK"


@dataclass(frozen=True)
class Surroundings:
    """What stands around the app: who takes its mail, and who signs people in."""

    port: int
    slack_api_url: str
    mail_port: int
    postbox: Postbox
    okta: Provider
    slack: Provider


@dataclass(frozen=True)
class House(Site):
    """A live app with every way in, and what stands around it."""

    around: Surroundings


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("surroundings")
    port, sandbox_port = free_port(), free_port()
    url, sandbox_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}"
    postbox = Postbox()
    mail = Controller(postbox, hostname="127.0.0.1", port=free_port())
    sandbox = {
        **SLACK_SECRETS,
        "SANDBOX_PORT": str(sandbox_port),
        "SANDBOX_APP_URL": f"{url}/slack/events",
        "SANDBOX_DATA": str(folder / "sandbox.json"),
    }
    mail.start()
    try:
        with (
            oidc_provider(f"{url}/sign-in/with/oidc/callback", folder) as okta,
            oidc_provider(f"{url}/sign-in/with/slack/callback", folder, TEAM) as slack,
            start(SANDBOX, sandbox, f"{sandbox_url}/", folder / "sandbox.log"),
        ):
            yield Surroundings(port, f"{sandbox_url}/api/", mail.port, postbox, okta, slack)
    finally:
        mail.stop()


@pytest.fixture
def house(
    surroundings: Surroundings, sqlite_url: str, tmp_path: Path, chromium: Browser
) -> Iterator[House]:
    install(sqlite_url)
    surroundings.postbox.mails.clear()
    surroundings.okta.be(Mode.NORMAL)
    surroundings.slack.be(Mode.NORMAL)
    url = f"http://127.0.0.1:{surroundings.port}"
    env = {
        **SLACK_SECRETS,
        "DATABASE_URL": sqlite_url,
        "PORT": str(surroundings.port),
        "BASE_URL": url,
        "SECRET_KEY": "browser",
        "LOG_FORMAT": "text",
        "SLACK_API_URL": surroundings.slack_api_url,
        "SLACK_CLIENT_ID": CLIENT_ID,
        "SLACK_CLIENT_SECRET": CLIENT_SECRET,
        "SLACK_ISSUER": surroundings.slack.url,
        "OIDC_ISSUER": surroundings.okta.url,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "Okta",
        "SMTP_URL": f"smtp://127.0.0.1:{surroundings.mail_port}",
        "MAIL_FROM": "incidentbot@example.com",
    }
    with start(APP, env, f"{url}/health", tmp_path / "app.log"):
        yield House(url, sqlite_url, surroundings)
        for context in chromium.contexts:  # the app waits for those who may ask again
            context.close()


def opened(browser: Browser, **more: Any) -> Page:
    return browser.new_context(**more).new_page()


def mailed_link(page: Page, house: House, number: int) -> str:
    """Return the link in the mail with this number, once it has come."""
    for _ in range(150):
        if len(house.around.postbox.mails) >= number:
            break
        page.wait_for_timeout(100)
    found = re.search(rf"{house.url}/sign-in/\S+", house.around.postbox.mails[number - 1])
    assert found
    return found[0]


def test_invited_by_mail_one_chooses_a_password_and_signs_in_with_it(
    chromium: Browser, house: House
) -> None:
    admin = opened(chromium)
    house.sign_in(admin)
    admin.get_by_role("link", name="Settings").click()
    admin.get_by_role("link", name="Members").click()
    admin.get_by_role("link", name="Invite somebody").click()
    admin.get_by_label("E-mail").fill("lin@example.com")
    admin.get_by_label("Name").fill("Lin Clark")
    admin.get_by_role("button", name="Send the invitation").click()
    expect(admin.get_by_role("main").get_by_role("status")).to_contain_text("Lin Clark is invited")

    lin = opened(chromium, viewport=PHONE)
    lin.goto(mailed_link(lin, house, 1))
    expect(lin.get_by_role("heading", level=1)).to_have_text("Welcome to incidentbot")
    lin.get_by_role("button", name="Sign in").click()
    lin.get_by_label("New password").fill("short")
    lin.get_by_role("button", name="Set the password").click()
    expect(lin.get_by_label("New password")).to_be_focused()
    expect(lin.get_by_text("Use at least 10 characters.")).to_be_visible()
    lin.get_by_label("New password").fill(PASSWORD)
    lin.get_by_role("button", name="Set the password").click()
    lin.wait_for_url(f"{house.url}/")
    lin.get_by_role("button", name="Sign out").click()
    lin.get_by_label("E-mail").fill("lin@example.com")
    lin.get_by_label("Password").fill("not the password")
    lin.get_by_role("button", name="Sign in", exact=True).click()
    expect(lin.get_by_role("alert")).to_contain_text("e-mail address or the password is wrong")
    expect(lin.get_by_label("E-mail")).to_have_value("lin@example.com")
    expect(lin.get_by_label("Password")).to_be_focused()
    lin.keyboard.type(PASSWORD)
    lin.keyboard.press("Enter")
    lin.wait_for_url(f"{house.url}/")

    again = opened(chromium)
    again.goto(f"{house.url}/sign-in")
    again.get_by_role("link", name="Forgot your password").click()
    again.get_by_label("E-mail").fill("lin@example.com")
    again.get_by_role("button", name="Send the link").click()
    expect(again.get_by_role("status")).to_contain_text("a link is on its way")
    again.goto(mailed_link(again, house, 2))
    again.get_by_role("button", name="Sign in").click()
    again.get_by_label("New password").fill("another fine word")
    again.get_by_role("button", name="Set the password").click()
    again.wait_for_url(f"{house.url}/")
    lin.reload()
    expect(lin).to_have_url(re.compile("/sign-in"))


def test_a_link_signs_in_once(chromium: Browser, house: House) -> None:
    page = opened(chromium)
    house.sign_in(page, "Grace Hopper", Role.VIEWER)
    page.get_by_role("link", name="My page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Grace Hopper")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_real_provider_signs_in_and_where_it_is_down_the_page_says_so(
    chromium: Browser, house: House
) -> None:
    page = opened(chromium)
    page.goto(f"{house.url}/incidents/new")
    page.get_by_role("link", name="Sign in with Okta").click()
    page.get_by_role("button", name="Lin Clark").click()
    page.wait_for_url(f"{house.url}/incidents/new")
    page.get_by_role("button", name="Sign out").click()
    house.around.okta.be(Mode.UNVERIFIED)
    other = opened(chromium)
    other.goto(f"{house.url}/sign-in")
    other.get_by_role("link", name="Sign in with Okta").click()
    other.get_by_role("button", name="Mallory").click()
    expect(other.get_by_role("alert")).to_contain_text("has not confirmed your e-mail address")
    house.around.okta.be(Mode.DOWN)
    page.get_by_role("link", name="Sign in with Okta").click()
    # Its addresses are known from before: the browser finds out by itself. Anew, the page tells.
    page.goto(f"{house.url}/sign-in/with/oidc/callback?code=x&state=x")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in with Slack")).to_be_visible()


def test_sign_in_with_slack_is_for_our_workspace(chromium: Browser, house: House) -> None:
    page = opened(chromium)
    page.goto(f"{house.url}/sign-in")
    page.get_by_role("link", name="Sign in with Slack").click()
    page.get_by_role("button", name="Ada Lovelace").click()
    page.wait_for_url(f"{house.url}/")
    app = install(house.database_url)
    with app.app_context():
        ada = db.session().query(User).filter_by(slack_user_id=ADA).one()
        assert (ada.role, ada.email) == (Role.RESPONDER, "ada@example.com")
    page.get_by_role("button", name="Sign out").click()
    house.around.slack.be(Mode.WRONG_TEAM)
    page.get_by_role("link", name="Sign in with Slack").click()
    page.get_by_role("button", name="Ada Lovelace").click()
    expect(page.get_by_role("alert")).to_contain_text("That is another Slack workspace.")


def test_my_page_links_a_provider_and_sets_how_things_look(chromium: Browser, house: House) -> None:
    page = opened(chromium)
    house.sign_in(page, "Grace Hopper", Role.RESPONDER)
    page.get_by_role("link", name="My page").click()
    page.get_by_role("link", name="Link Okta").click()
    page.get_by_role("button", name="Lin Clark").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("Okta is linked.")
    page.get_by_label("Dark").check()
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    page.get_by_label("Only that an incident began").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_phone(
    chromium: Browser, house: House, scheme: str
) -> None:
    page = opened(chromium, color_scheme=scheme, bypass_csp=True, viewport=PHONE)
    for path in ("/sign-in", "/sign-in/forgot", "/sign-in/unknown"):
        page.goto(house.url + path)
        assert_good(page)
    house.sign_in(page)
    app = install(house.database_url)
    with app.app_context():
        number = db.session().query(User).filter_by(email="ada@example.com").one().id
    paths = ("/password", "/me", "/settings/members", "/settings/members/invite")
    for path in (*paths, f"/settings/members/{number}"):
        page.goto(house.url + path)
        assert_good(page)


def assert_good(page: Page) -> None:
    """The page has no fault that axe finds, and needs no sideways scrolling."""
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url
