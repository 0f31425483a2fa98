"""What an admin does to the templates, and what becomes of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from incidentbot.incidents import templates
from incidentbot.incidents.errors import (
    AlreadyDone,
    Conflict,
    IncidentError,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service, Template
from incidentbot.incidents.queries import list_templates
from incidentbot.incidents.settings import fingerprint
from incidentbot.incidents.templates import TemplateFields
from tests.team import Team

FIELDS = TemplateFields(name="Disk full", title="A disk is full", severity="P3", service="payments")


def add(team: Team, fields: TemplateFields = FIELDS) -> int:
    with team.sessions() as session:
        return templates.add_template(session, team.grace, fields).id


def seen(team: Team, template_id: int) -> str:
    with team.sessions() as session:
        found = templates.get_template(session, template_id)
        return fingerprint(templates.state_of_template(found))


def names(team: Team) -> list[str]:
    with team.sessions() as session:
        return [template.name for template in list_templates(session)]


def refused(team: Team, act: Callable[[Session], object]) -> IncidentError:
    with team.sessions() as session, pytest.raises(IncidentError) as refusal:
        act(session)
    return refusal.value


def test_a_template_is_added_changed_and_deleted_and_the_log_says_so(team: Team) -> None:
    template_id = add(team)
    assert names(team) == sorted(names(team), key=str.lower)
    changed = replace(FIELDS, title="No space left", service="", summary="Check /var\nfirst")
    with team.sessions() as session:
        templates.edit_template(session, template_id, team.grace, changed, seen(team, template_id))
    with team.sessions() as session:
        templates.delete_template(session, template_id, team.grace, seen(team, template_id))
    assert "Disk full" not in names(team)
    added, edited, deleted = team.audit()
    assert added.after["title"] == "A disk is full"
    assert (edited.before["service"], edited.after["service"]) == ("payments", None)
    assert edited.after["summary"] == "Check /var\nfirst"
    assert (deleted.action, deleted.after) == ("delete_template", {})


@pytest.mark.parametrize(
    "field, fields",
    [
        ("name", replace(FIELDS, name=" ")),
        ("name", replace(FIELDS, name="x" * 76)),
        ("name", replace(FIELDS, name="database OUTAGE")),  # one that there is from the start
        ("title", replace(FIELDS, title="")),
        ("severity", replace(FIELDS, severity="")),
        ("service", replace(FIELDS, service="nonsense")),
        ("summary", replace(FIELDS, summary="x" * 3_001)),
    ],
)
def test_what_is_wrong_is_said_at_its_field(team: Team, field: str, fields: TemplateFields) -> None:
    before = team.state()
    refusal = refused(team, lambda s: templates.add_template(s, team.grace, fields))
    assert isinstance(refusal, InvalidInput)
    assert refusal.field == field
    assert team.state() == before


def test_only_an_admin_may(team: Team) -> None:
    template_id = add(team)
    for act in (
        lambda s: templates.add_template(s, team.ada, FIELDS),
        lambda s: templates.edit_template(s, template_id, team.ada, FIELDS, ""),
        lambda s: templates.delete_template(s, template_id, team.ada, ""),
    ):
        assert isinstance(refused(team, act), NotAllowed)
    assert [entry.outcome.value for entry in team.audit()] == ["done", *["refused"] * 3]


def test_who_saves_or_deletes_what_somebody_else_has_changed_is_told(team: Team) -> None:
    template_id = add(team)
    old = seen(team, template_id)
    team.do(templates.edit_template, template_id, team.grace, replace(FIELDS, title="Other"), old)
    for act in (
        lambda s: templates.edit_template(s, template_id, team.grace, FIELDS, old),
        lambda s: templates.delete_template(s, template_id, team.grace, old),
    ):
        assert isinstance(refused(team, act), Conflict)


def test_a_double_click_deletes_once(team: Team) -> None:
    template_id = add(team)
    clicking, old = replace(team.grace, request_id="form/1/x"), seen(team, template_id)
    team.do(templates.delete_template, template_id, clicking, old)
    refusal = refused(team, lambda s: templates.delete_template(s, template_id, clicking, old))
    assert isinstance(refusal, AlreadyDone)


def test_a_template_that_is_gone_is_not_found(team: Team) -> None:
    assert isinstance(refused(team, lambda s: templates.get_template(s, 999)), NotFound)


A = Template(name="A", title="A is down", severity=Severity.P1, summary="First\nthis", service=None)
B = Template(name="B", title="B is slow", severity=Severity.P3, summary="")
B.service = Service(slug="search", name="Search")
BLANK = {"title": "", "severity": "", "service": "", "summary": "", "commander": "7"}


def test_a_template_fills_what_nobody_has_written() -> None:
    filled = templates.fill_in({**BLANK, "title": "Mine"}, A, None)
    expected = {"title": "Mine", "severity": "P1", "service": "", "summary": "First\nthis"}
    assert filled == {**BLANK, **expected}


def test_another_template_takes_the_place_of_the_one_before_and_of_nothing_written() -> None:
    by_a = templates.fill_in(BLANK, A, None)
    sent = {**by_a, "summary": "First\r\nthis"}  # as a browser sends it
    expected = {"title": "B is slow", "severity": "P3", "service": "search", "summary": ""}
    assert templates.fill_in(sent, B, A) == {**BLANK, **expected}
    written = {**by_a, "title": "Mine", "severity": "P2"}
    kept = templates.fill_in(written, B, A)
    assert (kept["title"], kept["severity"], kept["summary"]) == ("Mine", "P2", "")
    assert templates.fill_in(by_a, None, A) == BLANK


@pytest.mark.parametrize("chosen", ["", "x", "-1", "999999", "9" * 40])
def test_what_names_no_template_finds_none(team: Team, chosen: str) -> None:
    with team.sessions() as session:
        assert templates.find_template(session, chosen) is None


def test_a_name_is_taken_whatever_its_letters_are_large_or_small(team: Team) -> None:
    add(team, replace(FIELDS, name="Störung"))
    refusal = refused(
        team, lambda s: templates.add_template(s, team.grace, replace(FIELDS, name="STÖRUNG"))
    )
    assert isinstance(refusal, InvalidInput)
