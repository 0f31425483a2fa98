"""A live app with a year of made-up incidents, and the list of all its pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from incidentbot import clock
from incidentbot.demo.play import play
from incidentbot.demo.year import plan
from incidentbot.extensions import db
from incidentbot.incidents.lifecycle import OPEN
from incidentbot.incidents.models import Incident, Postmortem
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.browser.conftest import Site, served
from tests.installation import install
from tests.web.test_access import PARTS

SEED = 1


@contextmanager
def demo_site(folder: Path, incidents: int = 60) -> Iterator[Site]:
    """Make up a year with so many incidents, and serve it."""
    database_url = f"sqlite:///{folder}/demo.db"
    app = install(database_url)
    with app.app_context():
        steps = plan(SEED, clock.now() - timedelta(minutes=2), incidents)
        play(db.session(), steps, SEED)
    with served(folder, database_url) as site:
        yield site


def pages_of(app: Flask) -> dict[str, str]:
    """Return the address of every whole page, by its endpoint, as an admin finds them.

    An incident's pages are those of one with a post-mortem; `incidents.show (open)` is an open one.
    """
    running, closed = references(app)
    client = signed_in(app, Role.ADMIN)
    adapter = app.url_map.bind("localhost")
    pages = {"incidents.show (open)": f"/incidents/{running}"}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        parts = {part: PARTS[part] for part in rule.arguments} | {"reference": closed}
        address = adapter.build(
            rule.endpoint, {part: parts[part] for part in rule.arguments}, method="GET"
        )
        answer = client.get(address)
        if _is_page(answer):
            pages[rule.endpoint] = address
    return {**pages, "not found": "/no-such-page"}


def pages_of_viewers(app: Flask) -> dict[str, str]:
    """Return pages that a viewer finds otherwise than an admin: what they may not do, and why."""
    return {
        "viewer: incident": f"/incidents/{references(app)[0]}",
        "viewer: declare": "/incidents/new",
        "viewer: settings": "/settings/services",
    }


def references(app: Flask) -> tuple[str, str]:
    """Return an open incident and one that has a post-mortem."""
    with app.app_context():
        session = db.session()
        running = select(Incident).where(Incident.status.in_(OPEN), Incident.is_private.is_(False))
        reviewed = select(Incident).join(Postmortem).where(Incident.is_private.is_(False))
        return (
            session.scalars(running.order_by(Incident.severity).limit(1)).one().reference,
            session.scalars(reviewed.order_by(Incident.number.desc()).limit(1)).one().reference,
        )


def signed_in(app: Flask, role: Role) -> FlaskClient:
    """Return a client in which somebody of this role has signed in, and whose forms need no token."""
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        session = db.session()
        person = invite(session, f"{role.value}-walker@example.com", role, "Ada Winter")
        secret = make_sign_in_secret(session, person)
    client = app.test_client()
    assert client.post(f"/sign-in/{secret}").status_code == 302
    return client


def pages_before_signing_in(app: Flask) -> dict[str, str]:
    """Return the pages of who has not signed in, customers' too. Looking uses no link up."""
    with app.app_context():
        session = db.session()
        secret = make_sign_in_secret(
            session, invite(session, "walker@example.com", Role.ADMIN, "Ada Winter")
        )
    customers = app.test_client()
    public = {
        rule.endpoint: rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("status_page.") and not rule.arguments
        if _is_page(customers.get(rule.rule))
    }
    return {
        **public,
        "auth.welcome": "/sign-in",
        "auth.forgot": "/sign-in/forgot",
        "auth.sign_in": f"/sign-in/{secret}",
    }


def _is_page(answer: TestResponse) -> bool:
    return answer.status_code == 200 and answer.text.lstrip().startswith("<!doctype html>")
