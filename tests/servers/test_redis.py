"""Redis really starts, keeps what it is given, and is gone afterwards."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.servers import debian, redis
from tests.servers.missing import Missing
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.server


def test_it_starts_keeps_what_it_is_given_and_stops() -> None:
    with redis.started() as server:
        with Redis.from_url(server.url) as client:
            client.set("greeting", "hello")
            assert client.get("greeting") == b"hello"
        server.clear()
        with Redis.from_url(server.url) as client:
            assert client.dbsize() == 0
    with pytest.raises(RedisConnectionError), Redis.from_url(server.url) as client:
        client.ping()


def test_a_test_is_given_an_empty_database(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_workers_share_a_given_server_without_sharing_data(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_REDIS_URL", redis_server.url.removesuffix("/0"))
    urls = set()
    for worker in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        with redis.redis_server() as server, Redis.from_url(server.url) as client:
            assert client.ping()
            urls.add(server.url)
    assert len(urls) == 2


def test_a_machine_without_a_server_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(debian, "UNPACKED", tmp_path / "unpacked")
    with pytest.raises(Missing, match=r"apt-get install redis-server.*TEST_REDIS_URL"):
        redis.binary()
