"""Who can be picked in a form: offered by name a few at a time, and found by what somebody typed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from incidentbot.incidents.errors import InvalidInput
from incidentbot.users.models import Role, SlackPerson, User

# So many people are offered at once; where there are more, what is typed narrows them down.
EVERYONE = 50
SUGGESTIONS = 20
# Among so many of the same name one can still choose by looking.
NAMESAKES = 10
TYPED_LIMIT = 300

_NOBODY = "Write the name of a person, or their e-mail address."
# What ends a label: see Candidate.label.
_KNOWN_BY = re.compile(r"(?:\(|, )([^(),\s]+)\)$")
_WORD = re.compile(r"[^\s(),]+")


Ids = Select[int] | CompoundSelect[int]


class Among(StrEnum):
    """Whom a field offers."""

    PEOPLE = "people"
    COMMANDERS = "commanders"
    IN_SLACK = "slack"
    # What is looked for by person: those who have left did things too.
    ACCOUNTS = "accounts"


# Whom incidentbot knows, and whom only Slack's directory does: an address belongs to one of them.
_MET = exists().where(User.slack_user_id == SlackPerson.slack_user_id)
_OWNS_ADDRESS = exists().where(User.email == SlackPerson.email, User.merged_into_id.is_(None))
_EVERYBODY = union_all(
    select(
        User.id.label("user_id"),
        User.name,
        func.coalesce(SlackPerson.real_name, "").label("real_name"),
        User.email,
        User.slack_user_id,
        User.role,
        User.deactivated_at.is_not(None).label("has_left"),
    )
    .outerjoin(SlackPerson, SlackPerson.slack_user_id == User.slack_user_id)
    .where(User.merged_into_id.is_(None)),
    select(
        cast(null(), Integer),
        SlackPerson.name,
        SlackPerson.real_name,
        SlackPerson.email,
        SlackPerson.slack_user_id,
        literal(Role.RESPONDER, User.role.type),
        false(),
    ).where(~_MET, ~_OWNS_ADDRESS),
).subquery("people")
_PEOPLE = _EVERYBODY.c
_REACHED_IN_SLACK = or_(
    _PEOPLE.slack_user_id.is_not(None), exists().where(SlackPerson.email == _PEOPLE.email)
)
_OFFERED = {
    Among.PEOPLE: ~_PEOPLE.has_left,
    Among.COMMANDERS: and_(~_PEOPLE.has_left, _PEOPLE.role != Role.VIEWER),
    Among.IN_SLACK: and_(~_PEOPLE.has_left, _REACHED_IN_SLACK),
    Among.ACCOUNTS: _PEOPLE.user_id.is_not(None),
}
Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Candidate:
    """Somebody who can be picked. Without `user_id` only Slack's directory knows them so far."""

    user_id: int | None
    name: str
    real_name: str
    email: str | None
    slack_user_id: str | None
    role: Role
    has_left: bool

    @property
    def label(self) -> str:
        """Return the name with what tells namesakes apart: what a field shows, and understands."""
        real_name = self.real_name if self.real_name != self.name else ""
        known_by = ", ".join(filter(None, (real_name, self.email or self.slack_user_id)))
        return f"{self.name} ({known_by})" if known_by else self.name


@dataclass(frozen=True)
class Offer:
    """Who a field offers before anything is typed; `is_whole` says that there is nobody else."""

    people: Sequence[Candidate]
    is_whole: bool


def candidate(user: User) -> Candidate:
    """Return a person as one who can be picked."""
    return Candidate(
        user_id=user.id,
        name=user.name,
        real_name="",
        email=user.email,
        slack_user_id=user.slack_user_id,
        role=user.role,
        has_left=not user.is_active,
    )


def offer(session: Session, among: Among, first: Ids | None = None) -> Offer:
    """Return everyone by name where they are few, those whose ids `first` finds in front; else only those."""
    near = false() if first is None else _PEOPLE.user_id.in_(first)
    nearest, everyone = _read(session, EVERYONE + 1, _among(among, near), _among(among))
    is_whole = len(everyone) <= EVERYONE
    people = dict.fromkeys([*nearest, *(everyone if is_whole else ())])
    return Offer(tuple(people)[:EVERYONE], is_whole)


def suggest(
    session: Session, typed: str, among: Among, limit: int = SUGGESTIONS
) -> Sequence[Candidate]:
    """Return people of whom each word typed begins a word of the name, or the e-mail address."""
    matching = _among(among, _begins_so(typed[:TYPED_LIMIT]))
    return _read(session, limit, _first_by_name(matching))[0]


