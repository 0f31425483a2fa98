"""The list of incidents: what an address asks for, the cards, the file; and what declaring shows first."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import event
from werkzeug.datastructures import MultiDict

from incidentbot import clock
from incidentbot.audit.replays import is_first_time
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.lifecycle import OPEN, Severity, Status
from incidentbot.incidents.models import Service
from incidentbot.incidents.queries import list_templates
from incidentbot.incidents.settings import fingerprint
from incidentbot.status_pages.models import Subscriber
from incidentbot.status_pages.rules import edit_rule, rules_by_severity, texts_of
from incidentbot.users.actor import OPERATOR, Actor, Door, actor_for
from incidentbot.users.candidates import Candidate
from incidentbot.users.members import invite
from incidentbot.users.models import Role, User
from incidentbot.web.csv_files import csv_line
from incidentbot.web.incident_list import Asked, read_address
from tests.status_pages.shown import show, switch_on

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture
def ada(app: Flask) -> Actor:
    with app.app_context():
        user = invite(db.session(), "ada@example.com", Role.RESPONDER, "Ada")
        return actor_for(user, Door.WEB, "192.0.2.1")


@pytest.fixture
def declare(app: Flask, ada: Actor) -> Callable[..., str]:
    """Return what declares an incident and says its reference."""

    def by_ada(title: str = "Checkout is down", **fields: object) -> str:
        wanted = {"severity": "P3", "service": "payments", **fields}
        with app.app_context():
            declaration = commands.Declaration(title=title, **wanted)
            return commands.declare(db.session(), declaration, ada).incident.reference

    return by_ada


def read(own_zone: str | None = None, **fields: str | list[str]) -> Asked:
    return read_address(MultiDict(fields), [], find_nobody, own_zone)


def find_nobody(text: str) -> Candidate:
    raise InvalidInput("commander", f"Nobody is called {text}.")


# ---- what an address asks for -------------------------------------------------------------------


def test_several_values_and_groups_are_understood() -> None:
    asked = read(status=["open", "RESOLVED"], severity=["P1", "p2"])
    assert asked.filters.statuses == OPEN | {Status.RESOLVED}
    assert asked.filters.severities == {Severity.P1, Severity.P2}
    assert asked.said[1] == "severity P1 or P2"
    assert asked.ignored == []


@pytest.mark.parametrize(
    "field, value",
    [
        ("status", "closing"),
        ("severity", "P9"),
        ("service", "nothing"),
        ("commander", "8"),
        ("commander", "Ada"),
        ("from", "yesterday"),
        ("from", "2026-02-30"),
        ("to", "9999-12-31"),
        ("from", "0001-01-01"),
        ("zone", "Mars/Olympus"),
        ("zone", "../../etc/passwd"),
        ("q", "…!"),
        ("before", "INC-4"),
        ("after", "-1"),
        ("before", "٤٢"),
        ("before", "9" * 40),
    ],
)
def test_what_makes_no_sense_is_left_out_and_named(field: str, value: str) -> None:
    asked = read("Asia/Tokyo" if field == "from" else None, **{field: value})
    assert not asked.is_filtered
    assert asked.address == {}
    assert len(asked.ignored) == 1
    assert value[:10] in asked.ignored[0]


@pytest.mark.parametrize(
    "own, sent, first_moment",
    [
        ("Europe/Berlin", "", datetime(2026, 5, 31, 22, tzinfo=UTC)),
        ("Europe/Berlin", "Asia/Tokyo", datetime(2026, 5, 31, 22, tzinfo=UTC)),
        (None, "Asia/Tokyo", datetime(2026, 5, 31, 15, tzinfo=UTC)),
        (None, "", datetime(2026, 6, 1, tzinfo=UTC)),
    ],
)
def test_days_are_those_of_the_person_else_of_their_browser(
    own: str | None, sent: str, first_moment: datetime
) -> None:
    arguments = MultiDict({"from": "2026-06-01", "to": "2026-06-01", "zone": sent})
    asked = read_address(arguments, [], find_nobody, own)
    assert asked.filters.declared_from == first_moment
    assert asked.filters.declared_before == first_moment + timedelta(days=1)
    assert asked.address.get("zone") == ([sent] if sent and not own else None)


def test_days_are_shown_where_the_persons_zone_was_taken_out_of_the_list(
    app: Flask, signed_in: SignIn
) -> None:
    person = signed_in(Role.VIEWER)
    with app.app_context():
        session = db.session()
        session.query(User).filter_by(email="viewer@example.com").one().time_zone = "US/Pacific-New"
        session.commit()
    for address in ("/", "/incidents.csv", "/insights", "/me"):
        answer = person.get(f"{address}?from=2026-06-01&zone=Asia/Tokyo")
        assert answer.status_code == 200, address
        assert "data-time-zone" not in answer.text
    assert "Days are those of" in person.get("/").text
    assert "Asia/Tokyo" in person.get("/?from=2026-06-01&zone=Asia/Tokyo").text


# ---- the page -------------------------------------------------------------------------------------


def titles(page: str) -> list[str]:
    return re.findall(r'<a (?:class="row-title"|id="card-link)[^>]*>([^<]*)</a>', page)


def test_open_incidents_are_cards_and_closed_ones_a_list(
    app: Flask, signed_in: SignIn, declare: Callable[..., str], ada: Actor
) -> None:
    declare("Closed one")
    with app.app_context():
        commands.resolve(db.session(), "INC-1", ada, "done")
    declare("Open one", severity="P1")
    page = signed_in(Role.VIEWER).get("/").text
    assert titles(page) == ["Open one", "Closed one"]
    assert "update due in" in page
    assert page.index("Open one") < page.index("Closed one")


def test_an_overdue_update_is_said_in_words(
    signed_in: SignIn, declare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(severity="P1")
    person = signed_in(Role.VIEWER)
    later = clock.now() + timedelta(minutes=50)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert re.search(r"update overdue by (19|20) min", person.get("/").text)


def test_a_filter_shows_one_list_that_keeps_it_from_page_to_page(
    signed_in: SignIn, declare: Callable[..., str]
) -> None:
    for number in range(32):
        declare(f"Number {number}", severity="P2")
    declare("Another", severity="P1")
    person = signed_in(Role.VIEWER)
    page = person.get("/?severity=P2&status=open").text
    assert titles(page)[0] == "Number 31"
    assert len(titles(page)) == 30
    assert "2 filters" in page
    older = re.search(r'rel="next" href="([^"]*)"', page)
    assert older
    address = older[1].replace("&amp;", "&")
    assert "severity=P2" in address
    page = person.get(address).text
    assert titles(page) == ["Number 1", "Number 0"]
    newer = re.search(r'rel="prev" href="([^"]*)"', page)
    assert newer
    assert titles(person.get(newer[1].replace("&amp;", "&")).text)[0] == "Number 31"


def test_a_bad_address_says_what_was_left_out(signed_in: SignIn) -> None:
    answer = signed_in(Role.VIEWER).get("/?status=<b>&severity=P1&from=soon")
    assert answer.status_code == 200
    assert "status “&lt;b&gt;”" in answer.text
    assert "declared from “soon”" in answer.text
    assert "1 filter<" in answer.text


def test_a_reference_leads_to_its_incident(signed_in: SignIn, declare: Callable[..., str]) -> None:
    declare()
    person = signed_in(Role.VIEWER)
    assert person.get("/?q=inc-1").location == "/incidents/INC-1"
    assert person.get("/?q=INC-7").status_code == 200


def test_what_is_open_is_told_to_be_elsewhere_when_it_is_too_much_for_cards(
    signed_in: SignIn, declare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidentbot.web.incidents.CARDS", 2)
    for _ in range(3):
        declare()
    page = signed_in(Role.VIEWER).get("/").text
    assert "All 3 open incidents as a list" in page
    assert 'id="open-more" hidden' not in page
    assert page.count('class="incident-card') == 2
    # It is always there, so that the cards can renew it.
    monkeypatch.setattr("incidentbot.web.incidents.CARDS", 3)
    assert 'id="open-more" hidden' in signed_in(Role.VIEWER).get("/incidents/cards").text


def test_unchanged_cards_cost_a_304_until_something_happens(
    app: Flask, signed_in: SignIn, declare: Callable[..., str], ada: Actor
) -> None:
    declare()
    person = signed_in(Role.VIEWER)

    def ask(etag: str) -> tuple[int, str]:
        answer = person.get("/incidents/cards", headers={"If-None-Match": etag})
        return answer.status_code, answer.headers["ETag"]

    status, etag = ask("")
    assert status == 200
    assert f"data-etag='{etag}'" in person.get("/").text
    assert ask(etag) == (304, etag)
    with app.app_context():
        commands.post_update(db.session(), "INC-1", ada, "Looking")
    status, changed = ask(etag)
    assert (status, changed != etag) == (200, True)
    declare("Another")
    assert ask(changed)[0] == 200


def test_the_page_costs_the_same_however_much_there_is(
    app: Flask, signed_in: SignIn, declare: Callable[..., str]
) -> None:
    person = signed_in(Role.ADMIN)
    counts = []
    for many in (1, 12):
        for _ in range(many):
            declare()
        sent: list[str] = []
        with app.app_context():
            engine = db.engine
        event.listen(
            engine, "before_cursor_execute", lambda *given, sent=sent: sent.append(given[2])
        )
        assert person.get("/").status_code == 200
        counts.append(len([statement for statement in sent if statement.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 12


# ---- the first steps ---------------------------------------------------------------------------


def test_an_admin_reads_what_is_left_to_do_until_all_is_done(
    app: Flask, signed_in: SignIn, declare: Callable[..., str]
) -> None:
    admin = signed_in(Role.ADMIN)
    page = admin.get("/").text
    assert "First steps" in page
    assert 'href="/incidents/new"' in page
    assert "First steps" not in signed_in(Role.RESPONDER).get("/").text
    declare()
    assert "First steps" in admin.get("/").text
    with app.app_context():
        session = db.session()
        service = session.query(Service).first()
        assert service
        service.owners = [session.query(User).first()]
        session.commit()
    page = admin.get("/").text
    assert "3 of 4" in page
    assert "Connect Slack</strong> " in page, "its tokens are set, but nothing has come from there"
    with app.app_context():
        is_first_time(db.session(), "a signature")
    assert "First steps" not in admin.get("/").text


# ---- the file ------------------------------------------------------------------------------------


def test_the_file_is_offered_while_everything_is_open_too(
    signed_in: SignIn, declare: Callable[..., str]
) -> None:
    person = signed_in(Role.VIEWER)
    assert "incidents.csv" not in person.get("/").text
    declare()
    assert "CSV of all incidents" in person.get("/").text


def test_the_file_has_every_incident_of_the_filter(
    app: Flask, signed_in: SignIn, declare: Callable[..., str], ada: Actor
) -> None:
    for number in range(40):
        declare(f"Number {number}", severity="P2" if number % 2 else "P1")
    with app.app_context():
        commands.post_update(db.session(), "INC-2", ada, "Looking")
        commands.resolve(db.session(), "INC-2", ada, "done")
    answer = signed_in(Role.VIEWER).get("/incidents.csv?severity=P2")
    assert answer.mimetype == "text/csv"
    assert re.search(r'attachment; filename="incidents-[0-9-]+\.csv"', str(answer.headers))
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["title"] for row in rows] == [f"Number {n}" for n in range(39, 0, -2)]
    last = rows[-1]
    assert (last["reference"], last["status"], last["commander"]) == ("INC-2", "resolved", "Ada")
    assert last["duration_seconds"].isdecimal()
    assert last["seconds_to_first_update"].isdecimal()
    assert last["private"] == "no"
    assert datetime.fromisoformat(last["declared_at"]).tzinfo == UTC


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝"])
def test_no_spreadsheet_takes_what_people_typed_for_a_formula(begin: str) -> None:
    cell = next(csv.reader(io.StringIO(csv_line([f'{begin}HYPERLINK("x","y")']), newline="")))[0]
    assert cell.startswith("'")


def test_plain_words_and_numbers_stay_as_they_are_in_the_file() -> None:
    assert csv_line(["a, b", 'say "x"', 3, "", "漢字"]) == '"a, b","say ""x""",3,,漢字\r\n'


