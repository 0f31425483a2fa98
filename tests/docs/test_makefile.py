"""`make help` lists what there is, and each of its targets can be planned."""

import re
import subprocess

import pytest

from tests.docs.markdown import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M)
# What users and CI rely on.
PROMISED = [
    *("run", "setup", "test", "test-unit", "dev", "check", "fmt", "lint", "types", "migrate"),
    *("migration", "db-reset", "demo-data", "bench", "docker-build", "docker-up", "docker-down"),
    *("docker-logs", "audit", "screenshots", "clean", "ci", "help", "deploy-check", "licences"),
]


def make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed() -> dict[str, str]:
    found = re.findall(r"^  ([a-z-]+) +(\S.*)$", make("help"), re.M)
    return dict(found)


def test_help_lists_every_target() -> None:
    assert set(PROMISED) <= set(TARGETS)
    assert set(listed()) == set(TARGETS)
    assert all(len(text) > 10 for text in listed().values())


def test_the_docs_name_all_parts_of_make_check() -> None:
    parts = re.search(r"^check: (.+?)  ##", MAKEFILE, re.M)
    row = re.search(r"^\| `make check` \| .+$", (ROOT / "docs/testing.md").read_text(), re.M)
    assert parts is not None
    assert row is not None
    assert [part for part in parts[1].split() if f"`{part}`" not in row[0]] == []


@pytest.mark.parametrize("target", sorted(listed()))
def test_each_target_can_be_planned(target: str) -> None:
    assert make("--dry-run", "--always-make", target, "m=a message")


def test_every_target_is_phony_so_that_a_file_of_its_name_does_not_stop_it() -> None:
    phony = set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.M)).split())
    assert set(TARGETS) == phony


def test_the_sandbox_in_containers_has_the_sandboxs_own_secrets() -> None:
    from incidentbot.sandbox.settings import Settings as SandboxSettings
    from incidentbot.sandbox.statuspage.seed import PAGE as STATUS_PAGE

    plan = make("--dry-run", "docker-up", "sandbox=1")
    assert f"SLACK_BOT_TOKEN={SandboxSettings.bot_token} " in plan
    assert f"SLACK_SIGNING_SECRET={SandboxSettings.signing_secret} " in plan
    assert f"STATUSPAGE_API_KEY={SandboxSettings.statuspage_key} " in plan
    assert f"STATUSPAGE_PAGE_ID={STATUS_PAGE} " in plan
    assert "STATUSPAGE_API_URL=http://sandbox:8010/statuspage/v1 " in plan
    assert "--profile sandbox up" in plan
    assert "sandbox" not in make("--dry-run", "docker-up")
