"""What an admin does to the services, and what becomes of it."""

from collections.abc import Callable, Collection
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from incidentbot.incidents import services
from incidentbot.incidents.errors import (
    AlreadyDone,
    Conflict,
    IncidentError,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from incidentbot.incidents.queries import list_every_service, list_services
from incidentbot.incidents.settings import fingerprint
from tests.team import Team, together


def add(team: Team, name: str = "Mobile app", owners: Collection[int] = ()) -> int:
    with team.sessions() as session:
        return services.add_service(session, team.grace, name, owners).id


def seen(team: Team, service_id: int) -> str:
    with team.sessions() as session:
        return fingerprint(services.state_of_service(services.get_service(session, service_id)))


def refused(team: Team, act: Callable[[Session], object]) -> IncidentError:
    with team.sessions() as session, pytest.raises(IncidentError) as refusal:
        act(session)
    return refusal.value


def offered(team: Team) -> list[str]:
    with team.sessions() as session:
        return [service.name for service in list_services(session)]


def id_of(team: Team, actor_name: str) -> int:
    user_id = getattr(team, actor_name).user_id
    assert isinstance(user_id, int)
    return user_id


def test_a_service_added_can_be_declared_of_and_its_owners_are_invited(team: Team) -> None:
    add(team, owners=[id_of(team, "bob")])
    team.declare(service="mobile-app")
    (invite,) = team.deliveries(kind="slack.invite")
    assert invite.payload == {"users": ["U0ADA", "U0BOB"]}


def test_renaming_keeps_the_slug_and_the_log_says_what_was(team: Team) -> None:
    service_id = add(team, owners=[id_of(team, "bob")])
    with team.sessions() as session:
        old = seen(team, service_id)
        services.edit_service(session, service_id, team.grace, "Apps", [id_of(team, "ada")], old)
    _added, edited = team.audit()
    assert (edited.action, edited.subject) == ("edit_service", f"service {service_id}")
    assert (edited.before["name"], edited.after["name"]) == ("Mobile app", "Apps")
    assert (edited.before["owners"], edited.after["owners"]) == (
        [id_of(team, "bob")],
        [id_of(team, "ada")],
    )
    assert edited.after["slug"] == "mobile-app"
    assert "Apps" in offered(team)


def test_an_archived_service_is_offered_no_longer_until_it_is_used_again(team: Team) -> None:
    service_id = add(team)
    for archived in (True, True, False):
        with team.sessions() as session:
            services.archive_service(session, service_id, team.grace, archived=archived)
        assert ("Mobile app" in offered(team)) is not archived
    actions = [entry.action for entry in team.audit()]
    assert actions == ["add_service", "archive_service", "unarchive_service"]


def test_an_archived_service_cannot_be_declared_of(team: Team) -> None:
    service_id = add(team)
    with team.sessions() as session:
        services.archive_service(session, service_id, team.grace)
    with pytest.raises(InvalidInput):
        team.declare(service="mobile-app")


@pytest.mark.parametrize(
    "field, name, owners",
    [
        ("name", "", []),
        ("name", "x" * 101, []),
        ("name", "PAYMENTS", []),  # its slug is taken
        ("owners", "Mobile", [999]),
        ("owners", "Mobile", [0]),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    team: Team, field: str, name: str, owners: list[int]
) -> None:
    before = team.state()
    refusal = refused(team, lambda s: services.add_service(s, team.grace, name, owners))
    assert isinstance(refusal, InvalidInput)
    assert refusal.field == field
    assert team.state() == before


def test_a_name_without_a_letter_of_ours_has_a_slug_all_the_same(team: Team) -> None:
    first, second = add(team, "支付"), add(team, "検索")
    with team.sessions() as session:
        slugs = {services.get_service(session, found).slug for found in (first, second)}
    assert slugs == {f"service-{first}", f"service-{second}"}


def test_somebody_who_has_left_may_stay_an_owner_but_is_not_made_one(team: Team) -> None:
    bob = id_of(team, "bob")
    service_id = add(team, owners=[bob])
    team.execute("UPDATE users SET deactivated_at = created_at WHERE name = 'Bob'")
    with team.sessions() as session:
        old = seen(team, service_id)
        services.edit_service(session, service_id, team.grace, "Renamed", [bob], old)
    refusal = refused(team, lambda s: services.add_service(s, team.grace, "Other", [bob]))
    assert isinstance(refusal, InvalidInput)


def test_only_an_admin_may_and_the_attempt_is_audited(team: Team) -> None:
    for act in (
        lambda s: services.add_service(s, team.ada, "Mobile", []),
        lambda s: services.edit_service(s, 1, team.ada, "Mobile", [], ""),
        lambda s: services.archive_service(s, 1, team.ada),
    ):
        assert isinstance(refused(team, act), NotAllowed)
    assert {entry.outcome.value for entry in team.audit()} == {"refused"}
    assert len(team.audit()) == 3


def test_who_saves_what_somebody_else_has_changed_is_told(team: Team) -> None:
    service_id = add(team)
    old = seen(team, service_id)
    answers = together(
        *[
            lambda name=name: team.do(services.edit_service, service_id, team.grace, name, [], old)
            for name in ("One", "Two")
        ]
    )
    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]


def test_of_two_who_add_the_same_one_is_told(team: Team) -> None:
    answers = together(*[lambda: team.do(services.add_service, team.grace, "Mobile app", [])] * 2)
    refusals = [answer for answer in answers if isinstance(answer, (Conflict, InvalidInput))]
    assert len(refusals) == 1
    assert offered(team).count("Mobile app") == 1


def test_a_double_click_adds_one(team: Team) -> None:
    clicking = replace(team.grace, request_id="form/1/x")
    team.do(services.add_service, clicking, "Mobile app", [])
    refusal = refused(team, lambda s: services.add_service(s, clicking, "Mobile app", []))
    assert isinstance(refusal, AlreadyDone)


def test_a_service_that_is_not_there_is_not_found(team: Team) -> None:
    assert isinstance(refused(team, lambda s: services.get_service(s, 999)), NotFound)
    assert isinstance(
        refused(team, lambda s: services.archive_service(s, 999, team.grace)), NotFound
    )


def test_names_stand_in_the_order_of_the_alphabet_whatever_their_case(team: Team) -> None:
    for name in ("general", "Zebra", "Alpha"):
        add(team, name)
    names = offered(team)
    assert names == sorted(names, key=str.lower)
    with team.sessions() as session:
        assert [s.name for s in list_every_service(session)] == names