# ---- declaring -----------------------------------------------------------------------------------


def test_a_viewer_reads_why_they_cannot_declare_and_whom_to_ask(signed_in: SignIn) -> None:
    signed_in(Role.ADMIN)
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/incidents/new").text
    assert "Viewers cannot declare an incident" in page
    assert "admin@example.com" in page
    assert 'name="title"' not in page
    answer = viewer.post("/incidents/new", data={"title": "x", "commander": "1"})
    assert answer.status_code in {403, 422}


def test_what_will_happen_is_shown_without_losing_what_was_typed(signed_in: SignIn) -> None:
    person = signed_in(Role.RESPONDER)
    typed = {"title": "Half a title", "severity": "P1", "service": "payments", "summary": "So far"}
    page = person.post("/incidents/new", data={**typed, "preview": "1"}).text
    assert "#general" in page
    assert 'value="Half a title"' in page
    assert "So far</textarea>" in page
    part = person.get("/incidents/new/preview?severity=P1&service=payments&is_private=1").text
    assert "tells nobody else" in part
    assert "#general" not in part
    assert "Choose a severity" in person.get("/incidents/new/preview?severity=P7&commander=x").text


def test_what_customers_will_see_is_shown_with_slack_and_without(
    app: Flask, signed_in: SignIn, declare: Callable[..., str]
) -> None:
    person = signed_in(Role.RESPONDER)
    address = "/incidents/new/preview?severity=P1&service=payments"
    assert "No status page is switched on" in person.get(address).text
    with app.app_context():
        session = db.session()
        switch_on(session)
        show(session, {"payments": ("Card <b>payments</b>", "")})
        assert "publishes no text by itself" in person.get(address).text
        rule = texts_of(rules_by_severity(session)[Severity.P1])
        edit_rule(
            session,
            OPERATOR,
            Severity.P1,
            {**rule, "publication": "automatic", "opening": "{service} is <i>down</i>."},
            fingerprint(rule),
        )
        subscriber = Subscriber(
            email="c@example.com", created_at=clock.now(), confirmed_at=clock.now()
        )
        session.add(subscriber)
        session.commit()
    secrets = {"slack_bot_token": None, "slack_signing_secret": None}
    mail = {"smtp_url": SecretStr("smtp://localhost"), "mail_from": "bot@example.com"}
    for update in ({}, mail, secrets):
        app.extensions["settings"] = app.extensions["settings"].model_copy(update=update)
        page = person.get(address).text
        assert "major outage</strong> on the status page" in page
        assert "Card &lt;b&gt;payments&lt;/b&gt; is &lt;i&gt;down&lt;/i&gt;." in page
        assert ("mails 1 subscriber" in page) == (app.extensions["settings"].mail is not None)
    assert "Slack is not connected" in page
    assert "nothing. They do not know this service" in person.get(address[:-8] + "search").text
    assert "told nothing of a private incident" in person.get(f"{address}&is_private=1").text
    admin, shown = signed_in(Role.ADMIN), f"/incidents/{declare(severity='P3')}"
    forms = " ".join(admin.get(shown).text.split())
    assert "Customers see its service by the new severity at once; where your admin" in forms
    assert "Customers see its service as operational at once" in forms


