"""A real Chromium for tests. `python -m tests.servers.browser` finds or installs it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.missing import Missing

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Fonts too, or a screenshot shows boxes for letters and emoji.
DEBIAN_PACKAGES = ("chromium", "fonts-liberation", "fonts-noto-color-emoji")

# Chromium would otherwise talk to its maker's servers at every start.
LAUNCH_ARGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
)


def chromium() -> Path:
    """Return the browser to drive; as root on Debian install it if there is none."""
    with Path(__file__).open() as lock:  # one test process installs, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        for look in (_on_path, _of_playwright, _from_debian):
            found = look()
            if found is not None:
                return found
    raise Missing(
        "The browser tests need Chromium. Install it (on Debian: apt-get install chromium), "
        "or Playwright's own: .venv/bin/playwright install chromium"
    )


def _on_path() -> Path | None:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return None if found is None else Path(found)


def _of_playwright() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _from_debian() -> Path | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", *DEBIAN_PACKAGES)
    return _on_path()


def _apt_get(*arguments: str) -> None:
    subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=True,
    )


if __name__ == "__main__":
    try:
        print(chromium())
    except (Missing, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
