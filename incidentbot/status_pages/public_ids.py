"""The names that the outside world has for our rows: stable, and nothing internal in them."""

import hashlib


def service_id(number: int) -> str:
    """Return a service's public id."""
    return _name("service", str(number))


def group_id(name: str) -> str:
    """Return the public id of a group of services."""
    return _name("group", name)


def maintenance_id(number: int) -> str:
    """Return a maintenance's public id."""
    return _name("maintenance", str(number))


def update_id(of: str, which: int | str) -> str:
    """Return the public id of an update: of an incident by its number, of a maintenance by its status."""
    return _name("update", f"{of}/{which}")


PAGE = hashlib.sha256(b"page").hexdigest()[:12]


def _name(kind: str, what: str) -> str:
    return hashlib.sha256(f"{kind}/{what}".encode()).hexdigest()[:12]
