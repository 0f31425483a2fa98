"""The web door: pages for people without Slack, and for everyone while Slack is down."""

from flask import Flask

from incidentbot.web import (
    access,
    auth,
    deliveries,
    errors,
    incidents,
    metrics,
    postmortems,
    presenting,
    security,
)


def register(app: Flask) -> None:
    """Add the pages, and what holds for all of them."""
    access.install(app)
    security.install(app)
    errors.install(app)
    presenting.install(app)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(incidents.blueprint)
    app.register_blueprint(postmortems.blueprint)
    app.register_blueprint(deliveries.blueprint)
    app.register_blueprint(metrics.blueprint)
