"""`flask doctor`: what it finds, what it advises, and that it ends with 1 only for a problem."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from click.testing import Result
from flask import Flask
from redis import Redis
from rq import Queue, Worker
from sqlalchemy import text
from werkzeug.serving import make_server

from incidentbot import clock, create_app
from incidentbot.channels.statuspage.link import connect, link_for
from incidentbot.channels.statuspage.reconcile import list_all
from incidentbot.doctor import storage
from incidentbot.doctor.examination import examine
from incidentbot.doctor.findings import Finding, Verdict
from incidentbot.extensions import db
from incidentbot.redis_wake import URGENT
from incidentbot.users.actor import OPERATOR
from tests import team as fixtures
from tests.channels.statuspage import conftest as statuspage
from tests.channels.statuspage.conftest import KEY, PAGE, PAYMENTS, Double
from tests.installation import install, small_company
from tests.servers.oidc import CLIENT_ID, CLIENT_SECRET, Mode, oidc_provider
from tests.servers.ports import free_port
from tests.status_pages.shown import map_components, switch_on
from tests.team import Team

team = fixtures.team
running_double, double = statuspage.running_double, statuspage.double
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres

GOOD_KEY = "0123456789abcdef" * 4
NO_SLACK = {"slack_bot_token": None, "slack_signing_secret": None}


def look(app: Flask) -> dict[str, Finding]:
    """Return what the doctor finds, by what was looked at (the last word on each)."""
    with app.app_context():
        found = {finding.what: finding for finding in examine(app)}
        db.session.remove()
        db.engine.dispose()
    return found


def of(team: Team, **overrides: Any) -> Flask:
    settings = {"secret_key": GOOD_KEY, **NO_SLACK, **overrides}
    return create_app(small_company(team.database_url, **settings))


def run(app: Flask) -> Result:
    result = app.test_cli_runner().invoke(args=["doctor"])
    with app.app_context():
        db.engine.dispose()
    return result


def test_a_healthy_installation_has_no_problem(team: Team) -> None:
    team.declare()
    result = run(of(team))
    assert result.exit_code == 0, result.output
    assert "problem" not in result.output
    assert "ok       Append-only tables" in result.output
    assert "ok       Audit log: 1 entries" in result.output


def test_a_weak_secret_key_is_a_problem_and_ends_with_1(team: Team) -> None:
    result = run(of(team, secret_key="changeme"))
    assert result.exit_code == 1
    assert "problem  SECRET_KEY: It can be guessed" in result.output
    assert "openssl rand -hex 32" in result.output
    assert "changeme" not in result.output


def test_no_secret_is_printed(team: Team) -> None:
    app = of(team, slack_bot_token="xoxb-told-nobody", slack_signing_secret="signed-by-nobody")
    printed = run(app).output
    assert "told-nobody" not in printed
    assert "signed-by-nobody" not in printed
    assert GOOD_KEY not in printed


def test_an_unmigrated_database_is_a_problem_with_the_command_that_mends_it(
    sqlite_url: str,
) -> None:
    app = create_app(small_company(sqlite_url, **NO_SLACK))
    found = look(app)["Database"]
    assert (found.verdict, found.remedy) == (Verdict.PROBLEM, "flask --app app db upgrade")


def test_an_unreachable_database_ends_nothing() -> None:
    app = create_app(small_company("postgresql://bot:hunter2@127.0.0.1:9/none", **NO_SLACK))
    found = look(app)
    assert found["Database"].verdict is Verdict.PROBLEM
    assert "E-mail" in found, "what comes after it is looked at all the same"
    assert "hunter2" not in str(found)


def test_a_table_that_can_be_changed_is_a_problem(team: Team) -> None:
    team.unguard("audit_entries")
    found = look(of(team))["Append-only tables"]
    assert found.verdict is Verdict.PROBLEM
    assert "audit_entries" in found.words
    assert "timeline_events" not in found.words


def test_a_head_that_is_not_the_newest_entry_is_a_problem(team: Team) -> None:
    team.declare()
    team.execute("UPDATE audit_head SET seq = seq + 1")
    found = look(of(team))["Audit log"]
    assert found.verdict is Verdict.PROBLEM
    assert "audit verify" in found.remedy


def test_deliveries_that_were_given_up_or_wait_too_long_are_warned_of(team: Team) -> None:
    team.declare()
    assert look(of(team))["Oldest waiting delivery"].verdict is Verdict.OK
    team.execute(
        "UPDATE deliveries SET state = 'parked' WHERE id = (SELECT min(id) FROM deliveries)"
    )
    long_ago = (clock.now() - timedelta(hours=1)).isoformat(sep=" ")
    team.execute(f"UPDATE deliveries SET created_at = '{long_ago}', due_at = '{long_ago}'")  # noqa: S608 - our own words
    found = look(of(team))
    assert found["Deliveries given up"].verdict is Verdict.WARNING
    assert found["Deliveries given up"].words.startswith("1:")
    assert found["Oldest waiting delivery"].verdict is Verdict.WARNING
    assert "worker" in found["Oldest waiting delivery"].remedy


def test_an_address_without_encryption_is_a_problem(team: Team) -> None:
    app = of(team, base_url=f"http://127.0.0.2:{free_port()}")
    with app.app_context():
        findings = list(examine(app))
        db.session.remove()
        db.engine.dispose()
    about = [finding for finding in findings if finding.what == "BASE_URL"]
    assert [finding.verdict for finding in about] == [Verdict.PROBLEM, Verdict.WARNING]
    assert "cannot be reached" in about[1].words
    found = {finding.what: finding for finding in findings}
    assert found["PROXY_HOPS"].verdict is Verdict.WARNING
    assert found["METRICS_TOKEN"].verdict is Verdict.WARNING


@pytest.mark.server
def test_clocks_that_differ_are_warned_of(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = install(postgres_url, **NO_SLACK)
    assert look(app)["Clocks"].verdict is Verdict.OK
    monkeypatch.setattr(storage, "_clock_of", lambda _session: clock.now() - timedelta(seconds=9))
    found = look(app)["Clocks"]
    assert found.verdict is Verdict.WARNING
    assert "NTP" in found.remedy


@pytest.mark.server
def test_redis_must_answer_and_evict_nothing(sqlite_url: str, redis_url: str) -> None:
    app = install(sqlite_url, redis_url=redis_url, **NO_SLACK)
    found = look(app)
    assert found["Redis eviction"].verdict is Verdict.OK
    assert found["Workers"].verdict is Verdict.PROBLEM, "nobody would be told of anything"
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        worker = Worker([Queue(URGENT, connection=redis)], connection=redis)
        worker.register_birth()
        try:
            found = look(app)
        finally:
            worker.register_death()
            redis.config_set("maxmemory-policy", "noeviction")
    assert found["Workers"].words == "1 listen."
    assert found["Redis"].verdict is Verdict.OK
    assert found["Redis eviction"].verdict is Verdict.WARNING
    assert "allkeys-lru" in found["Redis eviction"].words


def test_redis_that_is_away_is_a_problem(sqlite_url: str) -> None:
    app = install(sqlite_url, redis_url="redis://:hunter2@127.0.0.1:9/0", **NO_SLACK)
    found = look(app)["Redis"]
    assert found.verdict is Verdict.PROBLEM
    assert "hunter2" not in found.words


def test_slack_that_does_not_answer_is_a_warning(sqlite_url: str) -> None:
    found = look(install(sqlite_url))
    assert found["Slack: Slack's answer"].verdict is Verdict.WARNING
    assert look(install(sqlite_url, **NO_SLACK))["Slack"].verdict is Verdict.WARNING


def test_several_web_processes_without_redis_are_warned_of(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = install(sqlite_url, **NO_SLACK)
    assert "WEB_CONCURRENCY" not in look(app)
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert look(app)["WEB_CONCURRENCY"].verdict is Verdict.WARNING
    assert "WEB_CONCURRENCY" not in look(install(sqlite_url, redis_url="redis://127.0.0.1:9/0"))


def test_the_page_on_statuspage_is_opened_and_its_components_are_compared(
    sqlite_url: str, double: Double
) -> None:
    there = {"statuspage_api_url": double.api_url, "statuspage_rate_factor": 0, **NO_SLACK}
    app = install(sqlite_url, secret_key=GOOD_KEY, **there)
    assert look(app)["Statuspage"].words == "No page is connected."
    with app.app_context():
        link = link_for(app.extensions)
        connect(link, db.session(), OPERATOR, PAGE, KEY)
        seen = list(list_all(link.api(db.session())))
    assert look(app)["Statuspage: components"].verdict is Verdict.WARNING
    with app.app_context():
        map_components(db.session(), OPERATOR, seen, {PAYMENTS: "payments"})
    found = look(app)
    assert found["Statuspage"].verdict is Verdict.OK
    assert found["Statuspage: components"].words == "1 follow our services."
    with app.app_context():
        db.session.execute(text("UPDATE statuspage_components SET component_id = 'cmp0gone'"))
        db.session.commit()
    assert look(app)["Statuspage: components"].verdict is Verdict.PROBLEM

    double.settings(statuspage_rights="none")
    found = look(app)
    assert found["Statuspage"].verdict is Verdict.PROBLEM
    assert "may not do this" in found["Statuspage"].words
    sealed = look(install(sqlite_url, secret_key=GOOD_KEY[::-1], **there))["Statuspage"]
    assert sealed.verdict is Verdict.PROBLEM
    assert "SECRET_KEY was changed" in sealed.words


def test_a_wrong_key_for_statuspage_is_a_problem_and_one_that_is_away_a_warning(
    sqlite_url: str, double: Double
) -> None:
    page = {"statuspage_page_id": PAGE, "statuspage_api_key": "told-nobody", **NO_SLACK}
    found = look(install(sqlite_url, statuspage_api_url=double.api_url, **page))["Statuspage"]
    assert found.verdict is Verdict.PROBLEM
    assert "told-nobody" not in str(found)
    found = look(install(sqlite_url, statuspage_api_url="http://127.0.0.1:9", **page))["Statuspage"]
    assert found.verdict is Verdict.WARNING


@pytest.mark.server
def test_a_provider_must_answer_and_call_itself_as_the_setting_does(
    sqlite_url: str, tmp_path: Path
) -> None:
    def with_issuer(issuer: str) -> Finding:
        client = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        app = install(sqlite_url, oidc_issuer=issuer, oidc_name="Okta", **client, **NO_SLACK)
        return look(app)["Sign in with Okta"]

    with oidc_provider("http://localhost:8000/", tmp_path) as provider:
        assert with_issuer(provider.url).verdict is Verdict.OK
        spelled = with_issuer(f"{provider.url}/")
        assert spelled.verdict is Verdict.PROBLEM
        assert "OIDC_ISSUER" in spelled.remedy
        provider.be(Mode.DOWN)
        assert "cannot be read" in with_issuer(provider.url).words
    slack = {"slack_client_id": "1.2", "slack_client_secret": "x", "slack_bot_token": "xoxb-1"}
    app = install(sqlite_url, slack_issuer="http://127.0.0.1:9", **slack)
    assert "SLACK_ISSUER" in look(app)["Sign in with Slack"].remedy


def test_the_status_page_must_show_at_its_own_host(sqlite_url: str) -> None:
    port = free_port()
    app = install(sqlite_url, secret_key=GOOD_KEY, base_url=f"http://127.0.0.2:{port}", **NO_SLACK)
    assert look(app)["Status page"].words == "Switched off."
    with app.app_context():
        switch_on(db.session())
    assert look(app)["Status page"].words.endswith("/status.")
    with app.app_context():
        db.session.execute(text("UPDATE status_page_settings SET host = '127.0.0.1'"))
        db.session.commit()
    away = look(app)["Status page"]
    assert away.verdict is Verdict.WARNING
    server = make_server("127.0.0.1", port, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert look(app)["Status page"].verdict is Verdict.OK
    finally:
        server.shutdown()
        server.server_close()


class Choosy(Sink):
    """Takes no mail from a stranger."""

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("stranger"):
            return "553 Sender address rejected"
        envelope.mail_from = address
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[int]:
    controller = Controller(Choosy(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def test_the_mail_server_is_greeted_and_sent_nothing(sqlite_url: str) -> None:
    mail = {"mail_from": "bot@example.com", **NO_SLACK}
    with mail_server() as port:
        app = install(sqlite_url, smtp_url=f"smtp://127.0.0.1:{port}", **mail)
        assert look(app)["E-mail"].verdict is Verdict.OK
        refused = {"mail_from": "stranger@example.com", **NO_SLACK}
        app = install(sqlite_url, smtp_url=f"smtp://127.0.0.1:{port}", **refused)
        assert "MAIL_FROM stranger@example.com: Sender address" in look(app)["E-mail"].words
        # A password is not sent in the clear.
        app = install(sqlite_url, smtp_url=f"smtp://bot:hunter2@127.0.0.1:{port}", **mail)
        found = look(app)["E-mail"]
        assert found.verdict is Verdict.PROBLEM
        assert "no encryption" in found.words
    started = time.monotonic()
    app = install(sqlite_url, smtp_url=f"smtp://127.0.0.1:{port}", **mail)
    assert look(app)["E-mail"].verdict is Verdict.PROBLEM
    assert time.monotonic() - started < 30
