"""A migrated installation of incidentbot for tests: the app on a fresh database."""

from typing import Any

from flask import Flask
from flask_migrate import upgrade

from incidentbot import create_app
from incidentbot.config import Settings, load_settings

SIGNING_SECRET = "test-signing-secret"


def small_company(database_url: str, **overrides: Any) -> Settings:
    """Return settings of a small company; the environment does not matter."""
    return load_settings(
        **{
            "_env_file": None,
            "database_url": database_url,
            "log_level": "WARNING",
            "services": ("payments", "search"),
            "slack_bot_token": "xoxb-test",
            "slack_signing_secret": SIGNING_SECRET,
            # Nothing listens here: who wants Slack to answer gives the sandbox's address.
            "slack_api_url": "http://127.0.0.1:9/api/",
            "p1_users": ("U0P1",),
            **overrides,
        }
    )


def install(database_url: str, **overrides: Any) -> Flask:
    """Return the app on a migrated database with its first-start defaults."""
    app = create_app(small_company(database_url, **overrides))
    with app.app_context():
        upgrade()
    return app
