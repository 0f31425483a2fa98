"""`/health` and `/ready`: whether this process can do its work. Public, cheap, without secrets."""

import logging
import threading
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from incidentbot.config import ROOT, Settings
from incidentbot.extensions import db
from incidentbot.ops.version import VERSION

log = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)
# Set once requests could be sent to this process.
blueprint.record(lambda setup: setup.app.extensions.setdefault("was_ready", threading.Event()))

REDIS_TIMEOUT_SECONDS = 1.0
# Set when this process was asked to end: send no more requests here.
stopping = threading.Event()


@blueprint.get("/health")
def health() -> tuple[Response, int]:
    """Return 200 when the database answers, 503 when it does not. Open to anyone."""
    try:
        db.session.execute(text("SELECT 1"))
        database = "connected"
    except SQLAlchemyError:
        log.exception("health check: no database")
        database = "unreachable"
    healthy = database == "connected"
    body = {
        "status": "healthy" if healthy else "unhealthy",
        "database": database,
        "version": VERSION,
    }
    return jsonify(body), 200 if healthy else 503


@blueprint.get("/ready")
def ready() -> tuple[Response, int]:
    """Return 200 when requests may be sent here, 503 when not (yet, or any more). Open to anyone.

    Without Redis people notice nothing, deliveries only start later: then it is ready, but degraded.
    So is a process that was ready while the database is away. All processes share that: if each said
    503, a load balancer would send people to nobody, and what they typed would not be kept for them.
    """
    settings: Settings = current_app.extensions["settings"]
    was_ready: threading.Event = current_app.extensions["was_ready"]
    database = _look_at_schema()
    body = {"database": database, "version": VERSION}
    has_redis = True
    if settings.redis_url is not None:
        has_redis = _redis_answers(settings.redis_url)
        body["redis"] = "connected" if has_redis else "unreachable"
    if stopping.is_set():
        status = "stopping"
    elif database == "current":
        was_ready.set()
        status = "ready" if has_redis else "degraded"
    else:
        is_passing = database == "unreachable" and was_ready.is_set()
        status = "degraded" if is_passing else "not ready"
    is_ready = status in ("ready", "degraded")
    return jsonify({"status": status, **body}), 200 if is_ready else 503


def _look_at_schema() -> str:
    try:
        return "current" if has_newest_schema(db.session.connection()) else "not migrated"
    except SQLAlchemyError:
        log.exception("readiness check: no database")
        return "unreachable"


def has_newest_schema(connection: Connection) -> bool:
    """Whether the database is as this version needs it.

    One that this version does not know is newer: while a deploy is under way the old version works
    on with the new schema.
    """
    if not inspect(connection).has_table("alembic_version"):
        return False
    there = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    every, newest = _revisions(ROOT / "migrations")
    return bool(there) and (there == newest or not there <= every)


@cache
def _revisions(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return every migration this version knows, and the newest."""
    scripts = ScriptDirectory(str(folder))
    return frozenset(s.revision for s in scripts.walk_revisions()), frozenset(scripts.get_heads())


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _redis_answers(url: str) -> bool:
    try:
        return bool(_client(url).ping())
    except RedisError:
        return False
