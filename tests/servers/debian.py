"""Programs of Debian packages for tests, without installing anything: nginx, promtool.

One on PATH is used first; else the package is fetched and unpacked under `.tools/`.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.missing import Missing
from tests.servers.processes import ROOT

UNPACKED = ROOT / ".tools" / "debian"
# Debian leaves these out of PATH for everybody but root.
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")


def program(name: str, package: str) -> Path:
    """Return a program that Debian's `package` holds; fetch it where it is not on this machine."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
    on_path = shutil.which(name, path=path)
    if on_path is not None:
        return Path(on_path)
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with (UNPACKED / "lock").open("w") as lock:  # one test process fetches, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _unpacked(name, package)
        if found is None and shutil.which("apt-get") and shutil.which("dpkg-deb"):
            _fetch(package)
            found = _unpacked(name, package)
    if found is None:
        raise Missing(
            f"The tests need {name}. On Debian: apt-get install {package}; elsewhere put it on PATH."
        )
    return found


def _unpacked(name: str, package: str) -> Path | None:
    folder = UNPACKED / package / "usr"
    return next(
        (path for path in (folder / "bin" / name, folder / "sbin" / name) if path.exists()), None
    )


def _fetch(package: str) -> None:
    """Download a package (anybody may) and unpack it; its dependencies are Debian's base system."""
    folder = UNPACKED / package
    folder.mkdir(exist_ok=True)
    if _run("apt-get", "download", package, folder=folder) != 0 and os.geteuid() == 0:
        _run("apt-get", "update", folder=folder)  # a fresh machine knows of no packages yet
        _run("apt-get", "download", package, folder=folder)
    for archive in folder.glob("*.deb"):
        _run("dpkg-deb", "--extract", archive.name, ".", folder=folder)
        archive.unlink()


def _run(*command: str, folder: Path) -> int:
    # As root, apt-get would fetch as a user of its own who may not write here.
    options = ["-o", "APT::Sandbox::User=root"] if command[0] == "apt-get" else []
    return subprocess.run(
        [*command, *options],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    ).returncode
