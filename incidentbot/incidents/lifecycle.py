"""Statuses, the moves between them, and severities. Pure data and functions."""

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. P1 is worst."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    @property
    def meaning(self) -> str:
        """The severity in words a customer would understand."""
        return _MEANINGS[self]

    def is_worse_than(self, other: "Severity") -> bool:
        """Whether this severity calls for more people than `other`."""
        return self.value < other.value


class Status(StrEnum):
    """Where an incident stands."""

    DECLARED = "declared"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether there is still something to do."""
        return self not in CLOSED


CLOSED = frozenset({Status.RESOLVED, Status.CANCELLED})

OPEN = frozenset(Status) - CLOSED

# The way forward; steps may be skipped, none is taken back except by reopening.
PATH = (
    Status.DECLARED,
    Status.INVESTIGATING,
    Status.IDENTIFIED,
    Status.MONITORING,
    Status.RESOLVED,
)

# The statuses a person sets with a status update.
UPDATE_STATUSES = (Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING)

# Where a reopened incident starts again.
REOPENED = Status.INVESTIGATING

_MEANINGS = {
    Severity.P1: "Critical: customers cannot use the service",
    Severity.P2: "Major: an important part is broken for many",
    Severity.P3: "Minor: something is broken, with a way around it",
    Severity.P4: "Low: a flaw that can wait for working hours",
}


def can_move(current: Status, target: Status) -> bool:
    """Whether an incident may go from `current` to `target`, reopening aside."""
    if not current.is_open:
        return False
    if target is Status.CANCELLED:
        return True
    return PATH.index(target) > PATH.index(current)


def next_statuses(current: Status) -> tuple[Status, ...]:
    """Return the statuses that a status update may move an incident to."""
    return tuple(status for status in UPDATE_STATUSES if can_move(current, status))


def renotifies(old: Severity, new: Severity) -> bool:
    """Whether a change of severity is told to everyone of the new level: an escalation to P1 or P2."""
    return new.is_worse_than(old) and new in (Severity.P1, Severity.P2)
