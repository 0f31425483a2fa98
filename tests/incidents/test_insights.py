"""Insights: every figure compared with a slow and obvious computation of the same."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents import commands, insights
from incidentbot.incidents.action_items import add_action_item
from incidentbot.incidents.insight_answers import (
    STATUSES,
    OpenItems,
    Question,
    Spread,
    Summary,
    Unit,
)
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import ActionItem, Incident, Service
from incidentbot.incidents.severities import default_words
from incidentbot.users.actor import Actor
from tests.team import Team

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
# Around both changes of the clocks in Berlin and New York.
FROM = datetime(2026, 2, 20, tzinfo=UTC)
TO = datetime(2026, 11, 10, tzinfo=UTC)

incidents = st.lists(
    st.builds(
        dict,
        minute=st.integers(0, int((TO - FROM).total_seconds() // 60)),
        severity=st.sampled_from(Severity),
        status=st.sampled_from(Status),
        service=st.integers(0, 1),
        private=st.booleans(),
        first_update=st.none() | st.integers(0, 90_000),
        duration=st.integers(0, 500_000),
        last_update=st.none() | st.integers(0, 90_000),
        due=st.integers(0, 9),
        late=st.integers(0, 9),
    ),
    max_size=25,
)
questions = st.builds(
    Question,
    first=st.none() | st.dates(date(2026, 3, 1), date(2026, 6, 1)),
    last=st.dates(date(2026, 6, 1), date(2026, 11, 9)),
    today=st.just(date(2026, 11, 9)),
    zone=st.sampled_from(ZONES),
    severities=st.sampled_from([(), (Severity.P1,), (Severity.P2, Severity.P3)]),
)


def fill(session: Session, team: Team, wanted: Sequence[dict[str, object]]) -> list[Incident]:
    """Write incidents past the commands: any columns at all."""
    services = session.scalars(select(Service).order_by(Service.id)).all()
    rows = []
    for number, row in enumerate(wanted, 1):
        declared_at = FROM + timedelta(minutes=row["minute"])
        is_resolved = row["status"] is Status.RESOLVED
        first = row["first_update"]
        rows.append(
            Incident(
                number=number,
                title="x",
                severity=row["severity"],
                status=row["status"],
                service_id=services[row["service"]].id,
                commander_id=team.ada.user_id,
                declared_at=declared_at,
                updated_at=declared_at,
                slack_channel_name=f"c{number}",
                is_private=row["private"],
                first_update_at=None
                if first is None
                else declared_at + timedelta(seconds=first, microseconds=0),
                last_update_at=None
                if row["last_update"] is None
                else declared_at + timedelta(seconds=row["last_update"]),
                duration_seconds=row["duration"] if is_resolved else None,
                seconds_declared=row["duration"] // 3,
                seconds_monitoring=row["duration"] // 7,
                updates_due=max(row["due"], row["late"]),
                updates_late=row["late"],
            )
        )
    with write_transaction(session):
        session.execute(delete(Incident))
        session.add_all(rows)
    return rows


def percentile(values: Sequence[int], p: int) -> int | None:
    return sorted(values)[math.ceil(p * len(values) / 100) - 1] if values else None


def spread(values: Sequence[int]) -> Spread:
    return Spread(
        len(values),
        sum(values) / len(values) if values else None,
        percentile(values, 50),
        percentile(values, 90),
    )


def awaited(row: Incident) -> int:
    """Return how often an update was waited for in vain since the last one, up to now."""
    every = default_words(row.severity).update_every
    if not row.status.is_open or every is None:
        return 0
    since = row.last_update_at or row.declared_at
    return max(0, math.ceil((TO - since) / every) - 1)


def summary(rows: Sequence[Incident]) -> Summary:
    resolved = [row for row in rows if row.status is Status.RESOLVED]
    return Summary(
        incidents=len(rows),
        first_update=spread(
            [
                int((row.first_update_at - row.declared_at).total_seconds())
                for row in rows
                if row.first_update_at
            ]
        ),
        resolve=spread([row.duration_seconds for row in resolved]),
        in_status={
            status: sum(getattr(row, f"seconds_{status.value}") or 0 for row in resolved)
            / len(resolved)
            for status in STATUSES
        }
        if resolved
        else {},
        updates_due=sum(row.updates_due + awaited(row) for row in rows),
        updates_late=sum(row.updates_late + awaited(row) for row in rows),
    )


@pytest.mark.parametrize("viewer", ["vera", "grace"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=incidents, question=questions)
def test_every_figure_is_what_counting_by_hand_gives(
    team: Team, viewer: str, wanted: list[dict[str, object]], question: Question
) -> None:
    actor: Actor = getattr(team, viewer)
    zone = ZoneInfo(question.zone)
    with team.sessions() as session, clock.at(TO):
        rows = fill(session, team, wanted)
        answer = insights.read(session, question, actor)

    def day(row: Incident) -> date:
        return row.declared_at.astimezone(zone).date()

    seen = [
        row
        for row in rows
        if row.status is not Status.CANCELLED
        and (actor.is_admin or not row.is_private)
        and row.severity in (question.severities or tuple(Severity))
    ]
    now = [
        row
        for row in seen
        if day(row) <= question.last and (question.first is None or day(row) >= question.first)
    ]
    assert answer.all == summary(now)
    assert answer.by_severity == {
        severity: summary([row for row in now if row.severity is severity])
        for severity in question.severities or tuple(Severity)
    }
    assert answer.by_service == {
        service_id: summary([row for row in now if row.service_id == service_id])
        for service_id in {row.service_id for row in now}
    }
    may_know = [row for row in rows if actor.is_admin or not row.is_private]
    if question.first is None or not any(day(row) < question.first for row in may_know):
        assert answer.before is None
    else:
        begins = question.first - timedelta(days=question.days)
        assert answer.before == summary(
            [row for row in seen if begins <= day(row) < question.first]
        )
    for weekday in range(7):
        for hour in range(24):
            at = [row.declared_at.astimezone(zone) for row in now]
            assert answer.hours[weekday][hour] == sum(
                (moment.weekday(), moment.hour) == (weekday, hour) for moment in at
            )
    starts = [bucket.start for bucket in answer.over_time]
    for bucket, end in zip(answer.over_time, [*starts[1:], date.max], strict=True):
        inside = [row for row in now if bucket.start <= day(row) < end]
        for severity, count in bucket.by_severity.items():
            assert count == sum(row.severity is severity for row in inside)
    assert sum(sum(bucket.by_severity.values()) for bucket in answer.over_time) == len(now)


@pytest.mark.parametrize(
    "days, unit, count",
    [(1, Unit.DAY, 1), (31, Unit.DAY, 31), (32, Unit.WEEK, 5), (183, Unit.MONTH, 7)],
)
def test_a_longer_range_is_cut_more_coarsely(team: Team, days: int, unit: Unit, count: int) -> None:
    last = date(2026, 11, 8)  # a Sunday
    question = Question(last - timedelta(days=days - 1), last, last)
    with team.sessions() as session:
        answer = insights.read(session, question, team.grace)
    assert (answer.unit, len(answer.over_time)) == (unit, count)


def test_a_day_is_the_viewers_day(team: Team) -> None:
    row = {
        "minute": int((datetime(2026, 3, 29, 22, 30, tzinfo=UTC) - FROM).total_seconds() // 60),
        "severity": Severity.P1,
        "status": Status.DECLARED,
        "service": 0,
        "private": False,
        "first_update": None,
        "last_update": None,
        "duration": 0,
        "due": 0,
        "late": 0,
    }
    with team.sessions() as session:
        fill(session, team, [row])
        for zone, counted in (("UTC", 1), ("Europe/Berlin", 0)):  # there it is past midnight
            question = Question(date(2026, 3, 29), date(2026, 3, 29), date(2026, 4, 1), zone)
            assert insights.read(session, question, team.grace).all.incidents == counted


def test_open_action_items_count_whenever_they_came_from(team: Team) -> None:
    reference = team.declare()
    today = clock.now().date()
    for due in ("", (today - timedelta(days=1)).isoformat(), today.isoformat()):
        team.do(add_action_item, reference, team.ada, "Mend it", None, due)
    with team.sessions() as session:
        item = session.scalars(select(ActionItem).order_by(ActionItem.id)).first()
        service_id = team.incident().service_id
        question = Question(date(2020, 1, 1), date(2020, 2, 1), today)
        answer = insights.read(session, question, team.vera)
        assert answer.items == {service_id: OpenItems(3, 1)}
        with write_transaction(session):
            session.get(ActionItem, item.id).done_at = clock.now()
        assert insights.read(session, question, team.vera).items[service_id].open == 2


def test_a_private_incidents_items_are_seen_by_its_people_only(team: Team) -> None:
    reference = team.declare(is_private=True)
    team.do(add_action_item, reference, team.ada, "Tell nobody", None)
    today = clock.now().date()
    question = Question(today, today, today)
    with team.sessions() as session:
        seen = {
            actor.name: (answer.all.incidents, len(answer.items))
            for actor in (team.ada, team.vera, team.grace)
            for answer in [insights.ask(session, question, actor)]
        }
    assert seen == {"Ada": (1, 1), "Vera": (0, 0), "Grace": (1, 1)}


def test_an_answer_is_kept_until_somebody_changes_something(
    team: Team, counting: Callable[[Session], list[str]]
) -> None:
    team.declare()
    today = clock.now().date()
    question = Question(today, today, today)
    with team.sessions() as session:
        statements = counting(session)
        first = insights.ask(session, question, team.vera)
        asked = len(statements)
        assert 1 < asked <= 9
        assert insights.ask(session, question, team.vera) == first
        assert len(statements) == asked + 1
        session.rollback()
        team.declare()
        assert insights.ask(session, question, team.vera).all.incidents == 2


def test_an_update_that_is_awaited_in_vain_counts_though_nobody_does_anything(team: Team) -> None:
    team.declare(severity="P1")
    declared_at = team.incident().declared_at
    question = Question(None, declared_at.date(), declared_at.date())
    with team.sessions() as session:
        for minutes, kept in ((30, None), (31, 0.0), (301, 0.0)):
            with clock.at(declared_at + timedelta(minutes=minutes)):
                assert insights.ask(session, question, team.vera).all.kept == kept
        with clock.at(declared_at + timedelta(minutes=301)):
            answer = insights.ask(session, question, team.vera)
            late = answer.all, answer.by_severity[Severity.P1], *answer.by_service.values()
            assert {(one.updates_due, one.updates_late) for one in late} == {(10, 10)}
            session.rollback()
            team.do(commands.resolve, "INC-1", team.ada)
            answer = insights.ask(session, question, team.vera)
            assert (answer.all.updates_due, answer.all.updates_late) == (10, 10)


@pytest.fixture
def counting() -> Iterator[Callable[[Session], list[str]]]:
    """Return what collects the statements that a session's database is sent."""
    listening = []

    def listen(session: Session) -> list[str]:
        statements: list[str] = []

        def note(_connection, _cursor, statement, *_more):
            if statement.startswith("SELECT"):
                statements.append(statement)

        engine = session.get_bind().engine
        event.listen(engine, "before_cursor_execute", note)
        listening.append((engine, note))
        return statements

    yield listen
    for engine, note in listening:
        event.remove(engine, "before_cursor_execute", note)


def test_a_request_never_holds_two_connections(team: Team) -> None:
    team.declare()
    today = clock.now().date()
    held: list[int] = []
    with team.sessions() as session:
        engine = session.get_bind()

        def count(*_: object) -> None:
            held.append(engine.pool.checkedout())

        event.listen(engine, "before_cursor_execute", count)
        try:
            insights.ask(session, Question(None, today, today), team.ada)
        finally:
            event.remove(engine, "before_cursor_execute", count)
    assert set(held) == {1}


def test_a_change_between_two_of_its_queries_does_not_mix_two_moments(team: Team) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    today = clock.now().date()
    reopened = []

    def reopen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "group by" in statement.lower() and not reopened:
            reopened.append(statement)
            team.do(commands.reopen, "INC-1", team.ada, "It is back")

    with team.sessions() as session:
        engine = session.get_bind()
        event.listen(engine, "after_cursor_execute", reopen)
        try:
            answer = insights.read(session, Question(None, today, today), team.ada)
        finally:
            event.remove(engine, "after_cursor_execute", reopen)
    assert reopened
    assert (answer.all.resolve.count, answer.all.resolve.p50) == (1, 0)
    assert team.incident().status is Status.INVESTIGATING
