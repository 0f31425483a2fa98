"""`/ready`: whether requests may be sent to this process."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from incidentbot import create_app
from incidentbot.extensions import db
from incidentbot.ops import health
from incidentbot.ops.version import VERSION
from tests.installation import install, small_company


@pytest.fixture
def app(sqlite_url: str) -> Iterator[Flask]:
    app = install(sqlite_url)
    yield app
    with app.app_context():
        db.engine.dispose()


def asked(app: Flask) -> tuple[int, dict[str, str]]:
    answer = app.test_client().get("/ready")
    body: dict[str, str] = answer.get_json()
    assert body.pop("version") == VERSION
    return answer.status_code, body


def test_it_is_ready_with_the_newest_schema(app: Flask) -> None:
    assert asked(app) == (200, {"status": "ready", "database": "current"})


def test_it_is_not_ready_before_the_migrations(sqlite_url: str) -> None:
    app = create_app(small_company(sqlite_url))
    assert asked(app) == (503, {"status": "not ready", "database": "not migrated"})
    with app.app_context():
        upgrade(revision="0001")
    assert asked(app) == (503, {"status": "not ready", "database": "not migrated"})
    with app.app_context():
        upgrade()
    assert asked(app)[0] == 200
    with app.app_context():
        downgrade(revision="base")
    assert asked(app)[0] == 503


def test_it_stays_ready_while_a_newer_version_is_rolled_out(app: Flask) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-the-future'"))
    assert asked(app)[0] == 200


def test_without_a_database_it_is_not_ready_but_answers() -> None:
    app = create_app(small_company("postgresql://incidentbot:hunter2@127.0.0.1:9/none"))
    assert asked(app) == (503, {"status": "not ready", "database": "unreachable"})


def test_who_was_ready_stays_so_while_the_database_is_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(app)[0] == 200
    with monkeypatch.context() as away:
        away.setattr(health, "has_newest_schema", _no_database)
        assert asked(app) == (200, {"status": "degraded", "database": "unreachable"})
        health.stopping.set()
        try:
            assert asked(app) == (503, {"status": "stopping", "database": "unreachable"})
        finally:
            health.stopping.clear()
    assert asked(app) == (200, {"status": "ready", "database": "current"})


def _no_database(_connection: Connection) -> bool:
    raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))


@pytest.mark.server
def test_it_says_whether_redis_answers(sqlite_url: str, redis_url: str) -> None:
    app = install(sqlite_url, redis_url=redis_url)
    assert asked(app) == (
        200,
        {"status": "ready", "database": "current", "redis": "connected"},
    )


def test_without_redis_it_is_ready_all_the_same_and_says_so(sqlite_url: str) -> None:
    app = install(sqlite_url, redis_url="redis://127.0.0.1:9/0")
    assert asked(app) == (
        200,
        {"status": "degraded", "database": "current", "redis": "unreachable"},
    )


def test_who_is_asked_to_stop_is_not_ready_any_more(app: Flask) -> None:
    health.stopping.set()
    try:
        assert asked(app) == (503, {"status": "stopping", "database": "current"})
    finally:
        health.stopping.clear()
