"""A busy run in which every kind of secret passes, and much goes wrong: the whole log holds none of them."""

import contextlib
import json
import re
import socket
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from incidentbot.status_pages.connection import (
    Connection,
    SeenComponent,
    connect,
)
from incidentbot.status_pages.models import ComponentStatus, Subscriber
from incidentbot.status_pages.subscribers import Tokens
from incidentbot.users.actor import OPERATOR
from tests.drills.fleet import WORKER, children
from tests.scenarios.world import ADA, GRACE, World, eventually, world
from tests.servers.ports import free_port
from tests.servers.processes import launch
from tests.slack.sender import signed_headers, slash
from tests.status_pages.shown import map_components, switch_on

pytestmark = pytest.mark.server

PLANTED = {
    "SECRET_KEY": "planted-secret-key-0123456789abcdef",
    "SLACK_BOT_TOKEN": "xoxb-planted-bot-token-1234",
    "SLACK_SIGNING_SECRET": "planted-signing-secret",
    "SLACK_CLIENT_ID": "1234.5678",
    "SLACK_CLIENT_SECRET": "planted-client-secret",
    "OIDC_CLIENT_ID": "incidentbot",
    "OIDC_CLIENT_SECRET": "planted-oidc-secret",
    "METRICS_TOKEN": "planted-metrics-token",
    "STATUSPAGE_API_KEY": "planted-statuspage-key",
    "SENTRY_DSN": "http://planted-sentry-key@127.0.0.1:9/7",
}
STORED_KEY = "planted-statuspage-key-in-the-database"
SENTRY_KEY = "planted-sentry-key"
NO_SECRETS = {"SLACK_CLIENT_ID", "OIDC_CLIENT_ID"}
PAGE_IN_ENVIRONMENT = {"STATUSPAGE_API_KEY", "STATUSPAGE_PAGE_ID"}
SMTP_PASSWORD = "planted-smtp-password"
PASSWORD = "planted horse battery staple"
TYPED = "planted words of a customer"
FOREIGN = {
    "bearer": "planted-bearer-of-somebody",
    "query": "planted-token-in-a-query",
    "cookie": "planted-cookie-of-another-app",
    "id": "xoxp-planted-as-request-id-99",
}


class Mailbox(MessageHandler):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[str] = []

    def handle_message(self, message: Message) -> None:
        payload = message.get_payload(decode=True)
        assert isinstance(payload, bytes)
        self.mails.append(payload.decode())


