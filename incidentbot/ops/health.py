"""`/health`: whether this process can do its work. Public, cheap, without secrets."""

import logging

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from incidentbot.extensions import db

log = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)

VERSION = "0.1.0"


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
