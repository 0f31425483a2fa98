"""What an admin does to the routing rules, and what becomes of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from incidentbot.database import write_transaction
from incidentbot.incidents.errors import (
    AlreadyDone,
    Conflict,
    IncidentError,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from incidentbot.incidents.models import Service
from incidentbot.incidents.settings import fingerprint
from incidentbot.routing import rules
from incidentbot.routing.models import RoutingRule
from incidentbot.routing.plan import Moment
from incidentbot.routing.route import audience_of
from incidentbot.routing.rules import RuleFields
from incidentbot.users.models import User
from tests.team import Team

CHANNEL = RuleFields(severity="P2", kind="channel", channel="#payments-alerts")


def add(team: Team, fields: RuleFields = CHANNEL) -> int:
    with team.sessions() as session:
        return rules.add_rule(session, team.grace, fields).id


def seen(team: Team, rule_id: int) -> str:
    with team.sessions() as session:
        return fingerprint(rules.state_of_rule(rules.get_rule(session, rule_id)))


def targets(team: Team) -> list[str]:
    with team.sessions() as session:
        return [rule.target for rule in rules.list_rules(session)]


def refused(team: Team, act: Callable[[Session], object]) -> IncidentError:
    with team.sessions() as session, pytest.raises(IncidentError) as refusal:
        act(session)
    return refusal.value


def test_a_rule_is_added_changed_and_deleted_and_the_log_says_so(team: Team) -> None:
    rule_id = add(team)
    with team.sessions() as session:
        fields = replace(CHANNEL, service="payments", moments=frozenset({Moment.UPDATE}))
        rules.edit_rule(session, rule_id, team.grace, fields, seen(team, rule_id))
    with team.sessions() as session:
        rules.delete_rule(session, rule_id, team.grace, seen(team, rule_id))
    assert "#payments-alerts" not in targets(team)
    added, edited, deleted = team.audit()
    assert [entry.action for entry in team.audit()] == ["add_rule", "edit_rule", "delete_rule"]
    assert (added.before, added.after["target"]) == ({}, "#payments-alerts")
    assert (edited.before["service"], edited.after["service"]) == (None, "payments")
    assert edited.after["on_start"] is False
    assert deleted.after == {}
    assert team.problems() == []


def test_saving_what_is_so_already_leaves_no_trace(team: Team) -> None:
    rule_id = add(team)
    with team.sessions() as session:
        rules.edit_rule(session, rule_id, team.grace, CHANNEL, seen(team, rule_id))
    assert len(team.audit()) == 1


@pytest.mark.parametrize("typed", ["#ops", "ops", " #OPS "])
def test_a_channel_is_kept_by_its_name_as_slack_writes_it(typed: str) -> None:
    assert rules.clean_channel(typed) == "#ops"


@pytest.mark.parametrize("typed", ["C012AB3CD", "G012AB3CD"])
def test_a_channels_id_is_kept_as_it_is(typed: str) -> None:
    assert rules.clean_channel(typed) == typed


@pytest.mark.parametrize(
    "typed", ["", "#", "#two words", "#" + "x" * 81, "#ops!", "#größe", "<!channel>"]
)
def test_what_cannot_be_a_channel_is_refused_at_its_field(typed: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        rules.clean_channel(typed)
    assert refusal.value.field == "channel"


@pytest.mark.parametrize(
    "field, fields",
    [
        ("severity", replace(CHANNEL, severity="P9")),
        ("kind", replace(CHANNEL, kind="pigeon")),
        ("channel", replace(CHANNEL, channel="two words")),
        ("service", replace(CHANNEL, service="nonsense")),
        ("moments", replace(CHANNEL, moments=frozenset())),
        ("person", RuleFields(severity="P1", kind="person")),
        ("person", RuleFields(severity="P1", kind="person", user_id=999)),
    ],
)
def test_what_is_wrong_is_said_at_its_field(team: Team, field: str, fields: RuleFields) -> None:
    before = team.state()
    refusal = refused(team, lambda session: rules.add_rule(session, team.grace, fields))
    assert isinstance(refusal, InvalidInput)
    assert refusal.field == field
    assert team.state() == before


def test_a_person_is_chosen_by_account_and_told_by_their_slack_id(team: Team) -> None:
    add(team, RuleFields(severity="P2", kind="person", user_id=team.bob.user_id))
    with team.sessions() as session:
        assert audience_of(session, "P2")[0].people == ("U0BOB",)


def test_who_has_no_slack_account_cannot_be_told_there(team: Team) -> None:
    team.execute("UPDATE users SET slack_user_id = NULL WHERE name = 'Vera'")
    fields = RuleFields(severity="P2", kind="person", user_id=team.vera.user_id)
    refusal = refused(team, lambda session: rules.add_rule(session, team.grace, fields))
    assert str(refusal) == "Vera has no Slack account here to be told in."


def test_the_same_rule_twice_is_refused(team: Team) -> None:
    add(team)
    refusal = refused(team, lambda session: rules.add_rule(session, team.grace, CHANNEL))
    assert isinstance(refusal, InvalidInput)
    assert refusal.field == "channel"
    add(team, replace(CHANNEL, service="payments"))  # for one service it is another rule


def test_a_double_click_adds_one_rule(team: Team) -> None:
    clicking = replace(team.grace, request_id="form/1/x")
    with team.sessions() as session:
        rules.add_rule(session, clicking, CHANNEL)
    refusal = refused(team, lambda session: rules.add_rule(session, clicking, CHANNEL))
    assert isinstance(refusal, AlreadyDone)
    assert targets(team).count("#payments-alerts") == 1


def test_only_an_admin_may_and_the_attempt_is_audited(team: Team) -> None:
    for actor in (team.ada, team.vera):
        refusal = refused(
            team, lambda session, actor=actor: rules.add_rule(session, actor, CHANNEL)
        )
        assert isinstance(refusal, NotAllowed)
    assert [(e.action, e.outcome.value) for e in team.audit()] == [("add_rule", "refused")] * 2
    assert "#payments-alerts" not in targets(team)


def test_who_saves_what_somebody_else_has_changed_is_told(team: Team) -> None:
    rule_id = add(team)
    old = seen(team, rule_id)
    with team.sessions() as session:
        rules.edit_rule(session, rule_id, team.grace, replace(CHANNEL, channel="#other"), old)
    for act in (
        lambda session: rules.edit_rule(session, rule_id, team.grace, CHANNEL, old),
        lambda session: rules.delete_rule(session, rule_id, team.grace, old),
    ):
        assert isinstance(refused(team, act), Conflict)
    assert "#other" in targets(team)


def test_a_rule_that_is_gone_is_not_found(team: Team) -> None:
    refusal = refused(team, lambda session: rules.delete_rule(session, 999, team.grace, ""))
    assert isinstance(refusal, NotFound)


def test_a_rule_of_a_service_holds_for_that_service_only(team: Team) -> None:
    add(team, replace(CHANNEL, service="payments"))
    with team.sessions() as session:
        payments, search = (
            session.query(Service).filter_by(slug=slug).one().id for slug in ("payments", "search")
        )
        assert "#payments-alerts" in audience_of(session, "P2", payments)[0].channels
        assert "#payments-alerts" not in audience_of(session, "P2", search)[0].channels
        assert "#payments-alerts" not in audience_of(session, "P2")[0].channels


def test_a_target_of_two_rules_is_told_once_of_what_either_says(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        payments = session.query(Service).filter_by(slug="payments").one()
        for service, on_end in ((None, False), (payments, True)):
            session.add(
                RoutingRule(
                    severity="P3",
                    kind="channel",
                    target="#ops",
                    service=service,
                    on_update=service is not None,
                    on_end=on_end,
                )
            )
    with team.sessions() as session:
        level, _ = audience_of(session, "P3", payments.id)
        assert (level.channels, level.on_update.channels) == (("#ops",), ("#ops",))
        assert level.not_on_end == frozenset()
        assert audience_of(session, "P3")[0].not_on_end == {"#ops"}


def test_somebody_who_has_left_stays_in_the_rule_and_is_not_chosen_anew(team: Team) -> None:
    fields = RuleFields(severity="P2", kind="person", user_id=team.bob.user_id)
    rule_id = add(team, fields)
    with team.sessions() as session, write_transaction(session):
        session.get_one(User, team.bob.user_id).deactivated_at = session.get_one(
            User, team.bob.user_id
        ).created_at
    with team.sessions() as session:
        calmer = replace(fields, moments=frozenset({Moment.START}))
        rules.edit_rule(session, rule_id, team.grace, calmer, seen(team, rule_id))
    refusal = refused(
        team, lambda session: rules.add_rule(session, team.grace, replace(fields, severity="P1"))
    )
    assert isinstance(refusal, InvalidInput)
