"""`flask doctor`: look at everything an installation needs, and say what to mend. Changes nothing."""

import json
import os
import smtplib
import ssl
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPException
from typing import Any

from flask import Flask
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from rq import Queue, Worker
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit.log import HEAD_ID
from incidentbot.audit.models import AuditEntry, AuditHead
from incidentbot.audit.replays import last_request_at
from incidentbot.channels import smtp
from incidentbot.channels.slack.check import Connection, State, check
from incidentbot.channels.statuspage.endpoints import page_name_or_gone
from incidentbot.channels.statuspage.link import Statuspage, link_for
from incidentbot.channels.statuspage.reconcile import list_all
from incidentbot.config import LOCAL_SECRET_KEY, Settings
from incidentbot.extensions import db
from incidentbot.ops.health import has_newest_schema
from incidentbot.outbox import operate
from incidentbot.outbox.dispatch import DeliveryError, Permanent, Skip
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.redis_wake import URGENT, connect
from incidentbot.routing.models import AudienceKind
from incidentbot.routing.rules import list_rules
from incidentbot.status_pages.connection import list_components, page_settings
from incidentbot.status_pages.settings import address_of
from incidentbot.web.sso import discovery_address

CLOCK_SKEW_SECONDS = 2.0
WAITING_SECONDS = 60.0
TIMEOUT_SECONDS = 5
SECRET_KEY_LENGTH = 32
OLDEST_REDIS = (6, 2)
# What keeps the append-only tables as they were written: see migrations/versions/0001_initial.py.
GUARDED = ("audit_entries", "timeline_events")
_ISSUER = {"slack": "SLACK_ISSUER", "oidc": "OIDC_ISSUER"}
_TRIGGERS_EACH = {"postgresql": 1, "sqlite": 2}  # SQLite needs one for UPDATE, one for DELETE


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, in words, and what to do about it."""

    verdict: Verdict
    what: str
    words: str
    remedy: str = ""


def examine(app: Flask) -> Iterator[Finding]:
    """Yield what is found, part by part. Nothing that is broken ends it."""
    settings: Settings = app.extensions["settings"]
    yield from _settings(settings)
    yield from _web_processes(settings)
    yield from _base_url(settings)
    session = db.session()
    reachable = _database(session, settings)
    yield from reachable
    if reachable[0].verdict is not Verdict.PROBLEM:
        statuspage = link_for(app.extensions)
        parts: tuple[Callable[[Session], Iterator[Finding]], ...] = (
            _triggers,
            _deliveries,
            _audit_head,
            lambda session: _statuspage(session, statuspage),
            lambda session: _own_page(session, settings),
        )
        for part in parts:
            yield from _guarded(part, session)
    yield from _redis(settings)
    yield from _slack(session, settings)
    yield from _providers(settings)
    yield from _mail(settings)


def worst(findings: list[Finding]) -> Verdict:
    """Return the worst verdict of all."""
    counted = Counter(finding.verdict for finding in findings)
    for verdict in (Verdict.PROBLEM, Verdict.WARNING):
        if counted[verdict]:
            return verdict
    return Verdict.OK


def _ok(what: str, words: str) -> Finding:
    return Finding(Verdict.OK, what, words)


def _warning(what: str, words: str, remedy: str) -> Finding:
    return Finding(Verdict.WARNING, what, words, remedy)


def _problem(what: str, words: str, remedy: str) -> Finding:
    return Finding(Verdict.PROBLEM, what, words, remedy)


def _guarded(part: Callable[[Session], Iterator[Finding]], session: Session) -> Iterator[Finding]:
    try:
        yield from part(session)
    except SQLAlchemyError as error:
        session.rollback()
        yield _problem(
            "Database", f"A question failed: {type(error).__name__}.", "Look at its log."
        )


def _settings(settings: Settings) -> Iterator[Finding]:
    yield _ok(
        "Settings", "Each one can be read."
    )  # else nothing starts: the list is printed instead
    key = settings.secret_key.get_secret_value()
    if key == LOCAL_SECRET_KEY:
        yield _warning(
            "SECRET_KEY",
            "Not set. That is refused as soon as BASE_URL is not this machine.",
            "SECRET_KEY=$(openssl rand -hex 32)",
        )
    elif len(key) < SECRET_KEY_LENGTH or len(set(key)) < 10:
        yield _problem(
            "SECRET_KEY",
            "It can be guessed, and whoever has it signs in as anybody.",
            "Set another: openssl rand -hex 32. Everybody signs in again.",
        )
    else:
        yield _ok("SECRET_KEY", f"{len(key)} characters long.")
    if not settings.is_local and settings.metrics_token is None and settings.metrics_port is None:
        yield _warning(
            "METRICS_TOKEN",
            "Anybody can read /metrics (counts, no names).",
            "Set it, and give it to Prometheus; or set METRICS_PORT, and /metrics is at that port only.",
        )
    if not settings.is_local and settings.proxy_hops == 0:
        yield _warning(
            "PROXY_HOPS",
            "0: behind a proxy everybody seems to come from the proxy's address.",
            "Set it to the number of proxies in front: 1 behind nginx or on Heroku, 2 on Fly.io, "
            "Railway and Render.",
        )
    elif settings.proxy_hops:
        yield _ok(
            "PROXY_HOPS",
            f"{settings.proxy_hops}. It must be what stands in front, or visitors can lie about "
            "their address.",
        )


def _web_processes(settings: Settings) -> Iterator[Finding]:
    wanted = os.environ.get("WEB_CONCURRENCY", "")  # gunicorn reads it
    if settings.redis_url is None and wanted.isdecimal() and int(wanted) > 1:
        yield _warning(
            "WEB_CONCURRENCY",
            f"{wanted} web processes, and no REDIS_URL: each delivers and paces itself alone, so that "
            "together they call Slack and Statuspage more often than these permit.",
            "Set REDIS_URL and run flask --app app worker, or set WEB_CONCURRENCY to 1.",
        )


def _base_url(settings: Settings) -> Iterator[Finding]:
    url = settings.base_url
    if settings.is_local:
        yield _ok("BASE_URL", f"{url}: for this machine alone.")
        return
    if not url.startswith("https://"):
        yield _problem(
            "BASE_URL",
            f"{url} is not encrypted: passwords and cookies can be read on the way.",
            "Use https, and set BASE_URL to it. Slack takes nothing else.",
        )
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=TIMEOUT_SECONDS):  # noqa: S310 - http or https
            yield _ok("BASE_URL", f"{url} answers.")
    except urllib.error.HTTPError as error:
        yield _warning(
            "BASE_URL",
            f"{url}/health answers with {error.code}.",
            "Is it incidentbot that answers there, and does it reach its database?",
        )
    except (OSError, ValueError) as error:
        yield _warning(
            "BASE_URL",
            f"{url} cannot be reached from here: {getattr(error, 'reason', error)}.",
            "If people and Slack reach it all the same, this server only may not call itself.",
        )


def _database(session: Session, settings: Settings) -> list[Finding]:
    """Return whether it answers, is migrated, and agrees about the time. A problem comes first."""
    kind = "PostgreSQL" if database.is_postgres(session) else "SQLite"
    try:
        is_new = has_newest_schema(session.connection())
        there = _clock_of(session)
    except SQLAlchemyError as error:
        session.rollback()
        remedy = (
            "Check DATABASE_URL, whether the server runs, and whether this machine may connect."
        )
        return [_problem("Database", f"{kind} cannot be reached: {type(error).__name__}.", remedy)]
    if not is_new:
        return [
            _problem(
                "Database", "Its schema is older than this version.", "flask --app app db upgrade"
            )
        ]
    found = [_ok("Database", f"{kind} answers, with the newest schema.")]
    if there is not None:
        skew = abs((there - datetime.now(UTC)).total_seconds())
        words = f"The database's and this machine's differ by {skew:.1f} seconds."
        if skew > CLOCK_SKEW_SECONDS:
            remedy = (
                "Keep both right with NTP. Slack's requests are refused when ours is 5 minutes off."
            )
            found.append(_warning("Clocks", words, remedy))
        else:
            found.append(_ok("Clocks", words))
    elif settings.redis_url is not None:
        remedy = "Use PostgreSQL as soon as there is more than one machine or worker."
        found.append(
            _warning("Database", "SQLite serves one machine only, REDIS_URL is set.", remedy)
        )
    return found


def _clock_of(session: Session) -> datetime | None:
    if not database.is_postgres(session):
        return None
    at: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return at


def _triggers(session: Session) -> Iterator[Finding]:
    if database.is_postgres(session):
        query = text(
            "SELECT c.relname, count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' GROUP BY c.relname"
        )
    else:
        query = text(
            "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' GROUP BY 1"
        )
    there = {str(table): int(count) for table, count in session.execute(query)}
    wanted = _TRIGGERS_EACH[session.get_bind().dialect.name]
    open_tables = [table for table in GUARDED if there.get(table, 0) < wanted]
    if open_tables:
        yield _problem(
            "Append-only tables",
            f"Nothing keeps {' and '.join(open_tables)} from being changed.",
            "Restore the triggers from migrations/versions/0001_initial.py, find out who removed them, "
            "and run: flask --app app audit verify",
        )
    else:
        yield _ok("Append-only tables", "The database refuses to change timeline and audit log.")


def _deliveries(session: Session) -> Iterator[Finding]:
    parked = session.scalar(
        select(func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.PARKED)
    )
    if parked:
        yield _warning(
            "Deliveries given up",
            f"{parked}: nobody was told.",
            "flask --app app deliveries list --state parked; mend the reason; deliveries retry --all",
        )
    else:
        yield _ok("Deliveries given up", "None.")
    since = operate.waiting_since(session)
    age = (database.now(session) - since).total_seconds() if since else 0.0
    if age > WAITING_SECONDS:
        yield _warning(
            "Oldest waiting delivery",
            f"It waits for {age:.0f} seconds.",
            "Does a worker run (flask --app app worker; without REDIS_URL the web process delivers)? "
            "flask --app app deliveries list says what each waits for.",
        )
    else:
        yield _ok("Oldest waiting delivery", f"{age:.0f} seconds." if since else "None waits.")


def _audit_head(session: Session) -> Iterator[Finding]:
    head = session.get(AuditHead, HEAD_ID, populate_existing=True)
    newest = session.execute(
        select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    ).first()
    if head is None or (newest is not None and (head.seq, head.hash) != tuple(newest)):
        yield _problem(
            "Audit log",
            "Its head is not its newest entry: somebody changed one of them.",
            "flask --app app audit verify says where.",
        )
    elif newest is None and head.seq:
        yield _problem("Audit log", f"Its {head.seq} entries are gone.", "Restore a backup.")
    else:
        words = f"{head.seq} entries, the newest has the hash {head.hash[:16]}…"
        yield _ok("Audit log", f"{words} (flask --app app audit verify reads all of it)")


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield _ok("Redis", "Not set: the web process delivers by itself.")
        return
    redis = connect(settings.redis_url)
    try:
        info: dict[str, Any] = _ask_redis(redis)
        listening = len(Worker.all(queue=Queue(URGENT, connection=redis)))
    except AuthenticationError:
        yield _problem("Redis", "It refuses the password.", "Correct REDIS_URL.")
        return
    except (RedisError, OSError) as error:
        yield _problem(
            "Redis",
            f"It cannot be reached: {type(error).__name__}.",
            "Check REDIS_URL and the server. Until then deliveries start a second later, and go on.",
        )
        return
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_REDIS:
        remedy = "Use 6.2 or newer."
        yield _warning("Redis", f"Version {version} is older than what we test with.", remedy)
    else:
        yield _ok("Redis", f"Version {version} answers.")
    policy = info.get("maxmemory_policy")
    if policy is None:
        yield _warning(
            "Redis eviction", "The server does not say what it does when full.", "noeviction"
        )
    elif policy != "noeviction":
        yield _warning(
            "Redis eviction",
            f"When full it deletes by {policy}: wake-ups get lost, and rate limits are forgotten.",
            "Set maxmemory-policy to noeviction.",
        )
    else:
        yield _ok("Redis eviction", "noeviction.")
    if listening:
        yield _ok("Workers", f"{listening} listen.")
    else:
        yield _problem(
            "Workers",
            "None listens at this Redis: nobody is told of anything.",
            "flask --app app worker, with the same REDIS_URL.",
        )


def _ask_redis(redis: Redis) -> dict[str, Any]:
    return {**redis.info("server"), **redis.info("memory")}


def _slack(session: Session, settings: Settings) -> Iterator[Finding]:
    try:
        rules = [rule for rule in list_rules(session) if rule.kind is AudienceKind.CHANNEL]
        last = last_request_at(session)
    except SQLAlchemyError:
        rules, last = [], None
    finally:
        session.rollback()  # no transaction is held while Slack is asked
    verdicts = {
        State.GOOD: Verdict.OK,
        State.PROBLEM: Verdict.PROBLEM,
        State.UNKNOWN: Verdict.WARNING,
    }
    if settings.slack is None:
        yield _warning(
            "Slack",
            "Not connected: SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are not set.",
            "flask --app app slack manifest creates the app; see docs/slack-setup.md.",
        )
        return
    connection = Connection(
        token=settings.slack.bot_token,
        api_url=settings.slack_api_url,
        channels=[rule.target for rule in rules],
        last_request=last,
    )
    for found in check(connection):
        words = f"{found.words} {found.at:%Y-%m-%d %H:%M} UTC." if found.at else found.words
        yield Finding(verdicts[found.state], f"Slack: {found.what}", words, found.remedy)


def _statuspage(session: Session, statuspage: Statuspage) -> Iterator[Finding]:
    """Ask Statuspage for what is read anyway. Whether the key may also write shows when it does."""
    what = "Statuspage"
    try:
        api = statuspage.api(session)
    except Skip:
        yield _ok(what, "No page is connected.")
        return
    except Permanent as lost:
        yield _problem(what, str(lost), "Or set SECRET_KEY to what it was.")
        return
    mapped = {row.component_id: row.name for row in list_components(session)}
    session.rollback()  # no transaction is held while Statuspage is asked
    try:
        name = page_name_or_gone(api)
        there = {component.id for component in list_all(api)}
    except Permanent as refusal:
        yield _problem(what, str(refusal), "Connect the page again under Settings, Statuspage.")
        return
    except DeliveryError as error:
        yield _warning(what, str(error), "Look at https://metastatuspage.com, and try again.")
        return
    yield _ok(what, f"The page {name} opens to our key.")
    gone = sorted(name for number, name in mapped.items() if number not in there)
    if gone:
        yield _problem(
            f"{what}: components",
            f"Not on the page any more: {', '.join(gone)}.",
            "Map their services again under Settings, Statuspage, Components.",
        )
    elif not mapped:
        yield _warning(
            f"{what}: components",
            "None follows a service: nothing on the page will change.",
            "Map them under Settings, Statuspage, Components.",
        )
    else:
        yield _ok(f"{what}: components", f"{len(mapped)} follow our services.")


def _own_page(session: Session, settings: Settings) -> Iterator[Finding]:
    page = page_settings(session)
    session.rollback()  # no transaction is held while its address is asked
    if page is None or not page.is_on:
        yield _ok("Status page", "Switched off.")
        return
    if settings.mail is None:
        yield _warning(
            "Status page",
            "Nobody can subscribe to it by e-mail.",
            "Set SMTP_URL and MAIL_FROM, if customers are to be told.",
        )
    if page.host is None:
        yield _ok("Status page", f"At {settings.base_url}/status.")
        return
    url = address_of(settings.base_url, page.host)
    try:
        with urllib.request.urlopen(f"{url}/api/v2/status.json", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - http or https
            json.load(answer)
    except (OSError, ValueError, HTTPException) as error:
        yield _warning(
            "Status page",
            f"{url} does not show it to this machine: {getattr(error, 'reason', error)}.",
            "Point the name at this installation, give it a certificate, and have the proxy pass on Host.",
        )
    else:
        yield _ok("Status page", f"{url} shows it.")


def _providers(settings: Settings) -> Iterator[Finding]:
    if not settings.providers:
        yield _ok("Single sign-on", "Not set: people sign in by e-mail and password.")
    for provider in settings.providers:
        what = f"Sign in with {provider.name}"
        url = discovery_address(provider)
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - http or https
                named = dict(json.load(answer)).get("issuer")
        except (OSError, ValueError, TypeError, HTTPException) as error:
            yield _problem(
                what,
                f"{url} cannot be read: {getattr(error, 'reason', error)}.",
                f"Check {_ISSUER[provider.key]}, and whether this machine may connect.",
            )
            continue
        if named != provider.issuer:
            yield _problem(
                what,
                f"The provider calls itself {named}, and the setting says {provider.issuer}.",
                f"Set {_ISSUER[provider.key]} to what it calls itself, to the letter.",
            )
        else:
            yield _ok(what, f"{named} answers.")


def _mail(settings: Settings) -> Iterator[Finding]:
    if settings.mail is None:
        yield _ok("E-mail", "Not set: admins hand out links by hand.")
        return
    try:
        smtp.try_connection(settings.mail)
    except DeliveryError as error:
        yield _problem("E-mail", str(error), "Correct SMTP_URL or MAIL_FROM.")
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        remedy = "Check SMTP_URL, and whether this machine may connect: many hosts block port 25."
        yield _problem("E-mail", f"The mail server cannot be used: {error}", remedy)
    else:
        yield _ok(
            "E-mail",
            f"{settings.mail.host} takes mail from {settings.mail.sender} (none was sent).",
        )
