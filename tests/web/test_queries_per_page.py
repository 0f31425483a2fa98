"""No page asks the database more than a few times, however much there is to show."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from incidentbot import clock
from incidentbot.demo.play import play
from incidentbot.demo.year import plan
from incidentbot.extensions import db
from incidentbot.incidents.models import Incident, Postmortem
from incidentbot.users.models import Role
from tests.web.test_access import LEAVES, requests_of

LIMIT = 12


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
        assert len(statements) <= LIMIT, (endpoint, len(statements), statements)
    assert shown > 8
