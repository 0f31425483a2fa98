"""Programs of Debian packages for tests, without installing anything: Redis, nginx, promtool.

One on PATH is used first; else the package is fetched and unpacked under `.tools/`.
"""

import fcntl
import os
import re
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


def environment(program: Path) -> dict[str, str]:
    """Return the variables that a program needs: where its libraries are, if they were unpacked."""
    if UNPACKED not in program.parents:
        return {}
    package = UNPACKED / program.relative_to(UNPACKED).parts[0]
    folders = [str(folder) for folder in package.glob("usr/lib/*-linux-*")]
    return {"LD_LIBRARY_PATH": os.pathsep.join(folders)}


def _fetch(package: str) -> None:
    """Download a package (anybody may), with what it needs and this machine lacks, and unpack it."""
    folder = UNPACKED / package
    folder.mkdir(exist_ok=True)
    if not _download(package, folder) and os.geteuid() == 0:
        # A fresh machine knows of no packages yet, an old one of such as are gone.
        _apt_get("update", folder=folder)
        _download(package, folder)
    for archive in folder.glob("*.deb"):
        _run("dpkg-deb", "--extract", archive.name, ".", folder=folder)
        archive.unlink()


def _download(package: str, folder: Path) -> bool:
    names = _lacking(package)
    return bool(names) and _apt_get("download", *names, folder=folder) == 0


def _lacking(package: str) -> list[str]:
    """Return what apt would install, but for files without machine code, such as fonts."""
    plan = subprocess.run(
        ["apt-get", "install", "--simulate", "--yes", "--no-install-recommends", package],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        check=False,
    )
    return re.findall(r"^Inst (\S+) .*\[(?!all\])\w+\]\)", plan.stdout, re.MULTILINE)


def _apt_get(*arguments: str, folder: Path) -> int:
    # As root, apt-get would fetch as a user of its own who may not write here.
    return _run("apt-get", *arguments, "-o", "APT::Sandbox::User=root", folder=folder)


def _run(*command: str, folder: Path) -> int:
    return subprocess.run(
        list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    ).returncode
