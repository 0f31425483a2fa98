"""The web door: pages for people without Slack, and for everyone while Slack is down."""

from flask import Flask

from incidentbot.web import (
    access,
    assets,
    auth,
    customers,
    deliveries,
    errors,
    incident_page,
    incident_tabs,
    insights,
    me,
    members,
    metrics,
    people,
    postmortems,
    presenting,
    requests,
    security,
    sso,
    status_page,
)
from incidentbot.web.settings import menu as settings_menu


def register(app: Flask) -> None:
    """Add the pages, and what holds for all of them."""
    requests.install(app)
    access.install(app)
    security.install(app)
    assets.install(app)
    errors.install(app)
    presenting.install(app)
    people.install(app)
    sso.install(app)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(incident_page.blueprint)  # incidents.py's, with one incident's page
    app.register_blueprint(incident_tabs.blueprint)
    app.register_blueprint(postmortems.blueprint)
    app.register_blueprint(insights.blueprint)
    app.register_blueprint(deliveries.blueprint)
    app.register_blueprint(members.blueprint)
    app.register_blueprint(me.blueprint)
    settings_menu.install(app)
    status_page.install(app)
    app.register_blueprint(customers.blueprint)
    metrics.install(app)