def test_the_log_of_a_busy_run_holds_no_secret(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    mailbox = Mailbox()
    mail = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        secrets, logs = _busy_run(postgres_url, redis_url, tmp_path, mailbox, mail.port)
    finally:
        mail.stop()
    assert len(secrets) > 20
    found = {name for name, secret in secrets.items() if secret in logs}
    assert found == set()
    assert "[redacted]" in logs, "some came by"
    _every_line_is_whole(logs)


def _busy_run(
    postgres_url: str, redis_url: str, folder: Path, mailbox: Mailbox, smtp_port: int
) -> tuple[dict[str, str], str]:
    """Return what must not be in the log, by name, and the log of all processes."""
    settings = {
        **PLANTED,
        "REDIS_URL": redis_url,
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "DEBUG",
        "OIDC_ISSUER": f"http://127.0.0.1:{free_port()}",  # away
        "SMTP_URL": f"smtp://bot:{SMTP_PASSWORD}@127.0.0.1:{smtp_port}",
        "MAIL_FROM": "bot@example.com",
    }
    secrets = {name: value for name, value in PLANTED.items() if name not in NO_SECRETS}
    secrets |= {**FOREIGN, "SMTP_URL": SMTP_PASSWORD, "password": PASSWORD, "typed": TYPED}
    secrets |= {"a stored key": STORED_KEY, "the key in SENTRY_DSN": SENTRY_KEY}
    for name, url in (("DATABASE_URL", postgres_url), ("REDIS_URL", redis_url)):
        password = urlsplit(url).password
        assert password, "the test's own servers have one"
        secrets[name] = password
    with world(postgres_url, folder, statuspage=True, **settings) as company:
        _connect_a_page(company)
        # This one may send without a password; the other one is refused for want of encryption.
        plain = {**company.env, "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}"}
        with launch(WORKER, plain, folder / "worker.log") as worker:
            worker.wait_until(lambda: len(children(worker.pid)) > 0, 30)
            secrets |= _people_come_by(company, mailbox)
            subscribed = _customers_come_by(company, mailbox)
            secrets |= subscribed
            _work_on_incidents(company)
            eventually(lambda: "refuses the API key" in worker.log.read_text(), 30)
            secrets |= _strangers_come_by(company, subscribed.values())
            worker.stop()
        # This one has the key that is in the database.
        env = {name: v for name, v in company.env.items() if name not in PAGE_IN_ENVIRONMENT}
        with launch(WORKER, env, folder / "worker-2.log") as worker:
            company.flask("deliveries", "retry", "--all")
            eventually(lambda: "refuses the API key" in worker.log.read_text(), 30)
            company.flask("users", "invite", "ken@example.com")
            _ask_for_a_new_password(company, "ken@example.com")
            eventually(lambda: "offers no encryption" in worker.log.read_text(), 30)
        _break_the_database(company)
        company.app.stop()
    logs = [log.read_text() for log in (company.app.log, *folder.glob("worker*.log"))]
    return secrets, "\n".join(logs)


def _people_come_by(company: World, mailbox: Mailbox) -> dict[str, str]:
    """Sign in by link, choose a password, invite somebody by mail, sign in wrongly."""
    link = company.flask("users", "invite", "root@example.com", "--role", "admin").split()[-1]
    admin = requests.Session()
    page = admin.get(link, timeout=10).text
    _post(admin, link, page)
    page = admin.get(f"{company.app_url}/password", timeout=10).text
    assert _post(admin, f"{company.app_url}/password", page, password=PASSWORD).ok
    members = f"{company.app_url}/settings/members"
    page = admin.get(f"{members}/invite", timeout=10).text
    _post(admin, f"{members}/invite", page, email="lin@example.com", name="Lin", role="responder")
    _ask_for_a_new_password(company, "root@example.com")
    eventually(lambda: len(mailbox.mails) >= 1, 30)
    stranger = requests.Session()
    page = stranger.get(f"{company.app_url}/sign-in", timeout=10).text
    _post(stranger, f"{company.app_url}/sign-in", page, email="root@example.com", password=PASSWORD)
    _post(stranger, f"{company.app_url}/sign-in", page, email="x@example.com", password=PASSWORD)
    # The provider is away; then somebody comes back from it with a code.
    stranger.get(f"{company.app_url}/sign-in/with/oidc", timeout=20)
    stranger.get(
        f"{company.app_url}/sign-in/with/oidc/callback?code=planted-code-1&state=planted-state-1",
        timeout=20,
    )
    mailed = [found for mail in mailbox.mails for found in re.findall(r"/sign-in/(\S+)", mail)]
    assert mailed
    for secret in mailed:
        requests.get(f"{company.app_url}/sign-in/{secret}", timeout=10)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    return {
        "a link": link.rsplit("/", 1)[1],
        "a cookie": admin.cookies["incidentbot"],
        "another cookie": stranger.cookies["incidentbot"],
        "a form's token": token[1],
        "a mailed link": mailed[0],
        "the words of a mail": "lets you choose",
        "a code": "planted-code-1",
        "a state": "planted-state-1",
    }


@contextlib.contextmanager
def _database(company: World) -> Iterator[Session]:
    engine = create_engine(company.env["DATABASE_URL"])
    with Session(engine) as session:
        yield session
    engine.dispose()


def _connect_a_page(company: World) -> None:
    """Have a key in the database that Statuspage refuses, as it does the one in the environment."""
    with _database(company) as session:
        found = Connection("acme00status", STORED_KEY)
        connect(session, OPERATOR, found, "Acme", PLANTED["SECRET_KEY"])
        seen = [SeenComponent("cmp0payments", "Payments", ComponentStatus.OPERATIONAL)]
        map_components(session, OPERATOR, seen, {"cmp0payments": "payments"})
        switch_on(session)


def _customers_come_by(company: World, mailbox: Mailbox) -> dict[str, str]:
    """Subscribe to the status page by mail, and leave it, with links that are right and wrong."""
    status = f"{company.app_url}/status"
    form = {"email": "customer@example.com", "which": "all"}
    eventually(lambda: requests.post(f"{status}/subscribe", data=form, timeout=10).ok)
    (confirming,) = eventually(
        lambda: [found for mail in mailbox.mails for found in re.findall(r"/confirm/(\S+)", mail)],
        30,
    )
    with _database(company) as session:
        subscriber = session.scalars(select(Subscriber)).one()
        leaving = Tokens(PLANTED["SECRET_KEY"]).to_leave(subscriber)
    for path in (f"confirm/{confirming}", f"unsubscribe/{leaving}"):
        for address in (f"{status}/{path}x", f"{status}/{path}"):
            requests.get(address, timeout=10)
            requests.post(address, timeout=10)
    return {"a link that confirms": confirming, "a link that ends it": leaving}


def _work_on_incidents(company: World) -> None:
    """Declare and follow incidents, with Slack failing now and then."""
    company.fault(kind="error", error="internal_error", method="chat.postMessage", count=2)
    company.fault(kind="rate_limited", method="pins.add", retry_after=1, count=1)
    for severity in ("P1", "P3"):
        reference = company.declare(ADA, title=f"{TYPED} {severity}", severity=severity)
        company.told(ADA, f"status {reference} {TYPED}")
        assert "Only the commander" in company.told(GRACE, f"resolved {reference} {TYPED}")
        company.told(ADA, f"resolved {reference} {TYPED}")
    eventually(lambda: _told_of(company) == {"INC-1", "INC-2"}, 60)


def _told_of(company: World) -> set[str]:
    """Return the incidents of which something was posted, by the worker's log."""
    told = r'"delivery done".*"kind": "slack.message", "incident": "(INC-\d+)"'
    return set(re.findall(told, (company.folder / "worker.log").read_text()))


def _strangers_come_by(company: World, tokens: Iterable[str]) -> dict[str, str]:
    """Send what nobody should: secrets of others in every place of a request, and rubbish."""
    for path in ("/", "/nowhere", "/slack/events", "/metrics", "/incidents/INC-1", "/api/v1/x"):
        requests.get(
            f"{company.app_url}{path}?token={FOREIGN['query']}&code={FOREIGN['query']}",
            headers={
                "Authorization": f"Bearer {FOREIGN['bearer']}",
                "Cookie": f"session={FOREIGN['cookie']}; incidentbot={FOREIGN['cookie']}",
                "X-Request-Id": FOREIGN["id"],
            },
            timeout=10,
        )
    requests.get(
        f"{company.app_url}/metrics",
        headers={"Authorization": f"Bearer {PLANTED['METRICS_TOKEN']}"},
        timeout=10,
    )
    for body in (
        "{",
        "payload={}",
        slash(
            f"status {TYPED}",
            response_url="https://hooks.slack.com/commands/T0/1/planted-hook-secret",
        ),
    ):
        for secret in (PLANTED["SLACK_SIGNING_SECRET"], "wrong"):
            headers = signed_headers(body, secret=secret)
            for _copy in range(2):
                url = f"{company.app_url}/slack/events"
                requests.post(url, data=body, headers=headers, timeout=10)
    address = urlsplit(company.app_url)
    for rubbish in (
        f"GET /sign-in/{'planted-link' * 4} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\nAuthorization Bearer {FOREIGN['bearer']}\r\n\r\n",
        f"POST /sign-in/{'planted-link' * 4} HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        *(f"GET /status/confirm/{token} HTTP/9.9\r\n\r\n" for token in tokens),
    ):
        assert address.hostname
        with socket.create_connection((address.hostname, address.port or 0), timeout=5) as raw:
            raw.sendall(rubbish.encode())
            with contextlib.suppress(OSError):
                raw.recv(4096)
    return {"a link in rubbish": "planted-link" * 4, "a hook": "planted-hook-secret"}


def _ask_for_a_new_password(company: World, email: str) -> None:
    session = requests.Session()
    page = session.get(f"{company.app_url}/sign-in/forgot", timeout=10).text
    _post(session, f"{company.app_url}/sign-in/forgot", page, email=email)


def _break_the_database(company: World) -> None:
    """Take a column away: statements fail half-way, with all that they were given."""
    with _database(company) as session:
        session.execute(text("ALTER TABLE incidents RENAME COLUMN summary TO gone"))
        session.commit()
    answer = company.type(ADA, f"status INC-1 {TYPED}")
    assert "broke" in json.dumps(answer) or answer["status"] == 200
    requests.get(f"{company.app_url}/ready", timeout=10)
    eventually(lambda: '"exception"' in company.app.log.read_text())


def _post(session: requests.Session, url: str, page: str, **fields: str) -> requests.Response:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None, page
    return session.post(url, data={"csrf_token": token[1], **fields}, timeout=10)


def _every_line_is_whole(logs: str) -> None:
    """Each line is an object of its own, and those of one request or delivery can be found."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in logs.splitlines() if line]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert any("Listening at" in line["message"] for line in lines), "gunicorn's own are among them"
    answered = [line for line in lines if line["message"] == "request"]
    assert all(line["request"] and "milliseconds" in line for line in answered)
    made = [line for line in lines if line["message"] == "delivery done" and "incident" in line]
    assert {line["incident"] for line in made} == {"INC-1", "INC-2"}
    written = {
        delivery
        for line in lines
        if line["message"] == "deliveries written" and {"request", "delivery"} & line.keys()
        for delivery in line["deliveries"]
    }
    by_command = [line for line in made if line["kind"] == "slack.message"]
    assert by_command
    assert all(line["delivery"] in written for line in by_command), "from the effect to its cause"
