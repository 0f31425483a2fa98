"""Everything is looked at, part by part, whatever is broken."""

from collections.abc import Callable, Iterator

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from incidentbot.channels.statuspage.link import link_for
from incidentbot.config import Settings
from incidentbot.doctor.findings import Finding, Verdict, problem
from incidentbot.doctor.services import (
    check_mail,
    check_own_page,
    check_providers,
    check_slack,
    check_statuspage,
)
from incidentbot.doctor.settings import check_base_url, check_settings, check_web_processes
from incidentbot.doctor.storage import (
    check_audit_head,
    check_database,
    check_deliveries,
    check_redis,
    check_triggers,
)
from incidentbot.extensions import db


def examine(app: Flask) -> Iterator[Finding]:
    """Yield what is found, part by part. Nothing that is broken ends it."""
    settings: Settings = app.extensions["settings"]
    yield from check_settings(settings)
    yield from check_web_processes(settings)
    yield from check_base_url(settings)
    session = db.session()
    reachable = check_database(session, settings)
    yield from reachable
    if reachable[0].verdict is not Verdict.PROBLEM:
        statuspage = link_for(app.extensions)
        parts: tuple[Callable[[Session], Iterator[Finding]], ...] = (
            check_triggers,
            check_deliveries,
            check_audit_head,
            lambda session: check_statuspage(session, statuspage),
            lambda session: check_own_page(session, settings),
        )
        for part in parts:
            yield from _guarded(part, session)
    yield from check_redis(settings)
    yield from check_slack(session, settings)
    yield from check_providers(settings)
    yield from check_mail(settings)


def _guarded(part: Callable[[Session], Iterator[Finding]], session: Session) -> Iterator[Finding]:
    try:
        yield from part(session)
    except SQLAlchemyError as error:
        session.rollback()
        yield problem("Database", f"A question failed: {type(error).__name__}.", "Look at its log.")
