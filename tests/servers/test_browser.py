"""Chromium is found, or installed, and draws a page."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.servers import browser
from tests.servers.missing import Missing


def test_it_draws_a_page(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<h1>All <em>operational</em></h1>")
    assert page.inner_text("h1") == "All operational"
    page.close()


def test_without_one_root_on_debian_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    apt_get = tmp_path / "apt-get"
    apt_get.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f"/bin/cp /bin/true {tmp_path}/chromium; /bin/chmod +x {tmp_path}/chromium\n"
    )
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "_of_playwright", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert browser.chromium() == tmp_path / "chromium"
    update, install = (tmp_path / "asked").read_text().splitlines()
    assert update == "update"
    assert install.startswith("install --yes")
    assert "chromium" in install


def test_without_one_others_are_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "_of_playwright", lambda: None)
    with pytest.raises(Missing, match="apt-get install chromium"):
        browser.chromium()
