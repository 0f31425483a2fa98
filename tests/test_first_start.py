"""What a new installation begins with, once, whoever starts first."""

from typing import Any

from sqlalchemy import delete, func, select

from incidentbot.audit.models import AuditHead
from incidentbot.database import write_transaction
from incidentbot.first_start import TEMPLATES, fill
from incidentbot.incidents.models import Counter, Service, Template
from incidentbot.incidents.queries import list_services, list_templates
from incidentbot.outbox.models import Delivery
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.route import audience_of
from incidentbot.users.models import User
from tests import team as fixtures
from tests.installation import small_company
from tests.team import Processes, Team, a_team, connected, together

team, processes = fixtures.team, fixtures.processes
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres


def test_it_has_templates_services_people_and_routing(database_url: str) -> None:
    with (
        a_team(
            database_url,
            services=("Payments", "Suche & Filter"),
            service_owners={"Payments": ["U0P1", "U0OWNER"], "billing": ["U0OWNER"]},
            p1_users=("U0P1", "U0P2"),
            notification_channel_general="C0GENERAL",
        ) as team,
        team.sessions() as session,
    ):
        services = {service.slug: service for service in list_services(session)}
        assert {slug: s.name for slug, s in services.items()} == {
            "payments": "Payments",
            "suche-filter": "Suche & Filter",
            "billing": "billing",
        }
        assert [u.slack_user_id for u in services["billing"].owners] == ["U0OWNER"]
        assert {u.slack_user_id for u in services["payments"].owners} == {"U0P1", "U0OWNER"}
        levels = {s: audience_of(session, s)[0] for s in ("P1", "P2", "P3", "P4")}
        assert levels["P1"].channels == ("C0GENERAL", "#engineering")
        assert levels["P1"].people == ("U0P1", "U0P2")
        assert (levels["P2"].channels, levels["P2"].people) == (("#engineering",), ())
        assert not levels["P3"].channels + levels["P3"].people
        assert not levels["P4"].channels + levels["P4"].people
        names = [template.name for template in list_templates(session)]
        assert names == sorted((t[0] for t in TEMPLATES), key=str.lower)
        assert session.get_one(Counter, "incident").value == 0
        assert team.problems() == []


def test_services_whose_names_look_alike_in_a_channel_are_one(sqlite_url: str) -> None:
    owners = {"Payments": ["U0A"], "payments!": ["U0B"], "支付": ["U0C"]}
    with (
        a_team(
            sqlite_url, services=("Payments", "payments!", "支付"), service_owners=owners
        ) as team,
        team.sessions() as session,
    ):
        services = {service.slug: service for service in list_services(session)}
        assert services.keys() == {"payments", "service-3"}
        assert services["payments"].name == "Payments"
        assert services["service-3"].name == "支付"


def test_one_channel_named_twice_is_told_once(sqlite_url: str) -> None:
    with (
        a_team(sqlite_url, notification_channel_general="#engineering") as team,
        team.sessions() as session,
    ):
        assert audience_of(session, "P1")[0].channels == ("#engineering",)


def test_what_was_edited_since_is_never_filled_in_again(team: Team) -> None:
    team.execute(
        "DELETE FROM templates",
        "DELETE FROM routing_rules",
        "UPDATE services SET name = 'Ours' WHERE slug = 'payments'",
    )
    before = team.state()
    settings = small_company(team.database_url, services=("another",), p1_users=("U0NEW",))
    with team.sessions() as session:
        assert fill(session, settings) is False
    assert team.state() == before


def test_of_several_who_fill_it_at_once_one_does(team: Team, processes: Processes) -> None:
    _empty(team)
    with_settings = small_company(team.database_url)

    def fill_it() -> bool:
        with team.sessions() as session:
            return fill(session, with_settings)

    assert sorted(together(*[fill_it] * 4)) == [False, False, False, True]
    _assert_filled_once(team)
    _empty(team)
    assert sum(processes.together(_fill_elsewhere, team.database_url)) == 1
    _assert_filled_once(team)


def _empty(team: Team) -> None:
    with team.sessions() as session, write_transaction(session):
        for model in (Template, RoutingRule, Service, Counter, AuditHead, Delivery):
            session.execute(delete(model))


def _assert_filled_once(team: Team) -> None:
    with team.sessions() as session:

        def count(column: Any) -> int:
            return session.scalars(select(func.count(column))).one()

        assert count(Template.id) == len(TEMPLATES)
        assert count(Service.id) == 2
        assert count(AuditHead.id) == count(Counter.name) == 1
        people = RoutingRule.kind == AudienceKind.PERSON
        assert session.scalars(select(RoutingRule.target).where(people)).all() == ["U0P1"]
        assert session.scalars(select(func.count()).where(User.slack_user_id == "U0P1")).one() == 1


def _fill_elsewhere(_number: int, database_url: str) -> bool:
    with connected(database_url) as sessions, sessions() as session:
        return fill(session, small_company(database_url))
