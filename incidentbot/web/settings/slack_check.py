"""Whether Slack is connected as it should be, and the manifest that connects it."""

import json
from urllib.parse import urlencode

from flask import Blueprint, current_app, render_template, request

from incidentbot.audit.replays import last_request_at
from incidentbot.channels.slack.check import Connection, Finding, State, check
from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.routing.models import AudienceKind
from incidentbot.routing.rules import list_rules
from incidentbot.users.directory import about_directory

blueprint = Blueprint("slack_check", __name__, url_prefix="/settings/slack")

APPS = "https://api.slack.com/apps"


@blueprint.get("")
def index() -> str:
    """Show the manifest, and the button that checks the connection. For admins."""
    return _page(None)


@blueprint.post("")
def run() -> str:
    """Ask Slack now, and show what was found. For admins."""
    settings = _settings()
    session = db.session()
    rules = [rule for rule in list_rules(session) if rule.kind is AudienceKind.CHANNEL]
    connection = Connection(
        token=settings.slack.bot_token if settings.slack else None,
        api_url=settings.slack_api_url,
        channels=[rule.target for rule in rules],
        last_request=last_request_at(session),
    )
    session.rollback()  # no transaction is held while Slack is asked
    findings = check(connection)
    if request.headers.get("HX-Request"):
        return render_template("settings/_findings.html", findings=findings, states=State)
    return _page(findings)


def _page(findings: list[Finding] | None) -> str:
    settings = _settings()
    manifest = current_app.extensions["slack_manifest"]
    create = urlencode({"new_app": 1, "manifest_json": json.dumps(manifest, separators=(",", ":"))})
    return render_template(
        "settings/slack.html",
        findings=findings,
        states=State,
        manifest=json.dumps(manifest, indent=2),
        create_url=f"{APPS}?{create}",
        apps_url=APPS,
        is_local=settings.is_local,
        base_url=settings.base_url,
        directory=about_directory(db.session()),
    )


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
