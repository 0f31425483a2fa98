"""What is shown before an incident is declared is what happens when it is."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from incidentbot.database import write_transaction
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.incidents.preview import Prospect, foresee
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.plan import Moment
from incidentbot.routing.preview import who_hears_when
from incidentbot.users.candidates import candidate
from incidentbot.users.models import DirectMessages, User
from tests.team import Team


def prepare(team: Team) -> None:
    """Make Bob and Grace hear of P1, Bob only of payments; Vera asked for none; Bob owns payments."""
    with team.sessions() as session, write_transaction(session):
        payments = session.query(Service).filter_by(slug="payments").one()
        people = {user.name: user for user in session.query(User).all()}
        payments.owners = [people["Bob"], people["Ada"]]
        people["Vera"].direct_messages = DirectMessages.NONE
        for name, service in (("Bob", payments), ("Grace", None), ("Vera", None)):
            session.add(
                RoutingRule(
                    severity=Severity.P1,
                    kind=AudienceKind.PERSON,
                    target=people[name].slack_user_id,
                    service=service,
                )
            )


def ahead(session: Session, team: Team, **wanted: Any) -> Prospect:
    asked = {"severity": "P1", "service": "payments", "commander": None, "is_private": False}
    prospect = foresee(session, team.ada, **{**asked, **wanted})
    assert prospect is not None
    return prospect


@pytest.mark.parametrize("is_private", [False, True], ids=["open", "private"])
@pytest.mark.parametrize("severity", ["P1", "P2", "P3"])
@pytest.mark.parametrize("service", ["payments", "search"])
def test_what_was_foreseen_is_what_happens(
    team: Team, severity: str, service: str, is_private: bool
) -> None:
    prepare(team)
    team.declare(service=service)  # its channel has the day's first name
    grace = team.grace.user_id
    with team.sessions() as session:
        prospect = ahead(
            session,
            team,
            severity=severity,
            service=service,
            commander=candidate(session.get_one(User, grace)),
            is_private=is_private,
        )
        names = {user.slack_user_id: user.name for user in session.query(User).all()}
    reference = team.declare(
        severity=severity, service=service, commander_id=grace, is_private=is_private
    )
    incident = team.incident(reference)
    made = team.deliveries(incident_id=incident.id)
    told = [d for d in made if d.kind == "slack.dm"]
    if is_private:  # it is named by chance
        assert incident.slack_channel_name.startswith(prospect.channel_name.removesuffix("…"))
    else:
        assert prospect.channel_name == incident.slack_channel_name
    assert [d.target for d in made if d.kind == "slack.announcement"] == list(
        prospect.hears.channels
    )
    assert [names.get(d.target, d.target) for d in told if d.state.value == "pending"] == list(
        prospect.hears.people
    )
    assert [names[d.target] for d in told if d.state.value == "skipped"] == list(
        prospect.hears.spared
    )
    invited = [user for d in made if d.kind == "slack.invite" for user in d.payload["users"]]
    assert [names[user] for user in invited] == list(prospect.hears.invited)
    if is_private:
        assert not told
        assert not prospect.hears.channels
        assert "Bob" not in prospect.hears.invited, "owners are not told of a private incident"


def test_looking_ahead_changes_nothing(team: Team) -> None:
    prepare(team)
    before = team.state()
    with team.sessions() as session:
        ahead(session, team)
    assert team.state() == before


@pytest.mark.parametrize(
    "choice", [{"severity": ""}, {"severity": "P9"}, {"service": ""}, {"service": "nothing"}]
)
def test_nothing_is_foreseen_while_something_is_not_chosen(
    team: Team, choice: dict[str, str]
) -> None:
    asked = {"severity": "P1", "service": "payments", "commander": None, "is_private": False}
    with team.sessions() as session:
        assert foresee(session, team.ada, **{**asked, **choice}) is None


def test_updates_and_the_end_are_foreseen_for_those_who_were_told_of_the_start(team: Team) -> None:
    prepare(team)
    with team.sessions() as session:
        payments = session.query(Service).filter_by(slug="payments").one()
        hearing = who_hears_when(session, Severity.P1, payments)
    start, update, end = (hearing[moment] for moment in (Moment.START, Moment.UPDATE, Moment.END))
    assert {"Bob", "Grace"} <= set(start.people)
    assert start.spared == ("Vera",)
    assert update.people == ()
    assert update.channels == ()
    assert set(end.channels) == set(start.channels)
    assert set(end.people) == set(start.people)


def test_whose_account_is_closed_is_neither_foreseen_nor_invited(team: Team) -> None:
    prepare(team)
    team.execute("UPDATE users SET deactivated_at = created_at WHERE name = 'Bob'")
    with team.sessions() as session:
        assert ahead(session, team, severity="P3").hears.invited == ("Ada",)
    team.declare()
    assert team.deliveries(kind="slack.invite")[-1].payload == {"users": ["U0ADA"]}
