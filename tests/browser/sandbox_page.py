"""A person at the sandbox's page: what they do there, in a browser of their own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.browser.conftest import AXE


@dataclass(frozen=True)
class Person:
    """Somebody who looks at the sandbox's page."""

    page: Page
    slack_url: str
    user: str

    def go(self, channel: str) -> None:
        """Open a channel by its address."""
        self.page.goto(f"{self.slack_url}/?as={self.user}&channel={channel}")
        expect(self.page.locator("#app")).not_to_have_attribute("aria-busy", "true")

    def write(self, text: str) -> None:
        """Write into the composer and press Enter; wait until it has been sent."""
        box = self.page.get_by_label("Message", exact=True)
        box.fill(text)
        box.press("Enter")
        expect(box).to_have_value("", timeout=10_000)

    def press(self, button: str) -> None:
        """Press a button of the newest message that has it."""
        self.messages.get_by_role("button", name=button, exact=True).last.click()

    def follow(self, name: str) -> None:
        """Follow a link in the list of channels."""
        self.page.get_by_role("navigation").get_by_role("link", name=re.compile(name)).click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(name)

    @property
    def messages(self) -> Locator:
        """The list of messages."""
        return self.page.get_by_role("log")

    @property
    def newest(self) -> Locator:
        """The newest message."""
        return self.messages.locator(".message").last

    @property
    def modal(self) -> Locator:
        """The modal on top."""
        return self.page.locator("#modal[open]")

    def submit(self, button: str) -> None:
        """Submit the modal."""
        self.modal.get_by_role("button", name=button, exact=True).click()


@contextmanager
def person(chromium: Browser, slack_url: str, user: str, **options: Any) -> Iterator[Person]:
    """Open the page as somebody; nothing may go wrong in its console."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    somebody = Person(page, slack_url, user)
    somebody.go("general")
    yield somebody
    context.close()
    assert errors == []


def assert_accessible(page: Page) -> None:
    """axe finds nothing on the page as it is now."""
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == [], page.url