def find_person(
    session: Session, typed: str, among: Among, field: str, keeping: Iterable[User] = ()
) -> Candidate:
    """Return the one person whom somebody typed: by label, e-mail address or name.

    A number is an account's id, as addresses have it. `keeping` may be named whatever has become of
    them, because they are what the field says already. Raises InvalidInput for `field`, with what to
    do: `suggest` has those to choose among.
    """
    text = " ".join(typed[:TYPED_LIMIT].split())
    if not text:
        raise InvalidInput(field, _NOBODY)
    for user in keeping:
        if text in (str(user.id), candidate(user).label):
            return candidate(user)
    if text.isascii() and text.isdecimal():
        return _numbered(session, text, field)
    found = namesakes(session, text, among)
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidInput(field, _why_nobody(session, text, among))
    many = str(len(found)) if len(found) <= NAMESAKES else f"More than {NAMESAKES}"
    raise InvalidInput(
        field, f"{many} people match “{text}”. Choose one, or write the e-mail address."
    )


def namesakes(session: Session, typed: str, among: Among) -> Sequence[Candidate]:
    """Return all whom a text may mean, or one more than NAMESAKES: who is called exactly so goes first."""
    text = " ".join(typed[:TYPED_LIMIT].split())
    ways = (_is_known_by(text), _is_called(text), _begins_so(text))
    answers = _read(session, NAMESAKES + 1, *(_first_by_name(_among(among, way)) for way in ways))
    return next(filter(None, answers), [])


def _among(among: Among, *conditions: ColumnElement[bool]) -> Query:
    return select(_EVERYBODY).where(_OFFERED[among], *conditions)


def _first_by_name(query: Query) -> Query:
    return query.order_by(_PEOPLE.name, _PEOPLE.user_id)


def _read(session: Session, limit: int, *queries: Query) -> list[list[Candidate]]:
    """Return what each query finds, up to `limit`, by name; all with one question to the database."""
    numbered = (query.add_columns(literal(n).label("n")) for n, query in enumerate(queries))
    parts = [select(query.limit(limit).subquery()) for query in numbered]
    found: list[list[Candidate]] = [[] for _ in queries]
    for row in session.execute(union_all(*parts)):
        found[row.n].append(Candidate(*row[:-1]))
    for people in found:
        people.sort(key=lambda person: (person.name.casefold(), person.label))
    return found


def _numbered(session: Session, number: str, field: str) -> Candidate:
    """Return the account with this id, or the one that goes on for it."""
    user = session.get(User, int(number)) if len(number) < 10 else None
    if user is not None and user.merged_into_id is not None:
        user = session.get(User, user.merged_into_id)
    if user is None:
        raise InvalidInput(field, "Choose a person in the list.")
    return candidate(user)


def _why_nobody(session: Session, text: str, among: Among) -> str:
    """Say why nobody can be picked: the one meant is known, but not for this; or is not known."""
    others = suggest(session, text, Among.ACCOUNTS, 2)
    if len(others) == 1:
        other = others[0]
        if other.has_left:
            return f"{other.name}'s account is closed. Choose somebody else."
        if among is Among.COMMANDERS and other.role is Role.VIEWER:
            return f"{other.name} is a viewer and cannot command."
        if among is Among.IN_SLACK:
            return f"{other.name} has no Slack account here to be told in."
    return f"Nobody known here is called “{text}”. Write a name or an e-mail address."


def _is_known_by(text: str) -> ColumnElement[bool]:
    """Match the e-mail address or Slack id that a label ends with, or the address by itself."""
    ending = _KNOWN_BY.search(text)
    known_by = ending[1] if ending else text
    return or_(_PEOPLE.email == known_by.lower(), _PEOPLE.slack_user_id == known_by)


def _is_called(text: str) -> ColumnElement[bool]:
    return or_(
        *(
            or_(func.lower(name) == text.lower(), name.in_(_spellings(text)))
            for name in (_PEOPLE.name, _PEOPLE.real_name)
        )
    )


def _begins_so(text: str) -> ColumnElement[bool]:
    """Match of whom each word begins a word of the name, or the e-mail address; nobody without words."""
    words = _WORD.findall(text)
    return and_(*map(_has_word, words)) if words else false()


def _has_word(word: str) -> ColumnElement[bool]:
    """Match whose name has a word that begins so, or whose e-mail address does."""
    begins = [
        condition
        for spelling in _spellings(word)
        for name in (_PEOPLE.name, _PEOPLE.real_name)
        for condition in (
            name.istartswith(spelling, autoescape=True),
            name.icontains(f" {spelling}", autoescape=True),
        )
    ]
    return or_(*begins, _PEOPLE.email.istartswith(word, autoescape=True))


def _spellings(text: str) -> set[str]:
    """Return a text as it may be written. Not every database knows the upper case of an å."""
    return {text} if text.isascii() else {text, text.lower(), text.title()}
