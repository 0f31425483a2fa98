"""Action items: who adds them, who ticks them off, and where they are listed."""

from datetime import date

import pytest

from incidentbot.incidents import commands
from incidentbot.incidents.action_items import (
    TEXT_LIMIT,
    add_action_item,
    change_action_item,
    finish_action_item,
    list_action_items,
    list_open_of,
)
from incidentbot.incidents.errors import InvalidInput, InvalidMove, NotAllowed, NotFound
from incidentbot.incidents.models import ActionItem
from incidentbot.incidents.people import add_person, remove_person
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
    team.do(add_person, "INC-2", team.ada, team.vera.user_id, "scribe")
    for reference in ("INC-1", "INC-2"):
        team.do(add_action_item, reference, team.ada, "Alert", team.vera.user_id)
    team.do(remove_person, "INC-2", team.ada, team.vera.user_id)
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
    team.do(add_person, "INC-2", team.ada, mine, "scribe")
    for reference, text, due in (
        ("INC-1", "whenever", ""),
        ("INC-1", "later", "2026-12-31"),
        ("INC-1", "soon", "2026-01-31"),
        ("INC-2", "unseen", "2026-01-01"),
    ):
        team.do(add_action_item, reference, team.ada, text, mine, due)
    team.do(remove_person, "INC-2", team.ada, mine)
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
    exported = export(postmortem.body, items(team), "https://inc.example")
    assert exported.startswith(export(postmortem.body, [], "https://inc.example").rstrip())
    assert "| Too late for the draft |  |  |  |" in exported


def test_an_item_is_given_to_somebody_else_until_another_day(team: Team) -> None:
    team.declare()
    team.do(add_action_item, "INC-1", team.ada, "Alert", team.ada.user_id, "2026-12-31")
    (item,) = items(team)
    changed = ("Alert on declines", team.bob.user_id, "2027-01-31")
    team.do(change_action_item, "INC-1", team.bob, item.id, *changed)
    (item,) = items(team)
    assert item.owner is not None
    assert (item.text, item.owner.name, item.due_on) == (changed[0], "Bob", date(2027, 1, 31))
    event, entry = team.timeline()[-1], team.audit()[-1]
    assert headline(event) == "Action item changed, now for Bob, due 31 Jan 2027"
    assert event.text == "Alert on declines"
    assert entry.action == "change_action_item"
    assert (entry.before["owner"], entry.after["owner"]) == ("Ada", "Bob")
    assert (entry.before["due"], entry.after["due"]) == ("2026-12-31", "2027-01-31")
    assert (entry.before["text"], entry.after["text"]) == ("Alert", "Alert on declines")
    before = team.state()
    assert not team.do(change_action_item, "INC-1", team.bob, item.id, *changed).changed
    assert team.state() == before


def test_an_item_of_somebody_who_has_left_can_be_changed_and_taken_over(team: Team) -> None:
    team.declare()
    team.do(add_action_item, "INC-1", team.ada, "Alert", team.bob.user_id)
    (item,) = items(team)
    team.execute("UPDATE users SET deactivated_at = created_at WHERE name = 'Bob'")
    team.do(change_action_item, "INC-1", team.ada, item.id, "Alert", team.bob.user_id, "2027-01-31")
    team.do(change_action_item, "INC-1", team.ada, item.id, "Alert", None)
    assert (items(team)[0].owner, items(team)[0].due_on) == (None, None)
    with pytest.raises(InvalidInput):
        team.do(change_action_item, "INC-1", team.ada, item.id, "Alert", team.bob.user_id)


def test_an_item_that_is_done_or_elsewhere_is_not_changed(team: Team) -> None:
    team.declare()
    team.declare()
    team.do(add_action_item, "INC-1", team.ada, "Alert", None)
    (item,) = items(team)
    with pytest.raises(NotFound):
        team.do(change_action_item, "INC-2", team.ada, item.id, "Alert", None)
    with pytest.raises(NotAllowed):
        team.do(change_action_item, "INC-1", team.vera, item.id, "Alert", None)
    team.do(finish_action_item, "INC-1", team.ada, item.id)
    with pytest.raises(InvalidMove, match="Open it again first"):
        team.do(change_action_item, "INC-1", team.ada, item.id, "Alert", None)


def test_an_item_of_a_private_incident_goes_to_its_people_and_to_admins(team: Team) -> None:
    team.declare(is_private=True)
    with pytest.raises(InvalidInput, match="Bob does not belong to this incident") as refused:
        team.do(add_action_item, "INC-1", team.ada, "Alert", team.bob.user_id)
    assert refused.value.field == "owner"
    team.do(add_action_item, "INC-1", team.ada, "Alert", team.grace.user_id)
    (item,) = items(team)
    with pytest.raises(InvalidInput):
        team.do(change_action_item, "INC-1", team.ada, item.id, "Alert", team.bob.user_id)
    team.do(add_person, "INC-1", team.ada, team.bob.user_id, "responder")
    assert team.do(
        change_action_item, "INC-1", team.ada, item.id, "Alert", team.bob.user_id
    ).changed
