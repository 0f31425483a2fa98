"""What an offline audit finds, in a folder of advisories like PyPA's."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.advisories import ROOT, Record, findings, pinned

LOCK = """\
flask==3.0.10 \\
    --hash=sha256:00
psycopg2_binary==2.9.9 ; sys_platform == 'linux' \\
    --hash=sha256:00
uvicorn[standard]==0.30.1
"""

RECORD = """\
id: PYSEC-2099-1
aliases: [CVE-2099-0001]
modified: "2099-01-02T03:04:05Z"
affected:
- package: {name: Flask, ecosystem: PyPI}
  ranges:
  - type: ECOSYSTEM
    events: [{introduced: "0"}, {fixed: 3.0.9}, {introduced: 3.0.10}, {fixed: 3.0.11}]
  versions: []
"""


def record(*events: dict[str, str], **more: object) -> Record:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}]
    affected = {"package": {"name": "flask", "ecosystem": "PyPI"}, "ranges": ranges}
    return {"id": "PYSEC-2099-1", "affected": [affected], **more}


def test_a_lock_is_read_with_markers_extras_and_other_spellings() -> None:
    assert pinned(LOCK) == {"flask": "3.0.10", "psycopg2-binary": "2.9.9", "uvicorn": "0.30.1"}


@pytest.mark.parametrize(
    "version, affected",
    [("0.1", True), ("1.9", True), ("1.10", False), ("2.0", True), ("2.3", True), ("2.4", False)],
)
def test_a_range_holds_what_lies_between_its_events(version: str, affected: bool) -> None:
    advisory = record(
        {"introduced": "0"}, {"fixed": "1.10"}, {"introduced": "2.0"}, {"last_affected": "2.3"}
    )

    assert bool(findings({"flask": version}, iter([advisory]))) == affected


def test_an_advisory_may_name_its_versions_one_by_one() -> None:
    advisory = record()
    advisory["affected"][0]["versions"] = ["1.0.1"]

    assert findings({"flask": "1.0.1"}, iter([advisory]))
    assert not findings({"flask": "1.0.2"}, iter([advisory]))


def test_an_advisory_taken_back_says_nothing() -> None:
    taken_back = record({"introduced": "0"}, withdrawn="2099-01-01T00:00:00Z")

    assert not findings({"flask": "1.0"}, iter([taken_back]))


def test_what_is_pinned_here_is_compared_and_a_finding_fails_the_audit(tmp_path: Path) -> None:
    version = pinned((ROOT / "requirements.txt").read_text())["flask"]
    advisory = tmp_path / "vulns/flask/PYSEC-2099-1.yaml"
    advisory.parent.mkdir(parents=True)

    advisory.write_text(RECORD.replace("3.0.10", version).replace("3.0.11", "999"))
    told = audit(tmp_path)
    assert told.returncode == 1
    assert f"flask {version}: PYSEC-2099-1 CVE-2099-0001; fixed in 3.0.9, 999" in told.stdout

    advisory.write_text(RECORD.replace("3.0.10", "998").replace("3.0.11", "999"))
    told = audit(tmp_path)
    assert told.returncode == 0
    assert "1 advisories up to 2099-01-02: 0 found." in told.stdout


def test_an_empty_folder_is_no_clean_audit(tmp_path: Path) -> None:
    told = audit(tmp_path)

    assert told.returncode == 1
    assert "nothing was checked" in told.stderr


def audit(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.docs.advisories", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
