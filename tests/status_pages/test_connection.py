"""The connection: a key that a copy of the database does not give away, and who may change what."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents.errors import Conflict, InvalidInput, InvalidMove, NotAllowed, NotFound
from incidentbot.incidents.settings import fingerprint
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import (
    DRIFTED,
    Connection,
    SeenComponent,
    Unreadable,
    seal,
    unseal,
)
from incidentbot.status_pages.models import (
    ComponentStatus,
    Maintenance,
    MaintenanceStatus,
    PublicIncident,
    StatuspageComponent,
)
from tests.status_pages.shown import map_components
from tests.team import Team, together

SECRET = "a-secret-key"
PAGE = Connection("page1", "hunter2")
CARDS = SeenComponent("c1", "Cards", ComponentStatus.OPERATIONAL)
SEARCH = SeenComponent("c2", "Search", ComponentStatus.MAJOR_OUTAGE)


def do(team: Team, act: Callable[..., Any], *arguments: Any) -> Any:
    with team.sessions() as session:
        return act(session, *arguments)


def connect(team: Team, page: Connection = PAGE) -> None:
    do(team, connection.connect, team.grace, page, "Acme", SECRET)


def test_what_is_sealed_opens_with_the_same_secret_only() -> None:
    sealed = seal(SECRET, "hunter2")
    assert "hunter2" not in sealed
    assert seal(SECRET, "hunter2") != sealed
    assert unseal(SECRET, sealed) == "hunter2"
    for secret, text in (("another", sealed), (SECRET, sealed[:-4] + "AAAA"), (SECRET, "x")):
        with pytest.raises(Unreadable):
            unseal(secret, text)


def test_a_connection_is_kept_sealed_and_audited(team: Team) -> None:
    connect(team)
    assert do(team, connection.stored_connection, SECRET) == PAGE
    assert "hunter2" not in str(team.state())
    entry = team.audit()[-1]
    assert (entry.action, entry.actor_name) == ("connect_statuspage", "Grace")
    assert entry.after["page"] == "page1"
    before = len(team.audit())
    connect(team, Connection("page1", "hunter3"))
    assert len(team.audit()) == before + 1, "another key is a change"
    do(team, connection.disconnect, team.grace)
    assert do(team, connection.stored_connection, SECRET) is None
    with pytest.raises(InvalidMove):
        do(team, connection.disconnect, team.grace)
    assert team.problems() == []


def test_a_changed_secret_is_noticed(team: Team) -> None:
    connect(team)
    with pytest.raises(Unreadable):
        do(team, connection.stored_connection, "another")


def test_only_admins_may(team: Team) -> None:
    acts: list[Callable[[Session], Any]] = [
        lambda s: connection.connect(s, team.ada, PAGE, "Acme", SECRET),
        lambda s: connection.disconnect(s, team.ada),
        lambda s: map_components(s, team.ada, [CARDS], {"c1": "payments"}),
        lambda s: connection.take_over(s, team.ada, 1),
        lambda s: connection.leave_as_it_is(s, team.ada, 1),
        lambda s: connection.take_over_incident(s, team.ada, 1),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            do(team, act)
    assert {entry.outcome.value for entry in team.audit()} == {"refused"}


def test_components_follow_services_and_stop_again(team: Team) -> None:
    connect(team)
    seen = [CARDS, SEARCH]
    wish = {"c1": "payments", "c2": "payments"}
    assert do(team, map_components, team.grace, seen, wish) == 2
    assert do(team, map_components, team.grace, seen, wish) == 0
    assert len(team.deliveries(kind="statuspage.component")) == 2
    assert do(team, map_components, team.grace, seen, {"c1": "", "c2": "search"}) == 2
    with team.sessions() as session:
        (row,) = connection.list_components(session)
        assert (row.component_id, row.service.slug) == ("c2", "search")
    for wrong in ({"c3": "payments"}, {"c1": "nothing"}):
        with pytest.raises(InvalidInput):
            do(team, map_components, team.grace, seen, wrong)


def test_who_saw_an_older_mapping_does_not_undo_the_newer(team: Team) -> None:
    connect(team)
    with team.sessions() as session:
        seen = fingerprint(connection.state_of_mapping(session, ["c1", "c2"]))
    do(team, map_components, team.grace, [CARDS], {"c1": "payments"})
    late = ([CARDS, SEARCH], {"c1": "", "c2": "search"}, seen)
    with pytest.raises(Conflict):
        do(team, connection.map_components, team.grace, *late)
    (row,) = do(team, connection.list_components)
    assert row.component_id == "c1"


def test_a_component_found_in_trouble_is_not_overwritten_unasked(team: Team) -> None:
    connect(team)
    do(team, map_components, team.grace, [SEARCH], {"c2": "search"})
    with team.sessions() as session:
        (drift,) = connection.list_drift(session)
        assert drift.wanted is ComponentStatus.OPERATIONAL
        connection.take_over(session, team.grace, drift.component.id)
        assert connection.list_drift(session) == []
        with pytest.raises(NotFound):
            connection.take_over(session, team.grace, 99)


def test_another_page_forgets_the_components_of_the_first(team: Team) -> None:
    connect(team)
    do(team, map_components, team.grace, [CARDS], {"c1": "payments"})
    connect(team, Connection("page2", "hunter2"))
    assert do(team, connection.list_components) == []


def open_elsewhere(team: Team, status: str = "scheduled") -> None:
    """Have an open incident, and a maintenance, that stand on the page that is connected now."""
    moment = clock.now()
    with team.sessions() as session, write_transaction(session):
        session.get_one(PublicIncident, team.incident().id).statuspage_id = "inc0old"
        session.add(
            Maintenance(
                title="New disks",
                body="Search is slow.",
                starts_at=moment,
                ends_at=moment,
                status=MaintenanceStatus(status),
                created_at=moment,
                updated_at=moment,
                statuspage_id="inc0work",
            )
        )


def take_another(team: Team) -> None:
    do(team, connection.disconnect, team.grace)
    connect(team, Connection("page2", "hunter2"))


def name_another(team: Team) -> None:
    do(team, connection.disconnect, team.grace)
    do(team, connection.adopt_environment, "page2")


@pytest.mark.parametrize("change", [take_another, name_another])
def test_another_page_after_a_disconnect_is_told_all_anew(
    team: Team, change: Callable[[Team], None]
) -> None:
    connect(team)
    do(team, map_components, team.grace, [CARDS], {"c1": "payments"})
    team.declare(public="Cards fail.")
    open_elsewhere(team)
    change(team)
    assert do(team, connection.list_components) == []
    with team.sessions() as session:
        assert session.get_one(PublicIncident, team.incident().id).statuspage_id is None
        assert session.scalars(select(Maintenance.statuspage_id)).one() is None
    assert len(team.deliveries(kind="statuspage.maintenance")) == 1


def test_the_same_page_again_has_its_components_still(team: Team) -> None:
    connect(team)
    do(team, map_components, team.grace, [CARDS], {"c1": "payments"})
    team.declare(public="Cards fail.")
    open_elsewhere(team, "completed")
    do(team, connection.disconnect, team.grace)
    connect(team)
    assert len(do(team, connection.list_components)) == 1
    take_another(team)
    assert team.deliveries(kind="statuspage.maintenance") == [], "what is over is not told again"


def test_a_component_with_a_long_name_can_be_taken_over(team: Team) -> None:
    connect(team)
    name = "Payments " * 20
    seen = SeenComponent("c2", name, ComponentStatus.MAJOR_OUTAGE)
    do(team, map_components, team.grace, [seen], {"c2": "search"})
    do(team, connection.leave_as_it_is, team.grace, 1)
    assert team.audit()[-1].before["component"] == name


def test_the_page_that_the_environment_names_is_known_to_the_rules(team: Team) -> None:
    adopt = connection.adopt_environment
    do(team, adopt, None)
    assert team.audit() == []
    assert together(*[lambda: do(team, adopt, "page9")] * 3).count(None) >= 1
    assert [entry.action for entry in team.audit()] == ["connect_statuspage"]
    do(team, adopt, None)
    assert do(team, connection.page_settings).statuspage_page_id is None
    connect(team)
    do(team, adopt, None)
    assert do(team, connection.page_settings).statuspage_page_id == "page1", "an admin's stays"


def test_the_query_for_changes_by_hand_finds_what_the_rule_does(team: Team) -> None:
    states = (None, ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE)
    service_id = team.incident(team.declare()).service_id
    with team.sessions() as session, write_transaction(session):
        for number, (last, about, found) in enumerate(product(states, repeat=3)):
            session.add(
                StatuspageComponent(
                    service_id=service_id,
                    component_id=f"c{number}",
                    name="x",
                    last_set=last,
                    about_to_set=about,
                    found=found,
                )
            )
    with team.sessions() as session:
        rows = session.scalars(select(StatuspageComponent)).all()
        by_query = set(session.scalars(select(StatuspageComponent.id).where(DRIFTED)))
        assert by_query == {row.id for row in rows if connection.has_drifted(row)}
        assert 0 < len(by_query) < len(rows)


def test_one_component_that_follows_two_services_shows_the_worse(team: Team) -> None:
    connect(team)
    do(team, map_components, team.grace, [CARDS], {"c1": "payments"})
    team.execute(
        "INSERT INTO statuspage_components (service_id, component_id, name) "
        "SELECT id, 'c1', 'Cards' FROM services WHERE slug = 'search'"
    )
    team.declare(severity="P3", service="payments")
    team.declare(severity="P1", service="search")
    wanted = do(team, connection.wanted_by_component, ["c1"])
    assert wanted == {"c1": ComponentStatus.MAJOR_OUTAGE}