def test_without_slack_one_is_told_that_nobody_is_told(
    sqlite_url: str, signed_in: SignIn, app: Flask
) -> None:
    del sqlite_url
    app.extensions["settings"] = app.extensions["settings"].model_copy(
        update={"slack_bot_token": None, "slack_signing_secret": None}
    )
    page = signed_in(Role.RESPONDER).get("/incidents/new/preview?severity=P1&service=payments").text
    assert "Slack is not connected" in page


def test_a_private_incident_is_declared_by_its_box(app: Flask, signed_in: SignIn) -> None:
    person = signed_in(Role.RESPONDER)
    with app.app_context():
        user_id = db.session().query(User.id).filter_by(email="responder@example.com").scalar()
    fields = {"title": "Secret", "severity": "P1", "service": "payments", "commander": user_id}
    refused = person.post("/incidents/new", data={**fields, "title": "", "is_private": "1"})
    assert refused.status_code == 422
    assert re.search(r'name="is_private" value="1" checked', refused.text)
    answer = person.post("/incidents/new", data={**fields, "is_private": "1"})
    assert answer.location == "/incidents/INC-1"
    assert signed_in(Role.VIEWER).get("/incidents/INC-1").status_code == 404


def test_a_second_template_takes_the_place_of_the_first_on_the_web_too(
    app: Flask, signed_in: SignIn
) -> None:
    with app.app_context():
        first, second = list_templates(db.session())[:2]
    person = signed_in(Role.RESPONDER)
    page = person.post("/incidents/new", data={"template": str(first.id), "use_template": "1"}).text
    assert first.title in page
    assert f'name="filled_from" value="{first.id}"' in page
    sent = {
        "template": str(second.id),
        "filled_from": str(first.id),
        "use_template": "1",
        "title": first.title,
        "summary": "Mine",
    }
    page = person.post("/incidents/new", data=sent).text
    assert f'value="{second.title}"' in page
    assert f'value="{first.title}"' not in page
    assert "Mine</textarea>" in page
