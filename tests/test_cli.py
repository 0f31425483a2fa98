"""The command line: invite a person, verify the audit log, print Slack's manifest."""

import json
from urllib.parse import urlsplit

import pytest
from click.testing import Result
from flask import Flask

from incidentbot import create_app
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.users.links import redeem_link
from incidentbot.users.models import Role, User
from tests import team as fixtures
from tests.installation import small_company
from tests.team import Team

team = fixtures.team
migrated_sqlite, migrated_postgres = fixtures.migrated_sqlite, fixtures.migrated_postgres

BASE_URL = "https://incidents.example.com"


@pytest.fixture
def app(team: Team) -> Flask:
    return create_app(small_company(team.database_url, base_url=BASE_URL, secret_key="cli"))


def run(app: Flask, *arguments: str) -> Result:
    result = app.test_cli_runner().invoke(args=arguments)
    with app.app_context():
        db.engine.dispose()
    return result


def test_an_invited_person_gets_a_link_that_signs_them_in(app: Flask) -> None:
    result = run(app, "users", "invite", "Lin@example.com", "--role", "admin", "--name", "Lin")
    assert result.exit_code == 0
    link = urlsplit(result.stdout.strip())
    assert f"{link.scheme}://{link.netloc}" == BASE_URL
    with app.app_context():
        redeemed = redeem_link(db.session(), link.path.removeprefix("/sign-in/"), "here")
        assert redeemed is not None
        user = redeemed.user
        assert (user.email, user.name, user.role) == ("lin@example.com", "Lin", Role.ADMIN)
        db.engine.dispose()


def test_who_is_invited_without_more_words_is_a_responder(app: Flask) -> None:
    assert run(app, "users", "invite", "lin@example.com").exit_code == 0
    with app.app_context():
        user = db.session.query(User).filter_by(email="lin@example.com").one()
        assert (user.role, user.name) == (Role.RESPONDER, "lin@example.com")
        db.engine.dispose()


def test_a_link_for_somebody_known_leaves_their_role_and_is_audited(app: Flask, team: Team) -> None:
    assert run(app, "users", "invite", "lin@example.com", "--role", "admin").exit_code == 0
    assert "/sign-in/" in run(app, "users", "invite", "lin@example.com").stdout
    assert [entry.after for entry in team.audit()] == [{"role": "admin", "link": "shown"}] * 2
    assert run(app, "users", "invite", "lin@example.com", "--role", "viewer").exit_code == 0
    assert team.audit()[-1].before == {"role": "admin"}


def test_an_unknown_role_is_refused_with_those_there_are(app: Flask) -> None:
    result = run(app, "users", "invite", "lin@example.com", "--role", "king")
    assert result.exit_code == 2
    assert all(role.value in result.stderr for role in Role)
    with app.app_context():
        assert db.session.query(User).filter_by(email="lin@example.com").count() == 0
        db.engine.dispose()


def test_a_whole_audit_log_is_said_to_be_whole(team: Team, app: Flask) -> None:
    team.declare()
    result = run(app, "audit", "verify")
    assert (result.exit_code, result.stdout) == (0, "The audit log is whole.\n")


def test_a_changed_audit_log_is_told_and_ends_with_1(team: Team, app: Flask) -> None:
    team.declare()
    team.do(commands.resolve, "INC-1", team.ada)
    team.unguard("audit_entries")
    team.execute(
        "UPDATE audit_entries SET actor_name = 'Somebody' WHERE seq = 1",
        "UPDATE audit_head SET seq = 3",
    )
    result = run(app, "audit", "verify")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "entry 1 was changed",
        "the log ends at entry 2, its head says 3",
    ]
    assert result.stdout == ""


def test_the_manifest_points_at_this_installation(app: Flask) -> None:
    result = run(app, "slack", "manifest")
    assert result.exit_code == 0
    manifest = json.loads(result.stdout)
    commands_of_ours = manifest["features"]["slash_commands"]
    assert [command["command"] for command in commands_of_ours] == ["/incident", "/inc"]
    door = f"{BASE_URL}/slack/events"
    assert {command["url"] for command in commands_of_ours} == {door}
    assert manifest["settings"]["interactivity"]["request_url"] == door
    assert "chat:write" in manifest["oauth_config"]["scopes"]["bot"]
