"""Action items: who adds them, who ticks them off, and where they are listed."""

from datetime import date

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.action_items import (
    TEXT_LIMIT,
    add_action_item,
    finish_action_item,
    list_action_items,
    list_open_of,
)
from incidentbot.incidents.errors import InvalidInput, NotAllowed, NotFound
from incidentbot.incidents.models import ActionItem
from incidentbot.incidents.postmortem import export
from incidentbot.incidents.queries import find_postmortem
from incidentbot.incidents.story import headline
from tests.team import Team


def items(team: Team, reference: str = "INC-1") -> list[ActionItem]:
    with team.sessions() as session:
        return list(list_action_items(session, team.incident(reference).id))


def test_a_responder_adds_an_item_with_an_owner_and_a_date(team: Team) -> None:
    team.declare()
    text = "Alert on  declined\ncards"
    team.do(add_action_item, "INC-1", team.bob, text, team.ada.user_id, "2026-12-31")
    (item,) = items(team)
    assert item.text == "Alert on declined cards"
    assert item.owner is not None
    assert (item.owner.name, item.due_on) == ("Ada", date(2026, 12, 31))
    assert headline(team.timeline()[-1]) == "Action item added for Ada, due 31 Dec 2026"
    assert team.audit()[-1].action == "add_action_item"


@pytest.mark.parametrize(
    "text,owner,due,field",
    [
        ("", None, "", "text"),
        ("x" * (TEXT_LIMIT + 1), None, "", "text"),
        ("Alert", 999_999, "", "owner"),
        ("Alert", None, "tomorrow", "due"),
        ("Alert", None, "2026-02-30", "due"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    team: Team, text: str, owner: int | None, due: str, field: str
) -> None:
    team.declare()
    with pytest.raises(InvalidInput) as refused:
        team.do(add_action_item, "INC-1", team.ada, text, owner, due)
    assert refused.value.field == field
    assert items(team) == []


def test_an_item_is_ticked_off_once_and_opened_again(team: Team) -> None:
    team.declare()
    team.do(add_action_item, "INC-1", team.ada, "Alert", None)
    (item,) = items(team)
    team.do(finish_action_item, "INC-1", team.bob, item.id)
    done = items(team)[0]
    assert (done.done_at is not None, done.done_by_id) == (True, team.bob.user_id)
    assert not team.do(finish_action_item, "INC-1", team.ada, item.id).changed
    with team.sessions() as session:
        finish_action_item(session, "INC-1", team.ada, item.id, done=False)
    assert items(team)[0].done_at is None
    assert headline(team.timeline()[-1]) == "Action item opened again"


def test_an_item_of_another_incident_is_not_found(team: Team) -> None:
    team.declare()
    team.declare(is_private=True)
    team.do(add_action_item, "INC-2", team.ada, "Secret", None)
    (secret,) = items(team, "INC-2")
    for actor in (team.ada, team.bob, team.grace):
        with pytest.raises(NotFound):
            team.do(finish_action_item, "INC-1", actor, secret.id)
    assert items(team, "INC-2")[0].done_at is None


def test_a_viewer_changes_no_item(team: Team) -> None:
    team.declare()
    team.do(add_action_item, "INC-1", team.ada, "Alert", None)
    with pytest.raises(NotAllowed):
        team.do(add_action_item, "INC-1", team.vera, "Mine", None)
    with pytest.raises(NotAllowed):
        team.do(finish_action_item, "INC-1", team.vera, items(team)[0].id)


def test_a_viewer_ticks_off_what_is_theirs_where_they_may_look(team: Team) -> None:
    team.declare()
    team.declare(is_private=True)
    for reference in ("INC-1", "INC-2"):
        team.do(add_action_item, reference, team.ada, "Alert", team.vera.user_id)
    (item,), (secret,) = items(team), items(team, "INC-2")
    assert team.do(finish_action_item, "INC-1", team.vera, item.id).changed
    assert items(team)[0].done_by_id == team.vera.user_id
    for reference in ("INC-1", "INC-2"):
        with pytest.raises((NotFound, NotAllowed)):
            team.do(finish_action_item, reference, team.vera, secret.id)
    assert items(team, "INC-2")[0].done_at is None


def test_ones_own_open_items_are_listed_with_what_is_due_first(team: Team) -> None:
    team.declare()
    team.declare(is_private=True)
    mine = team.bob.user_id
    for reference, text, due in (
        ("INC-1", "whenever", ""),
        ("INC-1", "later", "2026-12-31"),
        ("INC-1", "soon", "2026-01-31"),
        ("INC-2", "unseen", "2026-01-01"),
    ):
        team.do(add_action_item, reference, team.ada, text, mine, due)
    with team.sessions() as session:
        assert [item.text for item in list_open_of(session, team.bob)] == [
            "soon",
            "later",
            "whenever",
        ]


def test_the_draft_and_the_export_list_them_as_typed(team: Team) -> None:
    team.declare()
    team.do(
        add_action_item, "INC-1", team.ada, "Alert | <b>page</b>", team.bob.user_id, "2026-12-31"
    )
    team.do(commands.resolve, "INC-1", team.ada, "Rolled back")
    team.do(commands.draft_postmortem, "INC-1", team.ada)
    team.do(add_action_item, "INC-1", team.ada, "Too late for the draft", None)
    with team.sessions() as session:
        postmortem = find_postmortem(session, team.incident().id)
    assert postmortem is not None
    row = r"| Alert \| \<b\>page\</b\> | Bob | 2026-12-31 |"
    assert row in postmortem.body
    assert "Too late" not in postmortem.body
    exported = export(postmortem.body, items(team))
    assert exported.startswith(postmortem.body.rstrip())
    assert "| Too late for the draft |  |  |  |" in exported
    assert export(postmortem.body, []) == postmortem.body
