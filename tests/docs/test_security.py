"""docs/security.md speaks of every secret there is, and of every door that stands open."""

import re

from flask import Flask
from pydantic import SecretStr

from incidentbot import create_app
from incidentbot.config import Settings
from incidentbot.web.access import PERMISSIONS, Access
from tests.docs.markdown import ROOT
from tests.installation import small_company

PAGE = (ROOT / "docs/security.md").read_text()
OPEN, LEAKED = "What is open without signing in", "If a secret leaked"


def first_cells(heading: str) -> list[str]:
    """Return the first cell of each row of the table below a heading."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| (.+?) \|", part, re.M)[1:]


def secrets() -> set[str]:
    """Return the settings that hold a secret: always, or in the password of an address."""
    address = "scheme://user:planted@host"
    found = set()
    for name, field in Settings.model_fields.items():
        value = SecretStr(address) if "SecretStr" in str(field.annotation) else address
        if Settings.model_construct(**{name: value}).secrets & {address, "planted"}:
            found.add(name.upper())
    return found


def test_it_says_what_to_do_about_every_secret_that_leaks() -> None:
    named = set(re.findall(r"`([A-Z_]+)`", " ".join(first_cells(LEAKED))))
    assert {"SECRET_KEY", "SMTP_URL", "DATABASE_URL"} <= secrets()
    assert named == secrets()


def test_it_names_every_address_that_is_open_and_no_other() -> None:
    app = create_app(small_company("sqlite:///:memory:"))
    named = re.findall(r"`(/\S*)`", " ".join(first_cells(OPEN)))
    is_open, closed = addresses(app, is_open=True), addresses(app, is_open=False)
    assert [one for one in is_open if not any(covers(name, one) for name in named)] == []
    assert [one for one in closed if any(covers(name, one) for name in named)] == []
    assert [name for name in named if not any(covers(name, one) for one in is_open)] == []


def addresses(app: Flask, *, is_open: bool) -> list[str]:
    """Return the addresses that anyone may open, or all others."""
    return [
        rule.rule
        for rule in app.url_map.iter_rules()
        if (PERMISSIONS[rule.endpoint] is Access.PUBLIC) is is_open
    ]


def covers(name: str, address: str) -> bool:
    """Whether the name in the table is this address, or with … at its end what it begins with."""
    return address.startswith(name[:-1]) if name.endswith("…") else address == name
