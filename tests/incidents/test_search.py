"""Full-text search: whatever words were written are found, by their beginnings, on both databases."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from incidentbot.database import write_transaction
from incidentbot.incidents import commands, search
from incidentbot.incidents.listing import Filters, list_incidents
from incidentbot.incidents.models import Incident
from incidentbot.incidents.search import WORD_LIMIT, add_words, matches, words_of
from incidentbot.users.actor import SYSTEM
from tests.team import Team

WRITTEN = st.text(max_size=60)
# What both databases and their query languages might trip over.
HOSTILE = (
    "' OR 1=1 --",
    '"unclosed',
    "a:* & b | !c",
    "NEAR(a b)",
    "words:x AND NOT y",
    "a*",
    "^a",
    "a\\' b",
    "<-> (a",
    "\x00null",
    "\ud800 surrogate",
    "%s %(x)s :name {0}",
    "İstanbul ǅ ﬁnance ß",
    "٤٢ 漢字 עברית",
)


def found(session: Session, typed: str) -> list[int]:
    page = list_incidents(session, SYSTEM, Filters(words=typed), limit=50)
    return [incident.number for incident in page.incidents]


@pytest.mark.parametrize(
    "text, words",
    [
        ("Checkout is DOWN", ["checkout", "is", "down"]),
        ("Zahlungs-Fehler: Café", ["zahlungs", "fehler", "cafe"]),
        ("again again", ["again"]),
        ("error_code=E42", ["error", "code", "e42"]),
        ("!!! …", []),
        ("", []),
    ],
)
def test_words_are_cut_out_folded_and_kept_once(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(title=WRITTEN, update=WRITTEN)
def test_whatever_words_were_written_are_found_by_their_beginnings(
    team: Team, title: str, update: str
) -> None:
    with team.sessions() as session:
        is_new = session.scalar(select(Incident.id)) is None
    if is_new:
        team.declare(title="Everything")
    with team.sessions() as session, write_transaction(session):
        incident = session.scalars(select(Incident).where(Incident.number == 1)).one()
        add_words(session, incident, title, update)
    with team.sessions() as session:
        for word in words_of(title, update):
            for typed in (word, word.upper(), word[:1], word[: len(word) // 2 + 1]):
                assert words_of(typed) == [] or found(session, typed) == [1], (word, typed)
        assert found(session, "") == [1]


@pytest.mark.parametrize("typed", HOSTILE)
def test_a_hostile_query_never_fails_and_finds_nothing_that_is_not_there(
    team: Team, typed: str
) -> None:
    team.declare(title="Checkout is down")
    with team.sessions() as session:
        assert found(session, typed) == []
    team.do(commands.post_update, "INC-1", team.ada, f"seen: {typed}")
    with team.sessions() as session:
        assert found(session, typed) == [1]


def test_every_word_must_be_there(team: Team) -> None:
    team.declare(title="Cards are declined")
    team.declare(title="Cards are slow")
    with team.sessions() as session:
        assert found(session, "cards") == [2, 1]
        assert found(session, "slow cards") == [2]
        assert found(session, "slow declined") == []


def test_all_that_is_written_of_an_incident_is_found(team: Team) -> None:
    team.declare(title="Titleword", summary="Summaryword", service="search")
    team.do(commands.add_note, "INC-1", team.bob, "Noteword")
    team.do(commands.resolve, "INC-1", team.ada, "Endword")
    team.do(commands.draft_postmortem, "INC-1", team.ada)
    team.do(commands.edit_postmortem, "INC-1", team.ada, "# Lessonword", 1)
    with team.sessions() as session:
        for word in ("titleword", "summaryword", "search", "noteword", "endword", "lessonword"):
            assert found(session, word) == [1], word
        assert found(session, "INC-1") == [1]


def test_a_word_that_many_incidents_have_is_found_in_all_of_them(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", 2)
    for _ in range(4):
        team.declare(title="Common")
    team.declare(title="Rare")
    with team.sessions() as session:
        assert found(session, "common") == [4, 3, 2, 1]
        assert found(session, "rare") == [5]


def test_without_words_there_is_no_condition(team: Team) -> None:
    with team.sessions() as session:
        assert matches(session, " … ") is None


def test_an_incident_with_more_words_than_the_database_takes_goes_on(team: Team) -> None:
    """Notes of pasted logs: PostgreSQL refuses more than 1 MiB of words, and with them the command."""
    team.declare(title="Titleword")
    with team.sessions() as session, write_transaction(session):
        incident = session.scalars(select(Incident).where(Incident.number == 1)).one()
        for text in range(6):  # letters of four bytes, as long as words get
            log = (f"{text:02}{line:04}" + "\U00010400" * WORD_LIMIT for line in range(2_500))
            add_words(session, incident, " ".join(log))
    team.do(commands.resolve, "INC-1", team.ada, "Endword")
    with team.sessions() as session:
        assert found(session, "titleword") == [1]
        assert found(session, "000001") == [1]
        assert found(session, "050001") == [], "there is an end to it"


def test_both_databases_stop_at_the_same_words(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ENOUGH_BYTES", 20)
    with team.sessions() as session, write_transaction(session):
        incident = Incident(number=9)
        for text in ("elevenbytes", "éightytes", "enough"):
            add_words(session, incident, text)
    with team.sessions() as session:
        words = str(session.execute(sql("SELECT words FROM incident_search")).scalars().all())
    assert "elevenbytes" in words
    assert "eightytes" in words
    assert "enough" not in words
