"""`flask …`: what an operator does at the command line."""

import json
import sys

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from incidentbot.audit.log import verify
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.slack.manifest import manifest
from incidentbot.users.models import Role
from incidentbot.users.people import invite, make_sign_in_secret

users = AppGroup("users", help="People and their access.")
audit = AppGroup("audit", help="The audit log.")
slack = AppGroup("slack", help="The connection to Slack.")


@users.command("invite")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="responder")
@click.option("--name", default="", help="How the person is called; the e-mail address by default.")
def invite_user(email: str, role: str, name: str) -> None:
    """Give EMAIL an account and print a link that signs them in once."""
    session = db.session()
    user = invite(session, email, Role(role), name)
    secret = make_sign_in_secret(session, user)
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
