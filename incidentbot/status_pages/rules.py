"""What is done for customers in incidents of each severity, and the words that are offered for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.incidents.text import clean_line, clean_text, shorten
from incidentbot.status_pages.models import Impact, Publication, PublicationRule, PublicStatus
from incidentbot.users.actor import Actor

TITLE_LIMIT = 200
TITLE_TEMPLATE_LIMIT = 100  # with a service's name it is longer
TEXT_LIMIT = 5_000

Choice = TypeVar("Choice", bound=StrEnum)

# The rule's texts by the column that keeps them.
_TEXTS = {
    "opening": PublicStatus.INVESTIGATING,
    "identified": PublicStatus.IDENTIFIED,
    "monitoring": PublicStatus.MONITORING,
    "resolved": PublicStatus.RESOLVED,
}
# A service may have a name of several words, or several names: the sentences fit one as well as many.
_OPENING = {
    Severity.P1: "We see an outage of {service}. We are working on it and will tell you more soon.",
    Severity.P2: "Parts of {service} do not work. We are working on it and will tell you more soon.",
    Severity.P3: "Not all of {service} works as well as it should. We are looking into it.",
    Severity.P4: "We are looking into a small problem with {service}.",
}
_DEFAULTS = {
    Severity.P1: (Publication.CONFIRM, Impact.CRITICAL, "Outage of {service}"),
    Severity.P2: (Publication.CONFIRM, Impact.MAJOR, "Problems with {service}"),
    Severity.P3: (Publication.NEVER, Impact.MINOR, "Limitations with {service}"),
    Severity.P4: (Publication.NEVER, Impact.NONE, "Small problem with {service}"),
}
_NEXT = {
    PublicStatus.IDENTIFIED: "We know the cause and are working on the solution.",
    PublicStatus.MONITORING: "A solution is in place. We are watching whether it holds.",
    PublicStatus.RESOLVED: "All is well again with {service}. We are sorry for the trouble.",
}


@dataclass(frozen=True)
class Rule:
    """A severity's rule. The texts may hold {service} for the service's public name."""

    publication: Publication
    impact: Impact
    title: str
    texts: Mapping[PublicStatus, str]

    def title_for(self, service: str) -> str:
        """Return the title that customers would read."""
        return shorten(_filled(self.title, service), TITLE_LIMIT)

    def text_for(self, status: PublicStatus, service: str) -> str:
        """Return the text that customers would read at this point."""
        return _filled(self.texts[status], service)


def rules_by_severity(session: Session) -> Mapping[Severity, Rule]:
    """Return every severity's rule, the worst severity first: an admin's, else the defaults."""
    edited = {row.severity: row for row in session.scalars(select(PublicationRule))}
    return {severity: rule_of(severity, edited.get(severity)) for severity in Severity}


def rule_of(severity: Severity, edited: PublicationRule | None) -> Rule:
    """Return a severity's rule, with its row if an admin has edited it."""
    return default_rule(severity) if edited is None else _of(edited)


def default_rule(severity: Severity) -> Rule:
    """Return the rule of a severity that nobody has edited."""
    publication, impact, title = _DEFAULTS[severity]
    texts = {PublicStatus.INVESTIGATING: _OPENING[severity], **_NEXT}
    return Rule(publication, impact, title, texts)


def _of(row: PublicationRule) -> Rule:
    return Rule(
        row.publication,
        row.impact,
        row.title,
        {
            PublicStatus.INVESTIGATING: row.opening,
            PublicStatus.IDENTIFIED: row.identified,
            PublicStatus.MONITORING: row.monitoring,
            PublicStatus.RESOLVED: row.resolved,
        },
    )


def edit_rule(
    session: Session, actor: Actor, severity: Severity, fields: Mapping[str, str], seen: str
) -> Rule:
    """Keep an admin's rule. Raises NotAllowed, Conflict, and InvalidInput for the field that is wrong."""
    publication = _choice(Publication, "publication", fields)
    impact = _choice(Impact, "impact", fields)
    texts = {"title": clean_line("title", fields.get("title", ""), TITLE_TEMPLATE_LIMIT)}
    for name in _TEXTS:
        texts[name] = clean_text(name, fields.get(name, ""), TEXT_LIMIT)
    with changing_setting(session, actor, "edit_publication_rule") as change:
        row = _lock(session, severity)
        before = texts_of(default_rule(severity) if row is None else _of(row))
        require_unchanged(before, seen)
        row = row or PublicationRule(severity=severity)
        row.publication, row.impact = publication, impact
        for name, text in texts.items():
            setattr(row, name, text)
        session.add(row)
        session.flush()
        after = _of(row)
        change.record(severity.value, before, texts_of(after))
    return after


def reset_rule(session: Session, actor: Actor, severity: Severity, seen: str) -> Rule:
    """Go back to the rule that incidentbot brings. Raises NotAllowed, Conflict."""
    with changing_setting(session, actor, "reset_publication_rule") as change:
        row, after = _lock(session, severity), default_rule(severity)
        before = texts_of(after if row is None else _of(row))
        require_unchanged(before, seen)
        if row is not None:
            change.record(severity.value, before, texts_of(after))
            session.delete(row)
    return after


def _lock(session: Session, severity: Severity) -> PublicationRule | None:
    return session.get(PublicationRule, severity, with_for_update=True, populate_existing=True)


def _filled(text: str, service: str) -> str:
    """Return the text with the service's name in it; a sentence begins with a capital."""
    filled = text.replace("{service}", service)
    return filled[:1].upper() + filled[1:]


def _choice(words: type[Choice], field: str, fields: Mapping[str, str]) -> Choice:
    try:
        return words(fields.get(field, ""))
    except ValueError:
        raise InvalidInput(field, "Choose one in the list.") from None


def texts_of(rule: Rule) -> dict[str, str]:
    """Return a rule by its fields: what a form shows, the audit log keeps, an edit may run into."""
    texts = {name: rule.texts[status] for name, status in _TEXTS.items()}
    return {
        "publication": rule.publication.value,
        "impact": rule.impact.value,
        "title": rule.title,
        **texts,
    }
