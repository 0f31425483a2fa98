"""A migrated installation of incidentbot for tests: the app on a fresh database."""

from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from incidentbot import create_app
from incidentbot.config import Settings, load_settings
from incidentbot.extensions import db

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


# What a new installation is filled from.
_FIRST_START = {
    "services",
    "service_owners",
    "p1_users",
    "notification_channel_general",
    "notification_channel_engineering",
}
_migrated: list[bytes] = []  # a SQLite file as a new installation begins, once there is one


class _Compiled(BytecodeCache):
    """Templates compiled once for all apps of a test process, not anew for each."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Use what another app compiled of the same text."""
        if bucket.key in self._codes:
            bucket.bytecode_from_string(self._codes[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next app."""
        self._codes[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


def install(database_url: str, **overrides: Any) -> Flask:
    """Return the app on a migrated database with its first-start defaults.

    A new SQLite file is a copy of the first one, which is quicker than migrating each time.
    """
    file = Path(database_url.removeprefix("sqlite:///"))
    is_new = (
        database_url.startswith("sqlite")
        and not file.exists()
        and not _FIRST_START & overrides.keys()
    )
    app = create_app(small_company(database_url, **overrides))
    app.jinja_env.bytecode_cache = _compiled
    if is_new and _migrated:
        file.write_bytes(_migrated[0])
        return app
    with app.app_context():
        upgrade()
        if is_new and not _migrated:
            db.engine.dispose()  # which writes everything into the file
            _migrated.append(file.read_bytes())
    return app
