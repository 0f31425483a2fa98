"""The insights page: its filter in the address, its figures, its CSV."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from incidentbot import clock
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.models import Incident, Service
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role, User
from incidentbot.web.insight_charts import duration, share

SignIn = Callable[[Role], FlaskClient]


def declare(app: Flask, **fields: object) -> str:
    """Declare and resolve an incident, as somebody who is nobody else here."""
    with app.app_context():
        session = db.session()
        user = invite(session, "ada@example.com", Role.RESPONDER, "Ada")
        actor = actor_for(user, Door.WEB, "")
        declaration = Declaration(
            **{"title": "Down", "severity": "P2", "service": "payments", **fields}
        )
        reference = commands.declare(session, declaration, actor).incident.reference
        commands.resolve(session, reference, actor)
        return reference


def took(app: Flask, reference: str, seconds: int) -> None:
    with app.app_context():
        db.session.execute(
            update(Incident)
            .where(Incident.number == int(reference.removeprefix("INC-")))
            .values(duration_seconds=seconds)
        )
        db.session.commit()


def table(client: FlaskClient, name: str, query: str = "") -> list[list[str]]:
    answer = client.get(f"/insights/{name}.csv{query}")
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.text)))


def test_without_incidents_the_page_says_what_to_do(signed_in: SignIn) -> None:
    page = signed_in(Role.VIEWER).get("/insights").text
    assert "No incidents in these days" in page
    assert "<canvas" not in page


def test_a_chart_and_its_csv_hold_the_same_figures(app: Flask, signed_in: SignIn) -> None:
    took(app, declare(app), 3_600)
    took(app, declare(app), 7_200)
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/insights").text
    assert 'data-value="3600"' in page
    head, *rows = table(viewer, "time-to-resolve")
    assert head == [
        "Severity",
        "Median (seconds)",
        "90th percentile (seconds)",
        "Mean (seconds)",
        "Incidents",
    ]
    assert ["P2", "3600", "7200", "5400", "2"] in rows
    assert ["P1", "", "", "", "0"] in rows
    assert sum(int(row[2]) for row in table(viewer, "over-time")[1:]) == 2
    assert table(viewer, "services")[1][:2] == ["payments", "2"]


@pytest.mark.parametrize(
    "query, count",
    [
        ("?severity=P2", 2),
        ("?severity=P1&severity=P3", 1),
        ("?service=search", 1),
        ("?service=payments&severity=P3", 0),
        ("?period=30d", 3),
        ("?period=all", 3),
        ("?from=2001-01-01&to=2001-12-31", 0),
    ],
)
def test_the_filter_is_in_the_address(
    app: Flask, signed_in: SignIn, query: str, count: int
) -> None:
    declare(app)
    declare(app)
    declare(app, severity="P3", service="search")
    rows = table(signed_in(Role.VIEWER), "weekdays", query)
    assert sum(int(row[1]) for row in rows[1:]) == count


@pytest.mark.parametrize(
    "query, note",
    [
        ("?from=yesterday", "Write dates as 2026-12-31"),
        ("?from=0001-01-01&to=0001-01-02", "There is nothing in those days"),
        ("?to=0001-01-02", "Write dates as 2026-12-31"),
        ("?from=9999-12-31", "There is nothing in those days"),
        ("?period=century", "There is no such period"),
        ("?severity=P9", "There are four severities"),
        ("?service=nope", "There is no such service"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_said(
    app: Flask, signed_in: SignIn, query: str, note: str
) -> None:
    declare(app)
    answer = signed_in(Role.VIEWER).get(f"/insights{query}")
    assert answer.status_code == 200
    assert note in answer.text


def test_days_in_the_wrong_order_are_turned_round(signed_in: SignIn) -> None:
    page = signed_in(Role.VIEWER).get("/insights?from=2026-02-02&to=2026-01-01").text
    assert "1 Jan 2026 to 2 Feb 2026" in page


def test_days_that_are_a_period_are_named_so(signed_in: SignIn) -> None:
    last = datetime.now(UTC).date()
    first = last - timedelta(days=29)
    page = signed_in(Role.VIEWER).get(f"/insights?from={first}&to={last}").text
    assert 'aria-current="true">30 days' in page


def test_figures_stand_beside_those_of_the_days_before(app: Flask, signed_in: SignIn) -> None:
    reference = declare(app)
    with app.app_context():
        earlier = clock.now() - timedelta(days=40)
        db.session.execute(update(Incident).values(declared_at=earlier))
        db.session.commit()
    declare(app)
    assert reference == "INC-1"
    viewer = signed_in(Role.VIEWER)
    assert "1 in the 30 days before" in viewer.get("/insights?period=30d").text
    assert "before" not in viewer.get("/insights?period=all").text.split("<main")[1]


def test_a_private_incident_counts_for_its_people_only(app: Flask, signed_in: SignIn) -> None:
    declare(app, is_private=True)
    for role, count in ((Role.VIEWER, 0), (Role.RESPONDER, 0), (Role.ADMIN, 1)):
        rows = table(signed_in(role), "weekdays")
        assert sum(int(row[1]) for row in rows[1:]) == count


def test_hours_are_the_viewers(app: Flask, signed_in: SignIn) -> None:
    declare(app)
    viewer = signed_in(Role.VIEWER)
    with app.app_context():
        moment = datetime(2026, 1, 15, 20, 15, tzinfo=UTC)  # a Thursday; in Kathmandu Friday, 2:00
        db.session.execute(update(Incident).values(declared_at=moment))
        user = db.session.scalars(select(User).where(User.email == "viewer@example.com")).one()
        user.time_zone = "Asia/Kathmandu"
        db.session.commit()
    rows = table(viewer, "hours", "?from=2026-01-01&to=2026-01-31")
    assert rows[3] == ["02:00", "1", "0", "0", "0", "0", "1", "0", "0"]
    assert "days in Asia/Kathmandu" in viewer.get("/insights").text


def test_without_a_zone_of_ones_own_days_are_those_of_the_browser(
    app: Flask, signed_in: SignIn
) -> None:
    declare(app)
    viewer = signed_in(Role.VIEWER)
    with app.app_context():
        moment = datetime(2026, 1, 15, 20, 15, tzinfo=UTC)
        db.session.execute(update(Incident).values(declared_at=moment))
        db.session.commit()
    days = "?from=2026-01-16&to=2026-01-16"
    assert "No incidents in these days" in viewer.get(f"/insights{days}").text
    named = f"{days}&zone=Asia/Kathmandu"
    assert table(viewer, "hours", named)[3][:2] == ["02:00", "1"]
    viewer.set_cookie("zone", "Asia/Kathmandu")
    page = viewer.get(f"/insights{days}").text
    assert "a day in Asia/Kathmandu" in " ".join(page.split())
    assert 'name="zone" value="Asia/Kathmandu"' in page
    assert "/insights/hours.csv?from=2026-01-16&amp;to=2026-01-16&amp;zone=Asia/Kathmandu" in page
    viewer.set_cookie("zone", "Mars/Olympus")
    assert "in UTC" in viewer.get("/insights").text
    assert "There is no such time zone" in viewer.get("/insights?zone=Mars").text


def test_there_is_no_other_csv(signed_in: SignIn) -> None:
    assert signed_in(Role.ADMIN).get("/insights/users.csv").status_code == 404


def test_hostile_names_stay_text(app: Flask, signed_in: SignIn) -> None:
    with app.app_context():
        service = db.session.scalars(select(Service).where(Service.slug == "payments")).one()
        service.name = '=cmd|"<script>'
        db.session.commit()
    declare(app)
    admin = signed_in(Role.ADMIN)
    assert "<script>" not in admin.get("/insights").text.split("<main")[1]
    assert table(admin, "services")[1][0] == "'=cmd|\"<script>"


def test_what_is_not_quite_all_is_not_called_all() -> None:
    assert [share(value) for value in (None, 0, 0.001, 0.5, 0.9999, 1)] == [
        "–",
        "0%",
        "1%",
        "50%",
        "99%",
        "100%",
    ]
    assert [duration(value) for value in (None, 59.6, 3_660)] == ["–", "1 min", "1 h 1 min"]
