"""Behind a real nginx with the site of deploy/nginx: address and scheme are right, lies are not believed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import create_engine, text

from tests.scenarios.world import World, eventually, world
from tests.servers.nginx import Nginx, nginx
from tests.servers.ports import free_port

pytestmark = [pytest.mark.server, pytest.mark.scenario]

# On Linux the whole of 127.0.0.0/8 is this machine: the visitor has an address of their own.
VISITOR = "127.0.0.2"
LIES = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=6.6.6.6;proto=http",
    "X-Real-IP": "6.6.6.6",
    "X-Request-Id": "chosen-by-the-visitor",
}


class FromVisitor(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(VISITOR, 0), **more)


def visitor(proxy: Nginx) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(proxy.certificate)
    session.mount("https://", FromVisitor())
    session.headers.update(LIES)
    return session


def lines(company: World) -> list[dict[str, Any]]:
    written = company.app.log.read_text().splitlines()
    return [json.loads(line) for line in written if line.startswith("{")]


def sign_in(company: World, session: requests.Session, url: str) -> requests.Response:
    """Sign an admin in by their link, as a browser does that was told to send no referrer."""
    link = company.flask("users", "invite", "root@example.com", "--role", "admin").split()[-1]
    page = session.get(link, timeout=10)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    assert link.startswith(url)
    return session.post(link, data={"csrf_token": token[1]}, allow_redirects=False, timeout=10)


def test_the_visitors_address_and_scheme_arrive(sqlite_url: str, tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "BASE_URL": f"https://127.0.0.1:{port}",
        "PROXY_HOPS": "1",
        "LOG_FORMAT": "json",
        "SECRET_KEY": "0123456789abcdef" * 4,
    }
    with world(sqlite_url, tmp_path, **settings) as company:
        app_port = int(company.env["PORT"])
        (folder := tmp_path / "nginx").mkdir()
        with nginx(app_port, port, folder) as proxy:
            moved = requests.get(f"{proxy.http}/x?y=1", allow_redirects=False, timeout=10)
            assert moved.headers["Location"] == "https://127.0.0.1/x?y=1"

            session = visitor(proxy)
            answer = sign_in(company, session, proxy.https)
            assert answer.status_code == 302, answer.text
            # Only seen as encrypted all the way does a browser keep such a cookie.
            cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith("__Host-incidentbot=")
            assert "Secure" in cookie
            home = session.get(f"{proxy.https}/", timeout=10)
            assert home.status_code == 200
            assert "evil.example" not in home.text
            form = session.get(f"{proxy.https}/incidents/new", timeout=10).text
            fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
            fields |= {"title": "Behind a proxy", "severity": "P3", "service": "payments"}
            declared = session.post(f"{proxy.https}/incidents/new", data=fields, timeout=10)
            assert "Behind a proxy" in declared.text
        requested = [line for line in lines(company) if line.get("route") == "/incidents/new"]
        assert {line["client"] for line in requested} == {VISITOR}
        assert all(line["request"] != LIES["X-Request-Id"] for line in requested)
        assert audited_origins(company) == {VISITOR}


def test_without_a_proxy_nobody_is_believed(sqlite_url: str, tmp_path: Path) -> None:
    with world(sqlite_url, tmp_path, LOG_FORMAT="json") as company:
        for path in ("/sign-in", "/incidents/INC-1"):
            requests.get(company.app_url + path, headers=LIES, timeout=10)
        requested = [line for line in lines(company) if line.get("route") == "/sign-in"]
        assert requested
        assert {line["client"] for line in requested} == {"127.0.0.1"}


def test_who_adds_to_the_header_is_not_believed_either(sqlite_url: str, tmp_path: Path) -> None:
    """A proxy that appends, as most do: only what the last one wrote counts."""
    with world(sqlite_url, tmp_path, LOG_FORMAT="json", PROXY_HOPS="1") as company:
        appended = {"X-Forwarded-For": "6.6.6.6, 10.1.2.3", "X-Forwarded-Proto": "http"}
        requests.get(f"{company.app_url}/sign-in", headers=appended, timeout=10)
        requested = eventually(
            lambda: [line for line in lines(company) if line.get("route") == "/sign-in"]
        )
        assert {line["client"] for line in requested} == {"10.1.2.3"}


def audited_origins(company: World) -> set[str]:
    engine = create_engine(company.env["DATABASE_URL"])
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT DISTINCT origin FROM audit_entries WHERE door = 'web'")
        )
        origins = {str(row[0]) for row in found}
    engine.dispose()
    return origins
