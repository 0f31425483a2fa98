"""PostgreSQL really starts, gives each test its own database, and is gone afterwards."""

from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.servers import postgres
from tests.servers.missing import Missing
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.server


def connect(url: str) -> "psycopg2.extensions.connection":
    return psycopg2.connect(make_url(url).set(drivername="postgresql").render_as_string(False))


def test_every_server_on_this_machine_starts_answers_and_stops() -> None:
    for folder in postgres.binaries():
        with postgres.started_from(folder) as server, server.database() as url:
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE word (word text)"))
                connection.execute(text("INSERT INTO word VALUES ('ÄPFEL')"))
                assert connection.scalar(text("SELECT lower(word) FROM word")) == "äpfel"
            engine.dispose()
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(server.url)


def test_a_server_is_stopped_when_the_test_using_it_fails() -> None:
    with pytest.raises(ZeroDivisionError), postgres.started_from(postgres.binaries()[0]) as server:
        raise ZeroDivisionError
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(server.url)


def test_databases_are_apart_and_dropped_even_while_in_use(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as one, postgres_server.database() as other:
        assert make_url(one).database != make_url(other).database
        left_open = connect(one)
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        connect(one)
    left_open.close()


def test_a_database_can_be_copied_from_a_prepared_one(postgres_server: PostgresServer) -> None:
    prepared = postgres_server.create_database()
    engine = create_engine(prepared)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE prepared (id integer)"))
    engine.dispose()

    copy = postgres_server.create_database(template=make_url(prepared).database or "")
    engine = create_engine(copy)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM prepared")) == 0
    engine.dispose()

    postgres_server.drop_database(copy)
    postgres_server.drop_database(prepared)


def test_a_given_server_is_used_whatever_form_its_url_has(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg2"):
        given = postgres_server.url.replace("postgresql", scheme, 1)
        monkeypatch.setenv("TEST_DATABASE_URL", given)
        with postgres.postgres_server() as server, server.database() as url:
            connect(url).close()


def test_a_machine_without_a_server_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setattr(postgres, "_wheel", list)
    with pytest.raises(Missing, match="apt-get install postgresql"):
        postgres.binaries()
