"""What a browser gets when something is refused or broken, and before there is any incident."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Never

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from incidentbot.extensions import db
from incidentbot.incidents.models import Incident
from incidentbot.users.models import Role, User
from incidentbot.users.sign_in import FAILURES_PER_EMAIL, count_try
from incidentbot.web.kept import Shelf
from incidentbot.web.status_page import ASKED_AT_MOST
from tests.browser.demo_site import references, signed_in

Fields = dict[str, str]
MAIL = {"smtp_url": "smtp://127.0.0.1:9", "mail_from": "status@acme.example"}
TYPED = {"message": "The cache was <full>.", "public": "We did.", "override_reason": "Away"}
NOTHING: Fields = {}
WRONG_PASSWORD = {"email": "ada@acme.example", "password": "not this one"}


@dataclass(frozen=True)
class Unusual:
    """An answer that is no page of the walk, and the address that the browser then shows."""

    name: str
    path: str
    answer: TestResponse


def unusual_pages(demo: Flask, empty: Flask) -> Iterator[Unusual]:
    """Yield each of them. `demo` sends mail; `empty` is a new installation, used by nobody else."""
    yield from _refused_to_people(demo)
    yield from _refused_before_signing_in(demo)
    yield from _refused_to_customers(demo)
    yield from _without_incidents(empty)
    yield from _forged(demo)
    yield from _broken(demo)
    yield from _database_away(demo, empty)


def _refused_to_people(demo: Flask) -> Iterator[Unusual]:
    running, closed = references(demo)
    private = _private(demo)
    viewer, responder, admin = (
        signed_in(demo, role) for role in (Role.VIEWER, Role.RESPONDER, Role.ADMIN)
    )
    ada = _id_of(demo, "admin-walker@example.com")
    for name, person, path, fields, status in (
        ("nothing declared", responder, "/incidents/new", NOTHING, 422),
        ("viewer declares", viewer, "/incidents/new", TYPED, 403),
        ("no note", responder, f"/incidents/{running}/note", NOTHING, 422),
        ("no update", admin, f"/incidents/{running}/update", {"override_reason": "Away"}, 422),
        ("no override", admin, f"/incidents/{running}/update", {"message": "Half is back."}, 422),
        ("nobody to hand over to", admin, f"/incidents/{running}/hand-over", NOTHING, 422),
        ("not the commander", responder, f"/incidents/{running}/resolve", TYPED, 403),
        ("viewer notes", viewer, f"/incidents/{running}/note", {"text": "I saw it too."}, 403),
        ("too late", admin, f"/incidents/{closed}/resolve", TYPED, 409),
        ("too much", responder, f"/incidents/{running}/note", {"text": "x" * 3_000_000}, 413),
        ("not to be kept", responder, f"/incidents/{running}/note", {"text": "a\0b"}, 400),
        ("private", responder, f"/incidents/{private}/note", {"text": "I saw it too."}, 404),
        ("no such incident", responder, "/incidents/INC-99999", None, 404),
        ("only a button", responder, "/sign-out", None, 405),
        ("customers told nothing", admin, f"/incidents/{running}/customers", {"public": ""}, 422),
        (
            "post-mortem changed meanwhile",
            admin,
            f"/incidents/{closed}/postmortem/edit",
            {"body": "# Mine", "version": "0", "override_reason": "Away"},
            409,
        ),
        ("not theirs", responder, "/settings/services/new", {"name": "Not mine to add"}, 403),
        ("settings not theirs", viewer, "/settings/services", None, 403),
        ("no name of a service", admin, "/settings/services/new", NOTHING, 422),
        ("service changed meanwhile", admin, "/settings/services/1", {"name": "Mine"}, 409),
        ("no template", admin, "/settings/templates/new", NOTHING, 422),
        ("no rule", admin, "/settings/routing/new", NOTHING, 422),
        ("no meaning", admin, "/settings/severities/P1", NOTHING, 422),
        ("no title of a page", admin, "/settings/status-page", {"is_on": "on"}, 422),
        ("no maintenance", admin, "/settings/status-page/maintenance/new", NOTHING, 422),
        ("nobody invited", admin, "/settings/members/invite", NOTHING, 422),
        ("admin no more", admin, f"/settings/members/{ada}/role", {"role": "viewer"}, 409),
        ("no name", admin, "/me/preferences", {"name": ""}, 422),
        ("too short a password", admin, "/me/password", {"password": "short"}, 422),
        ("password chosen badly", admin, "/password", {"password": "short"}, 422),
        ("link used, signed in", admin, "/sign-in/no-such-link", None, 403),
    ):
        yield _looked_at(name, person, path, fields, status)


def _refused_before_signing_in(demo: Flask) -> Iterator[Unusual]:
    stranger = demo.test_client()
    running, _closed = references(demo)
    for name, path, fields, status in (
        ("signed out", f"/incidents/{running}/update", TYPED, 401),
        ("nothing here for strangers", "/no-such-page", None, 404),
        ("wrong password", "/sign-in", WRONG_PASSWORD, 403),
        ("link used", "/sign-in/no-such-link", None, 403),
        ("link sent", "/sign-in/forgot", {"email": "nobody@acme.example"}, 200),
    ):
        yield _looked_at(name, stranger, path, fields, status)
    with demo.app_context():
        for _ in range(FAILURES_PER_EMAIL - 1):  # one is tried above
            count_try(db.session(), WRONG_PASSWORD["email"], "127.0.0.1")
    yield _looked_at("too many wrong passwords", stranger, "/sign-in", WRONG_PASSWORD, 429)


def _refused_to_customers(demo: Flask) -> Iterator[Unusual]:
    customer = demo.test_client()
    for name, path, fields, status in (
        ("customer: subscribe", "/status/subscribe", None, 200),
        ("customer: no address", "/status/subscribe", {"email": "kim@", "which": "all"}, 422),
        ("customer: no service", "/status/subscribe", {"email": "k@a.de", "which": "some"}, 422),
        ("customer: link", "/status/confirm/no-such-token", None, 200),
        ("customer: link used", "/status/confirm/no-such-token", NOTHING, 404),
        ("customer: unsubscribe", "/status/unsubscribe/no-such-token", None, 200),
        ("customer: no such incident", "/status/incidents/INC-99999", None, 404),
    ):
        yield _looked_at(name, customer, path, fields, status)
    for _ in range(ASKED_AT_MOST.amount):
        customer.post("/status/subscribe", data=NOTHING)
    yield _looked_at("customer: too many", customer, "/status/subscribe", NOTHING, 429)


def _without_incidents(empty: Flask) -> Iterator[Unusual]:
    newcomer = signed_in(empty, Role.ADMIN)
    for path in ("/", "/insights", "/me", "/settings/services", "/settings/deliveries"):
        yield _looked_at(f"empty {path.replace('/', ' ')}", newcomer, path, None, 200)


def _forged(demo: Flask) -> Iterator[Unusual]:
    """Yield what comes of forms without their token, as of a page that was open for too long."""
    responder = signed_in(demo, Role.RESPONDER)
    demo.config["WTF_CSRF_ENABLED"] = True
    yield _looked_at("forged", responder, "/incidents/new", TYPED, 400)
    yield _looked_at("forged, signed out", demo.test_client(), "/incidents/new", TYPED, 400)
    demo.config["WTF_CSRF_ENABLED"] = False


def _broken(demo: Flask) -> Iterator[Unusual]:
    def fail() -> Never:
        raise RuntimeError("a mistake of ours")

    responder = signed_in(demo, Role.RESPONDER)
    for name, endpoint, path, fields in (
        ("broken", "insights.index", "/insights", None),
        ("broken, typed", "incidents.declare", "/incidents/new", TYPED),
        ("customer: broken", "status_page.history", "/status/history", None),
    ):
        works = demo.view_functions[endpoint]
        demo.view_functions[endpoint] = fail
        yield _looked_at(name, responder, path, fields, 500)
        demo.view_functions[endpoint] = works


def _database_away(demo: Flask, empty: Flask) -> Iterator[Unusual]:
    responder, customer = signed_in(demo, Role.RESPONDER), demo.test_client()
    demo.extensions["status_site"].readings = Shelf(seconds=0)  # what is kept is old at once
    assert customer.get("/status").status_code == 200
    with _away(demo):
        yield _looked_at("customer: late", customer, "/status", None, 200)
        yield _looked_at("away", responder, "/", None, 503)
        yield _looked_at("away, typed", responder, "/incidents/new", TYPED, 503)
        yield _looked_at("away, password", responder, "/sign-in", WRONG_PASSWORD, 503)
    with _away(empty):
        yield _looked_at("customer: away", empty.test_client(), "/status", None, 503)


@contextmanager
def _away(app: Flask) -> Iterator[None]:
    """Have the app reach its database no more; other processes go on."""

    def refuse(*_connection: object) -> Never:
        raise sqlite3.OperationalError("unable to open database file")

    with app.app_context():
        engine = db.engine
    event.listen(engine, "do_connect", refuse)
    engine.dispose()
    yield
    event.remove(engine, "do_connect", refuse)


def _looked_at(
    name: str, client: FlaskClient, path: str, fields: Fields | None, status: int
) -> Unusual:
    """Open a page, or send it a form; it has to answer with this status."""
    answer = client.get(path) if fields is None else client.post(path, data=fields)
    assert answer.status_code == status, (name, answer.status_code)
    return Unusual(name, path, answer)


def _private(app: Flask) -> str:
    with app.app_context():
        private = select(Incident).where(Incident.is_private)
        return db.session.scalars(private.limit(1)).one().reference


def _id_of(app: Flask, email: str) -> int:
    with app.app_context():
        return db.session.scalars(select(User.id).where(User.email == email)).one()
