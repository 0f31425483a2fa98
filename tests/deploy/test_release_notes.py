"""A release says what CHANGELOG.md says of that version, by the very lines of the workflow."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.agreement import ROOT
from tests.deploy.reading import read_yaml

CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [1.0.0] - 2026-11-30

### Added

- The first release.

## [11.0.0] - 2026-01-01

- Another number with the same end.
"""


def notes(version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    steps = read_yaml(ROOT / ".github/workflows/docker.yml")[0]["jobs"]["release"]["steps"]
    (script,) = [step["run"] for step in steps if "awk" in step.get("run", "")]
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={"GITHUB_REF_NAME": f"v{version}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "version,line", [("1.0.0", "- The first release."), ("11.0.0", "- Another number")]
)
def test_the_notes_are_this_versions_part(version: str, line: str, tmp_path: Path) -> None:
    assert notes(version, tmp_path).returncode == 0
    text = (tmp_path / "notes.md").read_text()
    assert line in text
    assert text.count("\n- ") + text.startswith("- ") == 1


def test_a_version_nobody_wrote_about_is_not_released(tmp_path: Path) -> None:
    assert notes("2.0.0", tmp_path).returncode != 0
