"""How an admin words the severities, and where these words are read."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from incidentbot.incidents import commands, severities
from incidentbot.incidents.errors import Conflict, IncidentError, InvalidInput, NotAllowed
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.queries import find_postmortem
from incidentbot.incidents.settings import fingerprint
from incidentbot.slack.modals import declare_view, severity_view
from tests.team import Team

P1, P2, *_ = Severity
WORDS = "Customers *cannot* pay"


def seen(team: Team, severity: Severity = P1) -> str:
    with team.sessions() as session:
        words = severities.words_by_severity(session)[severity]
        return fingerprint(severities.state_of_severity(words))


def reword(team: Team, meaning: str = WORDS, minutes: str = "15") -> None:
    with team.sessions() as session:
        severities.edit_severity(session, P1, team.grace, meaning, minutes, seen(team))


def refused(team: Team, act: Callable[[Session], object]) -> IncidentError:
    with team.sessions() as session, pytest.raises(IncidentError) as refusal:
        act(session)
    return refusal.value


def test_new_words_are_read_everywhere_and_the_others_stay(team: Team) -> None:
    reword(team)
    with team.sessions() as session:
        words = severities.words_by_severity(session)
        assert (words[P1].meaning, words[P1].update_every) == (WORDS, timedelta(minutes=15))
        assert words[P2] == severities.default_words(P2)
        assert f"P1  {WORDS}" in str(declare_view(session, "U0ADA"))
    team.declare(severity="P1")
    with team.sessions() as session:
        assert f"P1  {WORDS}" in str(severity_view(session, team.incident()))
    team.do(commands.resolve, "INC-1", team.ada)
    team.do(commands.draft_postmortem, "INC-1", team.ada)
    with team.sessions() as session:
        postmortem = find_postmortem(session, team.incident().id)
        assert postmortem is not None
        assert "P1 (Customers \\*cannot\\* pay)" in postmortem.body


def test_the_log_says_what_was_and_resetting_brings_the_first_words_back(team: Team) -> None:
    reword(team, minutes="")
    with team.sessions() as session:
        severities.reset_severity(session, P1, team.grace, seen(team))
    with team.sessions() as session:
        assert severities.words_by_severity(session)[P1] == severities.default_words(P1)
    edited, reset = team.audit()
    assert (edited.action, edited.subject) == ("edit_severity", "severity P1")
    assert edited.after == {"meaning": WORDS, "update_minutes": None}
    assert reset.after == edited.before
    assert edited.before["update_minutes"] == 30


@pytest.mark.parametrize(
    "field, meaning, minutes",
    [
        ("meaning", "", "30"),
        ("meaning", "x" * 71, "30"),
        ("minutes", WORDS, "0"),
        ("minutes", WORDS, "-5"),
        ("minutes", WORDS, "half an hour"),
        ("minutes", WORDS, "٣٠"),
        ("minutes", WORDS, "10081"),
        ("minutes", WORDS, "9" * 400),
        ("minutes", WORDS, "0000019999999999"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    team: Team, field: str, meaning: str, minutes: str
) -> None:
    before = team.state()
    refusal = refused(
        team,
        lambda s: severities.edit_severity(s, P1, team.grace, meaning, minutes, seen(team)),
    )
    assert isinstance(refusal, InvalidInput)
    assert refusal.field == field
    assert team.state() == before


def test_only_an_admin_may(team: Team) -> None:
    for act in (
        lambda s: severities.edit_severity(s, P1, team.ada, WORDS, "15", seen(team)),
        lambda s: severities.reset_severity(s, P1, team.ada, seen(team)),
    ):
        assert isinstance(refused(team, act), NotAllowed)


def test_who_saves_what_somebody_else_has_changed_is_told(team: Team) -> None:
    old = seen(team)
    reword(team)
    refusal = refused(team, lambda s: severities.edit_severity(s, P1, team.grace, "Mine", "5", old))
    assert isinstance(refusal, Conflict)
