"""What is of no use any more goes by itself; what an incident's page shows stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incidentbot import housekeeping
from incidentbot.audit.replays import SeenRequest, is_first_time, last_request_at
from incidentbot.database import write_transaction
from incidentbot.housekeeping import DELIVERIES_KEPT, tidy_up
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.status_pages import subscribers
from incidentbot.status_pages.models import Subscriber
from incidentbot.users.models import FailedSignIn
from incidentbot.users.sign_in import count_try
from tests import team as fixtures
from tests.outbox.post import dispatcher, letter, post, states
from tests.team import Team

team = fixtures.team
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres
processes = fixtures.processes


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> Any:
    time_machine.move_to("2026-03-01T12:00:00+00:00", tick=False)
    return time_machine


def test_deliveries_of_no_incident_go_when_they_were_over_for_long(
    team: Team, noon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    team.declare(severity="P2")
    with team.sessions() as session, write_transaction(session):
        for delivery in session.scalars(select(Delivery)):
            delivery.state = DeliveryState.DONE
            delivery.finished_at = delivery.created_at
    of_the_incident = set(states(team))
    many = [letter(f"made {number}") for number in range(5)]
    post(team, *many, letter("needed"), letter("left out", skip_reason="not wanted"))
    dispatcher(team).run_until_idle()
    post(team, letter("waiting", waits_for="needed"), letter("given up"))
    with team.sessions() as session, write_transaction(session):
        (gone,) = session.scalars(select(Delivery).where(Delivery.dedupe_key == "given up"))
        gone.state, gone.finished_at = DeliveryState.PARKED, gone.created_at

    noon.shift(DELIVERIES_KEPT)
    post(team, letter("new", skip_reason="not wanted"))
    assert tidy_up(team.sessions)["deliveries"] == 0
    noon.shift(timedelta(seconds=1))
    assert tidy_up(team.sessions)["deliveries"] == 6
    assert set(states(team)) == of_the_incident | {"needed", "waiting", "given up", "new"}


def counted(session: Session, model: type[Any]) -> int:
    return session.scalars(select(func.count()).select_from(model)).one()


def test_who_never_confirmed_old_failures_and_old_requests_go_though_nobody_comes(
    team: Team, noon: Any
) -> None:
    with team.sessions() as session:
        subscribers.subscribe(session, "kim@example.com")
        count_try(session, "kim@example.com", "192.0.2.7")
        assert is_first_time(session, "one")
        noon.shift(timedelta(seconds=1))
        assert is_first_time(session, "two")
        heard_at = last_request_at(session)
    kinds = (Subscriber, FailedSignIn, SeenRequest)
    tidy_up(team.sessions)
    with team.sessions() as session:
        assert [counted(session, kind) for kind in kinds] == [1, 1, 2]
    noon.shift(timedelta(minutes=16))
    tidy_up(team.sessions)
    with team.sessions() as session:
        assert [counted(session, kind) for kind in kinds] == [1, 0, 1]
        assert last_request_at(session) == heard_at, "the check of Slack's connection asks for it"
    noon.shift(subscribers.FORGET_AFTER)
    tidy_up(team.sessions)
    with team.sessions() as session:
        assert [counted(session, kind) for kind in kinds] == [0, 0, 1]
