"""The severities as this installation words them, and how often each needs an update."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import SeveritySetting
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.incidents.text import clean_line
from incidentbot.users.actor import Actor

# With "P1  " in front it fits into an option of Slack's menus, which hold 75 characters.
MEANING_LIMIT = 70
MINUTES_LIMIT = 7 * 24 * 60
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
        else default_words(severity)
        for severity in Severity
    }


def default_words(severity: Severity) -> Words:
    """Return a severity's words as an installation begins with them."""
    return Words(severity.meaning, _DEFAULT_MINUTES[severity])


def state_of_severity(words: Words) -> dict[str, Any]:
    """Return what the audit log keeps of a severity's words, and what an edit may run into."""
    return {"meaning": words.meaning, "update_minutes": words.update_minutes}


def edit_severity(
    session: Session, severity: Severity, actor: Actor, meaning: str, minutes: str, seen: str
) -> None:
    """Word a severity anew; `minutes` is "" where no update is ever due.

    Raises InvalidInput for meaning or minutes, Conflict.
    """
    words = Words(clean_line("meaning", meaning, MEANING_LIMIT), _minutes(minutes))
    _set(session, severity, actor, "edit_severity", words, seen)


def reset_severity(session: Session, severity: Severity, actor: Actor, seen: str) -> None:
    """Give a severity the words back that an installation begins with. Raises Conflict."""
    _set(session, severity, actor, "reset_severity", default_words(severity), seen)


def _set(
    session: Session, severity: Severity, actor: Actor, action: str, words: Words, seen: str
) -> None:
    with changing_setting(session, actor, action) as change:
        row = session.get(SeveritySetting, severity, with_for_update=True, populate_existing=True)
        now = default_words(severity) if row is None else Words(row.meaning, row.update_minutes)
        before = state_of_severity(now)
        require_unchanged(before, seen)
        if words == default_words(severity):
            if row is not None:
                session.delete(row)
        elif row is None:
            session.add(
                SeveritySetting(
                    severity=severity,
                    meaning=words.meaning,
                    update_minutes=words.update_minutes,
                )
            )
        else:
            row.meaning, row.update_minutes = words.meaning, words.update_minutes
        change.record(f"severity {severity.value}", before, state_of_severity(words))


def _minutes(typed: str) -> int | None:
    typed = typed.strip()
    if not typed:
        return None
    is_short_number = (
        typed.isascii() and typed.isdecimal() and len(typed) <= len(str(MINUTES_LIMIT))
    )
    if not is_short_number or not 1 <= int(typed) <= MINUTES_LIMIT:
        raise InvalidInput(
            "minutes", f"Write a number of minutes from 1 to {MINUTES_LIMIT:,}, or nothing."
        )
    return int(typed)
