"""No page asks the database more than a few times, however much there is to show."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from incidentbot import clock
from incidentbot.demo.play import play
from incidentbot.demo.year import plan
from incidentbot.extensions import db
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Incident, Postmortem
from incidentbot.incidents.settings import fingerprint
from incidentbot.status_pages.connection import Connection, SeenComponent, connect
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.status_pages.rules import edit_rule, rules_by_severity, texts_of
from incidentbot.users.actor import OPERATOR
from incidentbot.users.models import Role
from tests.status_pages.shown import map_components, show, switch_on
from tests.web.test_access import LEAVES, requests_of

LIMIT = 12


def listed(statements: list[str]) -> str:
    """Return what was asked, a line each."""
    lines = (" ".join(statement.split()) for statement in statements)
    return "".join(f"\n{n:2} {line}" for n, line in enumerate(lines, 1))


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """Collect what the app's database is asked."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN":
            statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_every_page_is_read_with_few_queries(
    app: Flask, signed_in: Callable[[Role], FlaskClient]
) -> None:
    with app.app_context():
        play(db.session(), plan(7, clock.now(), incidents=30), 7)
        tell_customers_everything(db.session())
        reviewed = db.session.scalars(
            select(Incident).join(Postmortem).where(Incident.is_private.is_(False))
        ).first()
        assert reviewed is not None
        reference = reviewed.reference
    admin = signed_in(Role.ADMIN)
    shown = 0
    for endpoint, method, address in requests_of(app):
        if method != "GET" or endpoint in LEAVES:
            continue
        with counted(app) as statements, admin.get(address.replace("INC-1", reference)) as answer:
            answer.get_data()  # an export asks as it goes
            shown += answer.status_code == 200 and answer.mimetype == "text/html"
        assert len(statements) <= LIMIT, f"{endpoint}{listed(statements)}"
    assert shown > 8


def tell_customers_everything(session: Session) -> None:
    """Switch both status pages on, with a P1's text published by itself."""
    switch_on(session)
    show(session)
    connect(session, OPERATOR, Connection("page", "key"), "Acme", "secret")
    components = [
        SeenComponent(number, f"Component {number}", ComponentStatus.OPERATIONAL)
        for number in "123"
    ]
    map_components(session, OPERATOR, components, dict.fromkeys("123", "payments"))
    rule = texts_of(rules_by_severity(session)[Severity.P1])
    automatic = {**rule, "publication": "automatic"}
    edit_rule(session, OPERATOR, Severity.P1, automatic, fingerprint(rule))


@pytest.mark.parametrize("commander", ["responder@example.com", "nobody of this name", ""])
@pytest.mark.parametrize("more", [{}, {"is_private": "1"}])
def test_what_will_happen_is_told_with_few_queries_by_itself_and_with_the_form(
    app: Flask, signed_in: Callable[[Role], FlaskClient], commander: str, more: dict[str, str]
) -> None:
    person = signed_in(Role.RESPONDER)
    with app.app_context():
        tell_customers_everything(db.session())
    chosen = {"severity": "P1", "service": "payments", "commander": commander, **more}
    told = "told nothing of a private incident" if more else "publishes by itself"
    with counted(app) as alone:
        answer = person.get("/incidents/new/preview", query_string=chosen)
    assert told in answer.text
    assert len(alone) <= LIMIT, listed(alone)
    with counted(app) as with_form:
        answer = person.post("/incidents/new", data={**chosen, "preview": "1"})
    assert told in answer.text
    assert len(with_form) <= LIMIT, listed(with_form)
