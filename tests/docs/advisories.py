"""Looks for known vulnerabilities where no vulnerability service can be asked: `make audit advisories=…`.

It reads a copy of PyPA's advisory database, a folder of OSV records (https://ossf.github.io/osv-schema/),
as from `git clone https://github.com/pypa/advisory-database`. It is as new as that copy is.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-observability.txt", "requirements-dev.txt")

Record = Mapping[str, Any]  # one advisory, as the OSV schema has it


@dataclass(frozen=True)
class Finding:
    """An advisory that speaks of a version we pin."""

    package: str
    version: str
    advisory: str
    aliases: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        names = " ".join((self.advisory, *self.aliases))
        mend = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fix is known"
        return f"{self.package} {self.version}: {names}; {mend}"


def pinned(*requirements: str) -> dict[str, str]:
    """Return the version of each package that requirements files pin, by its canonical name."""
    found: dict[str, str] = {}
    for text in requirements:
        lines = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.M)
        found |= {canonicalize_name(name): version for name, version in lines}
    return found


def findings(packages: Mapping[str, str], records: Iterator[Record]) -> list[Finding]:
    """Return what the advisories say of these versions; those taken back say nothing."""
    return [
        Finding(name, packages[name], record["id"], tuple(record.get("aliases", ())), fixes)
        for record in records
        if "withdrawn" not in record
        for name, fixes in _affected(record, packages)
    ]


def _affected(record: Record, packages: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for part in record.get("affected", ()):
        package = part["package"]
        name = canonicalize_name(package["name"])
        if package["ecosystem"] != "PyPI" or name not in packages:
            continue
        ranges = [one for one in part.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
        if packages[name] in part.get("versions", ()) or any(
            _within(Version(packages[name]), one["events"]) for one in ranges
        ):
            events = [event for one in ranges for event in one["events"]]
            yield name, tuple(event["fixed"] for event in events if "fixed" in event)


def _within(version: Version, events: list[Mapping[str, str]]) -> bool:
    """Tell whether a range holds a version: the last event at or before it decides."""
    inside = False
    for event in sorted(events, key=_at):
        kind = next(iter(event))
        if kind == "last_affected":
            inside = inside and version <= _at(event)
        elif version >= _at(event):
            inside = kind == "introduced"
    return inside


def _at(event: Mapping[str, str]) -> Version:
    try:
        return Version(next(iter(event.values())))
    except InvalidVersion:  # of old, before there was a rule; none that we pin is that old
        return Version("0")


def records_in(folder: Path) -> Iterator[Record]:
    """Yield every advisory of a copy of the database."""
    for path in sorted(folder.glob("vulns/*/*.yaml")):
        yield yaml.load(path.read_text(), Loader=yaml.CBaseLoader)  # noqa: S506 - no objects come of it, and no numbers: "1.10" stays a version


def main(folder: Path) -> int:
    """Print what is known of the versions in our locks; 1 where something is, or nothing was read."""
    records = list(records_in(folder))
    if not records:
        print(
            f"{folder} holds no advisories (vulns/*/*.yaml): nothing was checked.", file=sys.stderr
        )
        return 1
    packages = pinned(*((ROOT / lock).read_text() for lock in LOCKS))
    found = findings(packages, iter(records))
    for finding in found:
        print(finding)
    newest = max(record["modified"] for record in records)[:10]
    print(
        f"{len(packages)} packages, {len(records)} advisories up to {newest}: {len(found)} found."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
