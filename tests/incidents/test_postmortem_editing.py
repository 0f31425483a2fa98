"""The post-mortem is drafted once, then edited by people, and nobody's text is lost."""

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.errors import Conflict, InvalidInput, InvalidMove, NotAllowed, NotFound
from incidentbot.incidents.models import EventKind, Postmortem
from incidentbot.incidents.queries import find_postmortem
from tests.team import Team, together


@pytest.fixture
def drafted(team: Team) -> Team:
    team.declare(summary="Cards are refused")
    team.do(commands.resolve, "INC-1", team.ada, "Rolled back")
    team.do(commands.draft_postmortem, "INC-1", team.ada)
    return team


def postmortem(team: Team) -> Postmortem:
    with team.sessions() as session:
        found = find_postmortem(session, team.incident().id)
        assert found is not None
        return found


def test_the_draft_tells_what_is_known(drafted: Team) -> None:
    body = postmortem(drafted).body
    assert "# Post-mortem: INC-1 Checkout is down" in body
    assert "Cards are refused" in body
    assert "Incident resolved: Rolled back" in body
    assert (postmortem(drafted).version, postmortem(drafted).updated_by_id) == (
        1,
        drafted.ada.user_id,
    )
    assert drafted.timeline()[-1].kind is EventKind.POSTMORTEM


def test_drafting_again_never_replaces_what_people_wrote(drafted: Team) -> None:
    drafted.do(commands.edit_postmortem, "INC-1", drafted.ada, "# Ours", 1)
    before = drafted.state()
    result = drafted.do(commands.draft_postmortem, "INC-1", drafted.ada)
    assert (result.changed, result.sentence) == (False, "INC-1 has a post-mortem already.")
    assert drafted.state() == before


def test_two_who_draft_at_once_make_one(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    answers = together(
        lambda: team.do(commands.draft_postmortem, "INC-1", team.ada),
        lambda: team.do(commands.draft_postmortem, "INC-1", team.grace),
    )
    assert sorted(answer.changed for answer in answers) == [False, True]


def test_an_open_or_cancelled_incident_has_no_postmortem(team: Team) -> None:
    team.declare()
    with pytest.raises(InvalidMove, match="once it is resolved"):
        team.do(commands.draft_postmortem, "INC-1", team.ada)
    team.do(commands.cancel, "INC-1", team.ada, "False alarm")
    with pytest.raises(InvalidMove, match="INC-1 is cancelled"):
        team.do(commands.draft_postmortem, "INC-1", team.ada)
    with pytest.raises(NotFound, match="no post-mortem yet"):
        team.do(commands.edit_postmortem, "INC-1", team.ada, "# Ours", 1)


def test_an_edit_is_saved_and_audited_with_the_text_before_and_after(drafted: Team) -> None:
    draft = postmortem(drafted).body
    version = drafted.incident().version
    drafted.do(commands.edit_postmortem, "INC-1", drafted.ada, "# Ours\r\n\r\nIt broke.  ", 1)

    saved = postmortem(drafted)
    assert (saved.body, saved.version) == ("# Ours\n\nIt broke.", 2)
    assert drafted.incident().version == version + 1
    entry = drafted.audit()[-1]
    assert entry.action == "edit_postmortem"
    assert (entry.before["postmortem"], entry.after["postmortem"]) == (draft, saved.body)
    assert drafted.problems() == []


def test_an_edit_of_an_older_version_is_refused_and_overwrites_nothing(drafted: Team) -> None:
    drafted.do(commands.edit_postmortem, "INC-1", drafted.ada, "# Ada's", 1)
    before = drafted.state()
    with pytest.raises(Conflict, match="Your text is still below"):
        drafted.do(commands.edit_postmortem, "INC-1", drafted.grace, "# Grace's", 1)
    assert drafted.state() == before
    drafted.do(commands.edit_postmortem, "INC-1", drafted.grace, "# Both", 2)
    assert (postmortem(drafted).body, postmortem(drafted).version) == ("# Both", 3)


def test_of_two_who_save_at_once_one_is_told_of_the_conflict(drafted: Team) -> None:
    answers = together(
        lambda: drafted.do(commands.edit_postmortem, "INC-1", drafted.ada, "# Ada's", 1),
        lambda: drafted.do(commands.edit_postmortem, "INC-1", drafted.grace, "# Grace's", 1),
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    winner = "# Ada's" if isinstance(answers[1], Conflict) else "# Grace's"
    assert (postmortem(drafted).body, postmortem(drafted).version) == (winner, 2)


def test_only_the_commander_edits(drafted: Team) -> None:
    with pytest.raises(NotAllowed, match="Only the commander, Ada, can edit the post-mortem"):
        drafted.do(commands.edit_postmortem, "INC-1", drafted.bob, "# Bob's", 1)
    assert postmortem(drafted).version == 1


def test_an_empty_or_endless_text_is_refused(drafted: Team) -> None:
    for body in ("", "x" * 200_001):
        with pytest.raises(InvalidInput) as refused:
            drafted.do(commands.edit_postmortem, "INC-1", drafted.ada, body, 1)
        assert refused.value.field == "body"
    assert postmortem(drafted).version == 1
