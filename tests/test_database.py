"""What every transaction relies on: all or nothing, writers in turn, times in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from incidentbot.database import UtcDateTime, snapshot, write_transaction
from incidentbot.incidents.models import Counter, Incident
from incidentbot.users.models import User
from tests import team as fixtures
from tests.team import Team, a_team, together

team = fixtures.team
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres


def _fail_half_way(session: Session) -> None:
    session.get_one(Counter, "incident").value = 7
    session.flush()
    raise RuntimeError("half-way")


def value(team: Team) -> int:
    with team.sessions() as session:
        return session.get_one(Counter, "incident").value


def test_a_transaction_that_fails_leaves_nothing(team: Team) -> None:
    before = team.state()
    with (
        team.sessions() as session,
        pytest.raises(RuntimeError, match="half-way"),
        write_transaction(session),
    ):
        _fail_half_way(session)
    assert team.state() == before


def test_a_block_that_returns_early_is_committed(team: Team) -> None:
    def change() -> str:
        with team.sessions() as session, write_transaction(session):
            session.get_one(Counter, "incident").value = 7
            return "done"

    assert change() == "done"
    assert value(team) == 7


def test_changes_made_before_the_transaction_are_not_lost_in_silence(team: Team) -> None:
    with team.sessions() as session:
        session.get_one(Counter, "incident").value = 7
        with (
            pytest.raises(RuntimeError, match="outside a write transaction"),
            write_transaction(session),
        ):
            session.execute(text("SELECT 1"))
    assert value(team) == 0


def test_a_transaction_sees_what_was_committed_since_the_session_last_read(team: Team) -> None:
    with team.sessions() as session:
        session.execute(select(Counter)).all()
        team.execute("UPDATE counters SET value = 5")
        with write_transaction(session):
            assert session.scalar(select(Counter.value)) == 5


def test_writers_take_turns_and_none_is_lost(team: Team) -> None:
    def count_up() -> None:
        for _ in range(5):
            with team.sessions() as session, write_transaction(session):
                counter = session.scalars(select(Counter).with_for_update()).one()
                counter.value += 1

    assert together(*[count_up] * 6) == [None] * 6
    assert value(team) == 30


def test_a_snapshot_is_of_one_moment(team: Team) -> None:
    with team.sessions() as session:
        with snapshot(session):
            first = session.scalar(select(Counter.value))
            team.execute("UPDATE counters SET value = 5")
            assert session.scalar(select(Counter.value)) == first == 0
        assert session.scalar(select(Counter.value)) == 5


def test_what_refers_to_nothing_is_refused(team: Team) -> None:
    team.declare()
    with pytest.raises(IntegrityError):
        team.execute("UPDATE incidents SET service_id = 999999")


def test_a_time_without_a_zone_is_refused(team: Team) -> None:
    team.declare()
    with team.sessions() as session, pytest.raises(StatementError, match="naive"):
        session.scalars(select(Incident).where(Incident.declared_at > datetime(2026, 3, 1))).all()  # noqa: DTZ001 - naive is meant


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_any_time_comes_back_as_the_same_moment_in_utc(sqlite_url: str, postgres_url: str) -> None:
    with a_team(sqlite_url) as small, a_team(postgres_url) as large:

        @settings(max_examples=30)
        @given(st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=zones))  # noqa: DTZ001 - naive is meant
        def same(moment: datetime) -> None:
            for team in (small, large):
                with team.sessions() as session:
                    with write_transaction(session):
                        session.get_one(User, team.ada.user_id).created_at = moment
                    stored = session.scalars(
                        select(User.created_at).where(User.created_at == moment)
                    ).one()
                assert stored == moment
                assert stored.tzinfo is UTC or stored.utcoffset() == timedelta()

        same()


def test_no_time_is_no_time() -> None:
    column = UtcDateTime()
    assert column.process_bind_param(None, None) is None
    assert column.process_result_value(None, None) is None
