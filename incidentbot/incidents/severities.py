"""The severities as this installation words them, and how often each needs an update."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import SeveritySetting

_DEFAULT_MINUTES = {Severity.P1: 30, Severity.P2: 60, Severity.P3: 240, Severity.P4: None}


@dataclass(frozen=True)
class Words:
    """A severity's meaning, and the minutes within which an update is due; None for never."""

    meaning: str
    update_minutes: int | None

    @property
    def update_every(self) -> timedelta | None:
        """The time within which an update is due."""
        return None if self.update_minutes is None else timedelta(minutes=self.update_minutes)


def words_by_severity(session: Session) -> Mapping[Severity, Words]:
    """Return every severity's words, the worst first: an admin's, else the defaults."""
    edited = {row.severity: row for row in session.scalars(select(SeveritySetting))}
    return {
        severity: Words(edited[severity].meaning, edited[severity].update_minutes)
        if severity in edited
        else Words(severity.meaning, _DEFAULT_MINUTES[severity])
        for severity in Severity
    }
