"""A live status page without Slack, and what its tests do to it."""

from typing import Any

from flask import Flask
from sqlalchemy import select

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.commands import Declaration
from incidentbot.status_pages.page import read_page
from incidentbot.users.actor import OPERATOR, Actor, Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role, User
from incidentbot.web.status_page import StatusSite
from tests.installation import install
from tests.status_pages.shown import TWO, show, switch_on, tell


def status_app(database_url: str, **settings: Any) -> Flask:
    """Return an app whose status page is on, with two services on it."""
    app = install(
        database_url,
        **{"slack_bot_token": None, "slack_signing_secret": None, **settings},
    )
    with app.app_context():
        switch_on(db.session())
        show(db.session(), TWO)
    return app


def commander() -> Actor:
    """Return who declares the incidents."""
    session = db.session()
    user = session.scalars(select(User).where(User.email == "ada@example.com")).one_or_none()
    user = user or invite(session, "ada@example.com", Role.ADMIN, "Ada Lovelace")
    return actor_for(user, Door.WEB, "192.0.2.7")


def declare(app: Flask, public: str = "Payments fail.", **fields: Any) -> str:
    """Declare an incident, tell customers of it, and show it at once."""
    with app.app_context():
        declaration = Declaration(
            **{
                "title": "Internal",
                "severity": "P1",
                "service": "payments",
                **fields,
            }
        )
        session, ada = db.session(), commander()
        reference = commands.declare(session, declaration, ada).incident.reference
        tell(session, reference, ada, public)
    forget(app)
    return reference


def forget(app: Flask) -> None:
    """Show at once what was changed past the page's own form."""
    site: StatusSite = app.extensions["status_site"]
    site.forget()


__all__ = ["OPERATOR", "commander", "declare", "forget", "read_page", "status_app"]
