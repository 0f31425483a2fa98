"""The database, what stands in it, Redis, and who delivers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from rq import Queue, Worker
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from incidentbot import database
from incidentbot.audit.log import HEAD_ID
from incidentbot.audit.models import AuditEntry, AuditHead
from incidentbot.config import Settings
from incidentbot.doctor.findings import Finding, ok, problem, warning
from incidentbot.ops.health import has_newest_schema
from incidentbot.outbox import operate
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.redis_wake import URGENT, connect

CLOCK_SKEW_SECONDS = 2.0
WAITING_SECONDS = 60.0
OLDEST_REDIS = (6, 2)
# What keeps the append-only tables as they were written: see migrations/versions/0001_initial.py.
GUARDED = ("audit_entries", "timeline_events")
_TRIGGERS_EACH = {"postgresql": 1, "sqlite": 2}  # SQLite needs one for UPDATE, one for DELETE


def check_database(session: Session, settings: Settings) -> list[Finding]:
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
        return [problem("Database", f"{kind} cannot be reached: {type(error).__name__}.", remedy)]
    if not is_new:
        return [
            problem(
                "Database", "Its schema is older than this version.", "flask --app app db upgrade"
            )
        ]
    found = [ok("Database", f"{kind} answers, with the newest schema.")]
    if there is not None:
        skew = abs((there - datetime.now(UTC)).total_seconds())
        words = f"The database's and this machine's differ by {skew:.1f} seconds."
        if skew > CLOCK_SKEW_SECONDS:
            remedy = (
                "Keep both right with NTP. Slack's requests are refused when ours is 5 minutes off."
            )
            found.append(warning("Clocks", words, remedy))
        else:
            found.append(ok("Clocks", words))
    elif settings.redis_url is not None:
        remedy = "Use PostgreSQL as soon as there is more than one machine or worker."
        found.append(
            warning("Database", "SQLite serves one machine only, REDIS_URL is set.", remedy)
        )
    return found


def _clock_of(session: Session) -> datetime | None:
    if not database.is_postgres(session):
        return None
    at: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return at


def check_triggers(session: Session) -> Iterator[Finding]:
    """Yield whether the database keeps timeline and audit log as they were written."""
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
        yield problem(
            "Append-only tables",
            f"Nothing keeps {' and '.join(open_tables)} from being changed.",
            "Restore the triggers from migrations/versions/0001_initial.py, find out who removed them, "
            "and run: flask --app app audit verify",
        )
    else:
        yield ok("Append-only tables", "The database refuses to change timeline and audit log.")


def check_deliveries(session: Session) -> Iterator[Finding]:
    """Yield what was given up, and how long the oldest delivery waits."""
    parked = session.scalar(
        select(func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.PARKED)
    )
    if parked:
        yield warning(
            "Deliveries given up",
            f"{parked}: nobody was told.",
            "flask --app app deliveries list --state parked; mend the reason; deliveries retry --all",
        )
    else:
        yield ok("Deliveries given up", "None.")
    since = operate.waiting_since(session)
    age = (database.now(session) - since).total_seconds() if since else 0.0
    if age > WAITING_SECONDS:
        yield warning(
            "Oldest waiting delivery",
            f"It waits for {age:.0f} seconds.",
            "Does a worker run (flask --app app worker; without REDIS_URL the web process delivers)? "
            "flask --app app deliveries list says what each waits for.",
        )
    else:
        yield ok("Oldest waiting delivery", f"{age:.0f} seconds." if since else "None waits.")


def check_audit_head(session: Session) -> Iterator[Finding]:
    """Yield whether the audit log ends where its head says."""
    head = session.get(AuditHead, HEAD_ID, populate_existing=True)
    newest = session.execute(
        select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    ).first()
    if head is None or (newest is not None and (head.seq, head.hash) != tuple(newest)):
        yield problem(
            "Audit log",
            "Its head is not its newest entry: somebody changed one of them.",
            "flask --app app audit verify says where.",
        )
    elif newest is None and head.seq:
        yield problem("Audit log", f"Its {head.seq} entries are gone.", "Restore a backup.")
    else:
        words = f"{head.seq} entries, the newest has the hash {head.hash[:16]}…"
        yield ok("Audit log", f"{words} (flask --app app audit verify reads all of it)")


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Yield whether Redis answers, keeps what it is given, and has workers listening."""
    if settings.redis_url is None:
        yield ok("Redis", "Not set: the web process delivers by itself.")
        return
    redis = connect(settings.redis_url)
    try:
        info: dict[str, Any] = _ask_redis(redis)
        listening = len(Worker.all(queue=Queue(URGENT, connection=redis)))
    except AuthenticationError:
        yield problem("Redis", "It refuses the password.", "Correct REDIS_URL.")
        return
    except (RedisError, OSError) as error:
        yield problem(
            "Redis",
            f"It cannot be reached: {type(error).__name__}.",
            "Check REDIS_URL and the server. Until then deliveries start a second later, and go on.",
        )
        return
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_REDIS:
        remedy = "Use 6.2 or newer."
        yield warning("Redis", f"Version {version} is older than what we test with.", remedy)
    else:
        yield ok("Redis", f"Version {version} answers.")
    policy = info.get("maxmemory_policy")
    if policy is None:
        yield warning(
            "Redis eviction", "The server does not say what it does when full.", "noeviction"
        )
    elif policy != "noeviction":
        yield warning(
            "Redis eviction",
            f"When full it deletes by {policy}: wake-ups get lost, and rate limits are forgotten.",
            "Set maxmemory-policy to noeviction.",
        )
    else:
        yield ok("Redis eviction", "noeviction.")
    if listening:
        yield ok("Workers", f"{listening} listen.")
    else:
        yield problem(
            "Workers",
            "None listens at this Redis: nobody is told of anything.",
            "flask --app app worker, with the same REDIS_URL.",
        )


def _ask_redis(redis: Redis) -> dict[str, Any]:
    return {**redis.info("server"), **redis.info("memory")}
