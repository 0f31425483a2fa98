"""The README shows what incidentbot is before it explains it."""

import re

from incidentbot.slack.commands import SUBCOMMANDS
from tests.docs.markdown import ROOT, links

README = ROOT / "README.md"


def test_it_shows_the_architecture_in_one_picture() -> None:
    assert "docs/images/architecture.svg" in links(README)


def test_the_picture_names_the_parts_and_asks_nobody_for_anything() -> None:
    picture = (ROOT / "docs/images/architecture.svg").read_text()
    for part in (
        *("Slack", "Browser", "Customers", "web", "Redis", "worker"),
        *("PostgreSQL", "Statuspage.io", "mail"),
    ):
        assert f">{part}" in picture
    assert "prefers-color-scheme: dark" in picture
    assert "href" not in picture
    assert "url(http" not in picture


def test_it_names_every_command() -> None:
    rows = re.findall(r"^\| (`/incident .+?) \| ", README.read_text(), re.M)
    named = re.findall(r"`(?:/incident )?([a-z]+)", " ".join(rows))
    assert set(named) == set(SUBCOMMANDS)
