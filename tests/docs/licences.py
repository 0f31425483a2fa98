"""Lists the licences of everything that runs in production: `make licences` writes docs/licences.md.

Read from the metadata of what is installed, for each package that requirements.txt or
requirements-observability.txt names. A licence that is not known to go with ours stops `make check`,
until somebody has read it. What only development needs is not passed on, and not looked at.
"""

import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/licences.md"

# What may be shipped together with code under MIT. The weak copyleft ones are unchanged libraries that
# anybody can replace in the image's site-packages, which is what they ask for.
COMPATIBLE = {
    "MIT", "MIT-0", "MIT-CMU", "BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0",
    "0BSD", "Python-2.0", "MPL-2.0", "LGPL-3.0-or-later", "LGPL-3.0",
}  # fmt: skip

# How packages write them that do not say it in SPDX's words.
_SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "the bsd license": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "the mit license (mit)": "MIT",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu library or lesser general public license (lgpl)": "LGPL-3.0",
    "lgpl with exceptions": "LGPL-3.0",
    "dual license": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil says so in its LICENSE
}


@dataclass(frozen=True)
class Licence:
    """One package, and under which terms it comes. `terms` is empty where its metadata is silent."""

    package: str
    terms: str
    home: str


def required(requirements: str) -> list[str]:
    """Return the packages a requirements file names, those left out on this machine too."""
    named = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", requirements, re.M)
    return list(dict.fromkeys(named))


# What requirements.txt names for other Pythons or platforms, read by hand: it is not installed everywhere.
ELSEWHERE = {
    "async-timeout": ("Apache-2.0", "https://github.com/aio-libs/async-timeout"),
    "backports-zstd": ("PSF-2.0", "https://github.com/rogdham/backports.zstd"),
    "deprecated": ("MIT", "https://github.com/laurent-laporte-pro/deprecated"),
    "brotlicffi": ("MIT", "https://github.com/python-hyper/brotlicffi"),
}


def licences(packages: list[str]) -> list[Licence]:
    """Return the licence of each package. Raises PackageNotFoundError for one nobody knows of."""
    found = []
    for package in packages:
        if package in ELSEWHERE:
            found.append(Licence(package, *ELSEWHERE[package]))
        else:
            about = metadata.metadata(package)
            found.append(Licence(package, _terms(about), _home(about)))
    return found


def _terms(about: "metadata.PackageMetadata") -> str:
    stated = about.get("License-Expression") or ""
    if stated:
        return stated
    for classifier in about.get_all("Classifier") or []:
        if classifier.startswith("License :: OSI Approved :: "):
            word = classifier.rsplit(" :: ", 1)[1]
            return _SPDX.get(word.lower(), word)
    words = (about.get("License") or "").strip().splitlines()[:1]
    return _SPDX.get(words[0].strip().lower(), words[0].strip()) if words else ""


def _home(about: "metadata.PackageMetadata") -> str:
    links = dict(
        entry.split(", ", 1) for entry in about.get_all("Project-URL") or [] if ", " in entry
    )
    lower = {name.lower(): url for name, url in links.items()}
    for name in ("source", "source code", "repository", "github", "homepage", "code"):
        if name in lower:
            return lower[name]
    return about.get("Home-page") or next(iter(links.values()), "")


def incompatible(found: list[Licence]) -> list[str]:
    """Return what somebody has to read first: unknown terms, or none at all."""
    return [
        f"{licence.package}: {licence.terms or 'no licence stated'}"
        for licence in found
        if not _is_compatible(licence.terms)
    ]


def _is_compatible(terms: str) -> bool:
    # With OR one of them is enough; with AND all must do.
    return any(
        all(part.strip(" ()") in COMPATIBLE for part in choice.split(" AND "))
        for choice in terms.split(" OR ")
    )


def always() -> list[Licence]:
    """Return the licences of what every installation has."""
    return licences(required((ROOT / "requirements.txt").read_text()))


def for_observability() -> list[Licence]:
    """Return the licences of what OpenTelemetry and Sentry need besides."""
    known = required((ROOT / "requirements.txt").read_text())
    wanted = required((ROOT / "requirements-observability.txt").read_text())
    return licences([package for package in wanted if package not in known])


def page() -> str:
    """Return docs/licences.md."""
    lines = [
        "# Licences",
        "",
        "incidentbot is under the [MIT licence](../LICENSE). It comes with these packages.",
        "`make licences` writes this list from their own metadata; `make check` fails when it is no longer",
        "true, or when a licence is not known to go with ours. What is vendored in `static/vendor/` has its",
        "licence beside it. What only development needs (`requirements-dev.txt`) is not passed on and not",
        "listed: some of it, such as hadolint, is under the GPL.",
        "",
        "## Always",
        "",
        *_table(always()),
        "",
        "## With OpenTelemetry and Sentry",
        "",
        "Only where `requirements-observability.txt` is installed.",
        "",
        *_table(for_observability()),
    ]
    return "\n".join(lines) + "\n"


def _table(found: list[Licence]) -> list[str]:
    rows = [f"| {entry.package} | {entry.terms} | <{entry.home}> |" for entry in found]
    return ["| package | licence | from |", "|---|---|---|", *rows]


def main() -> int:
    """Print the page; with --check compare it with what is there, and look at every licence."""
    found = always() + for_observability()
    wrong = incompatible(found)
    for line in wrong:
        print(f"not known to be compatible: {line}", file=sys.stderr)
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != page():
            print("docs/licences.md is not true any more: make licences", file=sys.stderr)
            return 1
    else:
        print(page(), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
