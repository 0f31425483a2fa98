"""The docs list every setting, command and licence as they are."""

import json
import re

import pytest

from incidentbot import create_app
from incidentbot.channels.slack.scopes import SCOPES
from incidentbot.config import TOGETHER, Settings
from incidentbot.slack.manifest import manifest
from tests.docs import licences, tables
from tests.docs.markdown import ROOT, blocks
from tests.installation import small_company

DOCS = ROOT / "docs"
READ_BY_OTHERS = {"WEB_CONCURRENCY", "SANDBOX_PORT", "PROMETHEUS_MULTIPROC_DIR"}


def rows(page: str, beginning: str) -> list[str]:
    """Return the rows of a page's tables that begin in a way."""
    lines = (DOCS / page).read_text().splitlines()
    return [line for line in lines if line.startswith(beginning)]


@pytest.mark.parametrize("name,beginning", tables.settings().items())
def test_every_setting_is_documented_with_its_default(name: str, beginning: str) -> None:
    (row,) = rows("configuration.md", f"| `{name}` |")
    assert row.startswith(beginning), row
    assert len(row) > len(beginning) + 10, "it does not say what the setting is"


def test_no_setting_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^\| `([A-Z_0-9]+)` \|", (DOCS / "configuration.md").read_text(), re.M)
    assert set(documented) == {name.upper() for name in Settings.model_fields} | READ_BY_OTHERS
    assert len(documented) == len(set(documented))


def test_what_is_set_together_is_documented_as_it_is_checked() -> None:
    page = (DOCS / "configuration.md").read_text()
    part = page.split("These go together, all or none:\n\n", 1)[1].split("\n\n", 1)[0]
    groups = [re.findall(r"`([A-Z_]+)`", line.split(". ")[0]) for line in part.splitlines()]
    assert groups == [[name.upper() for name in group] for group in TOGETHER]
    assert re.search(r"`SLACK_CLIENT_ID`.+ need `SLACK_BOT_TOKEN`", part)


def test_every_setting_is_in_the_example() -> None:
    example = re.findall(r"^#([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.M)
    assert {name.upper() for name in Settings.model_fields} <= set(example)


def test_every_slash_command_is_documented() -> None:
    assert rows("commands.md", "| `/incident ") == tables.slash_commands()


def test_every_flask_command_is_documented() -> None:
    app = create_app(small_company("sqlite:///:memory:"))
    documented = rows("commands.md", "| `flask ")
    assert set(tables.flask_commands(app)) <= set(documented)
    extra = set(documented) - set(tables.flask_commands(app))
    assert all("flask --app app db upgrade" in row for row in extra), extra


def test_the_manifest_in_the_docs_is_the_real_one() -> None:
    (shown,) = [block for block in blocks(DOCS / "slack-setup.md") if block.info == "json"]
    assert json.loads(shown.text) == manifest("https://incidents.example.com")
    for scope, reason in SCOPES.items():
        assert rows("slack-setup.md", f"| `{scope}` | {reason} |")


def test_every_licence_is_listed_and_goes_with_ours() -> None:
    found = licences.always() + licences.for_observability()
    assert {"flask", "opentelemetry-sdk", "sentry-sdk"} <= {licence.package for licence in found}
    assert licences.incompatible(found) == []
    assert (DOCS / "licences.md").read_text() == licences.page()


@pytest.mark.parametrize(
    "terms,is_well",
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("Apache-2.0 AND BSD-2-Clause", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("SSPL-1.0", False),
        ("", False),
    ],
)
def test_a_licence_that_does_not_go_with_ours_is_refused(terms: str, is_well: bool) -> None:
    licence = licences.Licence("package", terms, "https://example.com")
    assert (licences.incompatible([licence]) == []) is is_well
