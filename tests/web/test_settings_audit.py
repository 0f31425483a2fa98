"""The audit log's page: filters in the address, verification, export."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from time_machine import TimeMachineFixture

from incidentbot import clock
from incidentbot.audit import log
from incidentbot.audit.models import Outcome
from incidentbot.database import write_transaction
from incidentbot.engine import build_dispatcher
from incidentbot.extensions import db
from incidentbot.users.actor import SYSTEM, Actor, Door
from incidentbot.users.models import Role, User
from incidentbot.web.zones import today_in

SignIn = Callable[[Role], FlaskClient]
FORMULA = '=HYPERLINK("http://x")'


@pytest.fixture
def admin(app: Flask, signed_in: SignIn) -> FlaskClient:
    """An admin who reads of what Ada did: one thing done, one refused, one override."""
    client = signed_in(Role.ADMIN)
    ada = Actor(1, "Ada <b>", Role.RESPONDER, Door.WEB, "192.0.2.7")
    with app.app_context():
        session = db.session()
        with write_transaction(session):
            log.append(session, ada, "declare", "INC-4", before={}, after={"severity": "P3"})
            log.append(
                session,
                ada,
                "change_severity",
                "INC-4",
                before={"severity": "P3", "status": "declared"},
                after={"severity": "P1", "status": "declared"},
                override=True,
                reason=FORMULA,
            )
            log.append(
                session,
                ada,
                "resolve",
                "INC-5",
                before={},
                after={},
                outcome=Outcome.REFUSED,
                reason="Only the commander can.",
            )
    return client


def test_an_entry_says_who_did_what_to_what_and_what_it_changed(admin: FlaskClient) -> None:
    page = admin.get("/settings/audit?subject=inc-4&action=change_severity").text
    assert "Ada &lt;b&gt;" in page
    assert ">Change severity</span>" in page
    assert ">Override</span>" in page
    assert '<span dir="auto" class="prose">P3</span>' in page
    assert '<span dir="auto" class="prose">P1</span>' in page
    assert "responder, on the web from" in page
    assert "192.0.2.7" in page
    assert '<span class="facts">status</span>' not in page  # it did not change


@pytest.mark.parametrize(
    "address, shown, hidden",
    [
        ("subject=4", "INC-4", "INC-5"),
        ("subject=INC-5", "INC-5", "INC-4"),
        ("outcome=refused", "INC-5", "INC-4"),
        ("override=1", "INC-4", "INC-5"),
        ("action=resolve", "INC-5", "INC-4"),
        ("who=1&action=resolve", "INC-5", "INC-4"),
        ("from=2020-01-01&subject=5", "INC-5", "INC-4"),
    ],
)
def test_the_filter_in_the_address_holds(
    admin: FlaskClient, address: str, shown: str, hidden: str
) -> None:
    page = admin.get(f"/settings/audit?{address}").text
    assert f'dir="auto">{shown}</a>' in page
    assert f'dir="auto">{hidden}</a>' not in page


def test_days_are_those_of_the_readers_zone(admin: FlaskClient) -> None:
    """In these two places it is never the same day."""
    here, there = "Pacific/Kiritimati", "Pacific/Niue"
    today = today_in(here)
    address = f"/settings/audit?from={today}&to={today}"
    page = admin.get(f"{address}&zone={here}").text
    assert 'class="log-entry"' in page
    assert f"export.csv?from={today}&amp;to={today}&amp;zone={here}" in page
    assert f'optional">{here}<' in page
    assert 'class="log-entry"' not in admin.get(f"{address}&zone={there}").text
    admin.set_cookie("zone", here)
    assert 'class="log-entry"' in admin.get(address).text


def test_a_date_that_is_none_is_said_at_its_field(admin: FlaskClient) -> None:
    page = admin.get("/settings/audit?from=soon").text
    assert 'id="from-error">Write the date as 2026-12-31. It is left out here.' in page
    assert "export.csv?from" not in page
    assert admin.get("/settings/audit?to=9999-12-31&before=x&who=x").status_code == 200


def test_a_filter_that_finds_nothing_says_so(admin: FlaskClient) -> None:
    assert "No entry agrees with the filter." in admin.get("/settings/audit?subject=INC-99").text


def test_a_long_log_goes_on_with_the_filter_kept(app: Flask, admin: FlaskClient) -> None:
    ada = Actor(1, "Ada", Role.RESPONDER, Door.WEB, "192.0.2.7")
    with app.app_context(), write_transaction(db.session()):
        for _ in range(60):
            log.append(db.session(), ada, "add_note", "INC-6", before={}, after={})
    page = admin.get("/settings/audit?subject=INC-6").text
    assert page.count("log-entry") == 50
    link = page.split('">Older</a>')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    older = admin.get(link).text
    assert older.count("log-entry") == 10
    assert ">Older</a>" not in older


def test_a_look_through_the_log_says_how_far_it_is_and_then_what_it_found(
    app: Flask, admin: FlaskClient
) -> None:
    assert "The log is whole" not in admin.get("/settings/audit").text
    htmx = {"HX-Request": "true"}
    part = admin.post("/settings/audit/verify", headers=htmx).text
    assert "<html" not in part
    assert "0 of " in part
    assert 'data-hx-trigger="every 2s"' in part
    build_dispatcher(app).run_until_idle("audit/verify")
    part = admin.get("/settings/audit/verification").text
    assert "none was changed, none is missing" in part
    assert "data-hx-trigger" not in part
    assert "Verified up to entry" in admin.get("/settings/audit").text


def test_without_javascript_the_page_shows_the_last_result_beside_the_one_under_way(
    app: Flask, admin: FlaskClient
) -> None:
    answer = admin.post("/settings/audit/verify")
    assert (answer.status_code, answer.location) == (302, "/settings/audit")
    assert "The log is being looked through" in admin.get("/settings/audit").text
    build_dispatcher(app).run_until_idle("audit/verify")
    admin.post("/settings/audit/verify")
    page = admin.get("/settings/audit").text
    assert "The log is being looked through" in page
    assert "The log is whole" in page


def test_a_look_that_does_not_move_says_so(
    admin: FlaskClient, time_machine: TimeMachineFixture
) -> None:
    admin.post("/settings/audit/verify")
    time_machine.move_to(clock.now() + timedelta(minutes=11))
    page = admin.get("/settings/audit/verification").text
    assert "Is a worker running?" in page
    assert "data-hx-trigger" not in page


def test_tampering_is_named(app: Flask, admin: FlaskClient) -> None:
    with app.app_context():
        db.session.execute(text("DROP TRIGGER audit_entries_no_update"))
        db.session.execute(text("UPDATE audit_entries SET reason = 'x' WHERE action = 'resolve'"))
        db.session.commit()
    admin.post("/settings/audit/verify")
    build_dispatcher(app).run_until_idle("audit/verify")
    page = admin.get("/settings/audit").text
    assert "The log was tampered with" in page
    assert "was changed." in page


def test_the_export_has_what_the_filter_leaves_the_oldest_first(admin: FlaskClient) -> None:
    answer = admin.get("/settings/audit/export.csv?subject=INC-4")
    assert answer.mimetype == "text/csv"
    assert 'filename="audit-log.csv"' in answer.headers["Content-Disposition"]
    first, second = csv.DictReader(io.StringIO(answer.text))
    assert (first["action"], second["action"]) == ("declare", "change_severity")
    assert json.loads(second["after"]) == {"severity": "P1", "status": "declared"}
    assert second["reason"] == f"'{FORMULA}"  # a spreadsheet must not run it
    lines = admin.get("/settings/audit/export.jsonl?subject=INC-5").text.splitlines()
    (entry,) = map(json.loads, lines)
    assert (entry["subject"], entry["outcome"]) == ("INC-5", "refused")
    assert len(entry["hash"]) == 64


@pytest.mark.parametrize("wrong", ["from=soon", "to=2026-02-30", "who=x", "outcome=maybe"])
def test_an_export_with_a_filter_that_is_none_is_refused(admin: FlaskClient, wrong: str) -> None:
    answer = admin.get(f"/settings/audit/export.csv?{wrong}")
    assert answer.status_code == 422
    assert "left out" not in answer.text
    assert "It is left out here." in admin.get(f"/settings/audit?{wrong}").text


def test_an_export_gives_its_connection_back(app: Flask, admin: FlaskClient) -> None:
    with app.app_context():
        pool = db.engine.pool
    kept = []
    for ending in ("csv", "jsonl"):
        answer = admin.get(f"/settings/audit/export.{ending}", buffered=False)
        kept.append(answer)
        next(answer.iter_encoded())
        assert pool.checkedout() == 0, "half-way"
        answer.close()
    assert pool.checkedout() == 0


def test_of_two_long_texts_what_differs_is_shown(app: Flask, admin: FlaskClient) -> None:
    alike = "All the same. " * 50
    with app.app_context(), write_transaction(db.session()):
        ada = Actor(1, "Ada", Role.ADMIN, Door.WEB, "192.0.2.7")
        sides = {
            "before": {"postmortem": f"{alike}A fuse."},
            "after": {"postmortem": f"{alike}Ice."},
        }
        log.append(db.session(), ada, "edit_postmortem", "INC-9", **sides)
    page = admin.get("/settings/audit?subject=INC-9").text
    assert ">Edit post-mortem</span>" in page
    assert "same. A fuse. (707 characters)</span>" in page
    assert "same. Ice. (704 characters)</span>" in page
    assert alike not in page


def test_things_and_people_are_named_and_times_are_written_as_everywhere(
    app: Flask, admin: FlaskClient
) -> None:
    with app.app_context(), write_transaction(db.session()):
        session = db.session()
        ada = Actor(1, "Ada", Role.ADMIN, Door.WEB, "192.0.2.7")
        person, name = session.execute(select(User.id, User.name)).first()
        log.append(session, ada, "add_service", "service 5", before={}, after={"name": "Pay <x>"})
        log.append(session, ada, "deactivate", f"user {person}", before={}, after={})
        log.append(session, ada, "delete_rule", "rule 7", before={"target": "#all"}, after={})
        said = {"purpose": "new_password", "services": ["payments", "search_api"]}
        log.append(session, ada, "add_link", "INC-8", before={}, after=said)
        moment = "2026-11-25T14:30:42.576688+00:00"
        log.append(
            session,
            SYSTEM,
            "resolve",
            "INC-9",
            before={"resolved_at": None},
            after={"resolved_at": moment},
        )
    page = admin.get("/settings/audit").text
    assert 'dir="auto">Pay &lt;x&gt;</a>' in page
    assert f'dir="auto">{name}</a>' in page
    assert 'dir="auto">7</a>' in page
    assert "2026-11-25T14:30:42.576688" not in page
    assert '<time datetime="2026-11-25T14:30:42+00:00"' in page
    assert "by itself" in page
    assert "responder by system" not in page
    link = admin.get("/settings/audit?subject=INC-8").text
    assert "new password" in link
    assert "payments, search_api" in link
    own = admin.get("/settings/audit?subject=INC-9").text
    assert "none" not in own.split('class="log-changes"')[1].split("</ul>")[0]
