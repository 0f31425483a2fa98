"""What a machine lacks comes from Debian's packages, unpacked and not installed."""

from pathlib import Path

import pytest

from tests.servers import debian
from tests.servers.missing import Missing

# A machine that knows of no packages, or of old ones, before `update`; it proposes as apt-get does.
APT_GET = """#!/bin/sh
echo "$@" >> {folder}/asked
case $1 in
  update) : > {folder}/lists; /bin/rm -f {folder}/old ;;
  install) [ -e {folder}/lists ] || exit 100
    echo "Inst fonts-fine (1.0 Debian:12.15/oldstable [all])"
    echo "Inst libserve2 (5.3.0-1 Debian:12.15/oldstable [amd64])"
    echo "Inst server [1.0] (5:7.0.15-1 Debian-Security:12/oldstable-security [amd64]) []"
    echo "Conf server (5:7.0.15-1 Debian-Security:12/oldstable-security [amd64])" ;;
  download) [ ! -e {folder}/old ] || exit 100
    : > server.deb ;;
esac
"""
DPKG_DEB = """#!/bin/sh
/bin/mkdir -p $3/usr/bin $3/usr/lib/x86_64-linux-gnu && /bin/cp /bin/true $3/usr/bin/server
"""


@pytest.fixture
def fresh_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name, script in (("apt-get", APT_GET), ("dpkg-deb", DPKG_DEB)):
        (tmp_path / name).write_text(script.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(debian, "UNPACKED", tmp_path / "unpacked")
    return tmp_path


def asked_of_apt(machine: Path) -> list[str]:
    return (machine / "asked").read_text().splitlines()


def test_a_program_is_fetched_with_its_libraries_once(
    fresh_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = debian.program("server", "server")
    assert found == debian.program("server", "server")
    assert found.exists()
    assert debian.environment(found) == {
        "LD_LIBRARY_PATH": str(debian.UNPACKED / "server/usr/lib/x86_64-linux-gnu")
    }
    plan, update, again, download = asked_of_apt(fresh_machine)
    assert plan == again
    assert update.startswith("update")
    assert download.startswith("download libserve2 server -o")


def test_a_version_that_is_gone_is_looked_for_anew(
    fresh_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for name in ("lists", "old"):
        (fresh_machine / name).touch()
    assert debian.program("server", "server").exists()
    plan, download, update, again, anew = asked_of_apt(fresh_machine)
    assert (plan, download) == (again, anew)
    assert update.startswith("update")


def test_a_program_on_path_needs_nothing(fresh_machine: Path) -> None:
    (fresh_machine / "server").write_text("")
    (fresh_machine / "server").chmod(0o755)
    found = debian.program("server", "server")
    assert found == fresh_machine / "server"
    assert debian.environment(found) == {}
    assert not (fresh_machine / "asked").exists()


def test_who_may_not_update_the_lists_is_told_what_to_install(
    fresh_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Missing, match="apt-get install server"):
        debian.program("server", "server")
    assert len(asked_of_apt(fresh_machine)) == 1
