"""`flask …`: what an operator does at the command line."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, ScriptInfo, pass_script_info, with_appcontext

from incidentbot.audit.log import verify
from incidentbot.config import Settings
from incidentbot.database import write_transaction
from incidentbot.doctor.examination import examine
from incidentbot.doctor.findings import Finding, Verdict, worst
from incidentbot.extensions import db
from incidentbot.incidents.deliveries import retry_all, retry_delivery, skip_delivery
from incidentbot.incidents.errors import IncidentError
from incidentbot.outbox import operate
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.slack.manifest import manifest
from incidentbot.users.actor import OPERATOR
from incidentbot.users.members import invite_by_hand
from incidentbot.users.models import LinkPurpose, Role

users = AppGroup("users", help="People and their access.")
audit = AppGroup("audit", help="The audit log.")
slack = AppGroup("slack", help="The connection to Slack.")
deliveries = AppGroup("deliveries", help="What was and what is to be told outside.")


@users.command("invite")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    help="Who has an account keeps theirs by default; somebody new becomes a responder.",
)
@click.option("--name", default="", help="How the person is called; the e-mail address by default.")
def invite_user(email: str, role: str | None, name: str) -> None:
    """Give EMAIL an account and print a link that signs them in once."""
    with _refusals():
        _user, secret = invite_by_hand(
            db.session(),
            email,
            Role(role) if role else None,
            name,
            OPERATOR,
            LinkPurpose.SIGN_IN,
        )
    click.echo(f"{current_app.extensions['settings'].base_url}/sign-in/{secret}")


@audit.command("verify")
def verify_audit() -> None:
    """Prove that nobody changed the audit log; exit 1 and say where if somebody did."""
    problems = verify(db.session())
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(1)
    click.echo("The audit log is whole.")


@deliveries.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in DeliveryState]),
    help="Only these; by default what is to be made or was given up.",
)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
def list_all(states: tuple[str, ...], limit: int) -> None:
    """List deliveries, a line each: id, state, attempts, kind, target, last error."""
    chosen = [DeliveryState(state) for state in states] or operate.OPEN_STATES
    for delivery in operate.list_deliveries(db.session(), chosen, limit):
        click.echo(
            f"{delivery.id}\t{delivery.state.value}\t{delivery.attempts}\t{delivery.kind}\t"
            f"{delivery.target}\t{delivery.last_error or ''}"
        )


@deliveries.command("show")
@click.argument("delivery_id", type=int)
def show(delivery_id: int) -> None:
    """Print everything about one delivery, as JSON."""
    delivery = db.session().get(Delivery, delivery_id)
    if delivery is None:
        raise click.ClickException(f"There is no delivery {delivery_id}.")
    row = {column.key: getattr(delivery, column.key) for column in Delivery.__table__.columns}
    click.echo(json.dumps(row, indent=2, default=str, ensure_ascii=False))


@deliveries.command("retry")
@click.argument("delivery_id", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that was given up.")
def retry(delivery_id: int | None, everything: bool) -> None:
    """Try a delivery that was given up again, now."""
    if everything == (delivery_id is not None):
        raise click.UsageError("Name one delivery, or say --all.")
    if delivery_id is None:
        click.echo(f"tried again: {retry_all(db.session(), OPERATOR)}")
        return
    with _refusals():
        retry_delivery(db.session(), delivery_id, OPERATOR)
    click.echo(f"delivery {delivery_id} is tried again")


@deliveries.command("skip")
@click.argument("delivery_id", type=int)
def skip(delivery_id: int) -> None:
    """Leave a delivery out for good."""
    with _refusals():
        skip_delivery(db.session(), delivery_id, OPERATOR)
    click.echo(f"delivery {delivery_id} is left out")


@click.command("worker")
@pass_script_info
def worker(info: ScriptInfo) -> None:
    """Deliver, told by Redis what is due: as many processes as WORKERS says, until SIGTERM."""
    from incidentbot.worker import run  # RQ is of no use to the other commands

    app = info.load_app()
    settings: Settings = app.extensions["settings"]
    if settings.redis_url is None:
        raise click.ClickException(
            "flask worker needs REDIS_URL. Without Redis the web process delivers by itself."
        )
    run(app, settings.redis_url)


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look at the settings and all they name; say what to mend. Exit 1 on a problem."""
    findings: list[Finding] = []
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's type hides it
    for finding in examine(app):
        findings.append(finding)
        click.echo(f"{finding.verdict.value:8} {finding.what}: {finding.words}")
        if finding.remedy:
            click.echo(f"{'':8} → {finding.remedy}")
    verdict = worst(findings)
    if verdict is Verdict.PROBLEM:
        sys.exit(1)


@click.command("backup")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def backup(path: Path) -> None:
    """Copy the SQLite database to PATH while incidentbot runs. PostgreSQL has pg_dump."""
    if db.engine.dialect.name != "sqlite":
        raise click.ClickException(
            "This is PostgreSQL: pg_dump --format=custom --file=PATH, see docs/operations.md."
        )
    if path.exists():
        raise click.ClickException(f"{path} is there already.")
    with db.engine.connect() as connection:
        source: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]  # SQLite's
        with closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
    click.echo(f"{path} is a whole copy, to be restored by copying it back.")


@deliveries.command("after-restore")
def after_restore() -> None:
    """Have what was to be made at the time of a backup looked for before it is made again."""
    session = db.session()
    with write_transaction(session):
        doubted = operate.doubt_unfinished(session)
    click.echo(f"looked for before they are made: {doubted}")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except IncidentError as refusal:
        raise click.ClickException(str(refusal)) from None


@slack.command("manifest")
def print_manifest() -> None:
    """Print the manifest that creates the Slack app for this installation, as JSON."""
    settings: Settings = current_app.extensions["settings"]
    click.echo(json.dumps(manifest(settings.base_url), indent=2))


def register(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(users)
    app.cli.add_command(audit)
    app.cli.add_command(slack)
    app.cli.add_command(deliveries)
    app.cli.add_command(worker)
    app.cli.add_command(doctor)
    app.cli.add_command(backup)
