"""`/health`: 200 while the database answers, 503 when it does not, and back."""

from contextlib import closing

import psycopg2
import pytest

from incidentbot import create_app
from incidentbot.extensions import db
from incidentbot.ops.health import VERSION
from tests.installation import install, small_company
from tests.servers.postgres import PostgresServer


def test_it_is_healthy_while_the_database_answers(database_url: str) -> None:
    app = install(database_url)
    answer = app.test_client().get("/health")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "healthy",
        "database": "connected",
        "version": VERSION,
    }
    with app.app_context():
        db.engine.dispose()


def test_it_is_unhealthy_without_a_database_and_tells_nobody_where_that_is(
    capfd: pytest.CaptureFixture[str],
) -> None:
    app = create_app(small_company("postgresql://incidentbot:hunter2@127.0.0.1:9/none"))
    answer = app.test_client().get("/health")
    assert answer.status_code == 503
    assert answer.get_json() == {
        "status": "unhealthy",
        "database": "unreachable",
        "version": VERSION,
    }
    assert "hunter2" not in capfd.readouterr().err


def test_it_is_healthy_again_after_the_connections_were_lost(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    app = install(postgres_url)
    client = app.test_client()
    assert client.get("/health").status_code == 200
    with closing(psycopg2.connect(postgres_server.url)) as connection:
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [postgres_url.rsplit("/", 1)[1]],
        )
    assert client.get("/health").status_code == 200
    with app.app_context():
        db.engine.dispose()
