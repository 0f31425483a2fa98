"""Full-text search: the words of each incident, found by their beginnings.

The words are cut out here, so that both databases find the same. PostgreSQL keeps them as a tsvector
with a GIN index, SQLite in an FTS5 table. Words are only added: an incident is found by what its
post-mortem once said, too. When an incident has more words than anybody looks through (pasted logs),
the texts that follow add none.
"""

import re
import unicodedata
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Integer,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from incidentbot.database import is_postgres
from incidentbot.incidents.models import Incident

INDEX = "incident_search"
WORD_LIMIT = 60
WORDS_AT_ONCE = 2_000  # of one text: what nobody reads to the end, nobody searches to the end
# Of one incident, its words' bytes. PostgreSQL refuses a tsvector over 1 MiB, and with it the command:
# what is below this, and the longest words of one text (60 letters of 4 bytes), fit together.
ENOUGH_BYTES = 256 * 1024
QUERY_WORDS = 8
FEW = 1_000  # incidents that are named one by one
SAMPLE = 200  # of the newest incidents
MANY_OF_SAMPLE = 20

_WORD = re.compile(r"[^\W_]+")


def words_of(*texts: str) -> list[str]:
    """Return the words of some texts, each once: lower-case, without accents."""
    folded = (unicodedata.normalize("NFKD", text.casefold()) for text in texts)
    plain = (re.sub(r"[\u0300-\u036f]", "", text) for text in folded)
    found = (word[:WORD_LIMIT] for text in plain for word in _WORD.findall(text))
    return list(dict.fromkeys(found))[:WORDS_AT_ONCE]


def add_words(session: Session, incident: Incident, *texts: str) -> None:
    """Have an incident found by these texts from now on, inside the caller's transaction."""
    words = words_of(*texts)
    if not words:
        return
    if is_postgres(session):
        values = {"number": incident.number, "words": words, "enough": ENOUGH_BYTES}
        session.execute(_ADD_ON_POSTGRES, values)
        return
    known = session.execute(_KNOWN_ON_SQLITE, {"number": incident.number}).scalar()
    if known is not None:
        if len(known.replace(" ", "").encode()) >= ENOUGH_BYTES:
            return
        words = list(dict.fromkeys((*known.split(), *words)))
    write = _ADD_ON_SQLITE if known is None else _REPLACE_ON_SQLITE
    session.execute(write, {"number": incident.number, "words": " ".join(words)})


def matches(session: Session, typed: str) -> ColumnElement[bool] | None:
    """Return the condition on incidents that hold every word typed; None when no word was.

    A word finds all that begin with it.
    """
    words = words_of(typed)[:QUERY_WORDS]
    if not words:
        return None
    if is_postgres(session):
        query = " & ".join(f"'{word}':*" for word in words)
        holds = _on_postgres.c.words.op("@@")(cast(query, TSQUERY))
        rare = _numbers_if_rare(session, holds)
        return Incident.number.in_(
            select(_on_postgres.c.number).where(holds) if rare is None else rare
        )
    query = " ".join(f'"{word}"*' for word in words)
    return Incident.number.in_(
        select(_on_sqlite.c.rowid).where(literal_column(INDEX).op("MATCH")(query))
    )


def _numbers_if_rare(session: Session, holds: ColumnElement[bool]) -> Sequence[int] | None:
    """Return the numbers of the incidents that hold rare words; None when many do.

    PostgreSQL cannot tell how rare the beginning of a word is, and would look for a rare one through
    every incident, the newest first. That is right for words which many incidents have: of those the
    word index reads every place before it tells the first, so it is not asked when a glance at the
    newest incidents shows that there are many.
    """
    newest = select(holds.label("holds")).order_by(_on_postgres.c.number.desc()).limit(SAMPLE)
    glance = newest.subquery()
    if (session.scalar(select(func.count()).where(glance.c.holds)) or 0) > MANY_OF_SAMPLE:
        return None
    numbers = session.scalars(select(_on_postgres.c.number).where(holds).limit(FEW + 1)).all()
    return numbers if len(numbers) <= FEW else None


_on_postgres = table(INDEX, column("number", Integer), column("words"))
_on_sqlite = table(INDEX, column("rowid", Integer), column("words"))

_ADD_ON_POSTGRES = text(
    "INSERT INTO incident_search (number, words) VALUES (:number, array_to_tsvector(:words)) "
    "ON CONFLICT (number) DO UPDATE SET words = incident_search.words || excluded.words "
    # Unpacked, as it is once something is done with it, it has 8 bytes, 4 a word, and the words.
    "WHERE pg_column_size(incident_search.words || ''::tsvector) "
    "- 8 - 4 * length(incident_search.words) < :enough"
)
_KNOWN_ON_SQLITE = text("SELECT words FROM incident_search WHERE rowid = :number")
_ADD_ON_SQLITE = text("INSERT INTO incident_search (rowid, words) VALUES (:number, :words)")
_REPLACE_ON_SQLITE = text("UPDATE incident_search SET words = :words WHERE rowid = :number")
