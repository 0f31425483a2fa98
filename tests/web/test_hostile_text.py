"""Whatever people type, a page shows it as text: planted wherever text is kept, looked for on every page."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import String, Text, func, select, update

from incidentbot.extensions import db
from incidentbot.incidents import action_items, commands
from incidentbot.incidents.commands import Declaration
from incidentbot.users.actor import Door, actor_for
from incidentbot.users.models import Role, User
from tests.web.test_access import requests_of

HOSTILE = "\"'><img src=x onerror=pwn()><script>pwn()</script>{{7*7}}${7*7}</textarea>"
IMPORT_MAP = {"type": "importmap"}  # it runs nothing
# Text that has a shape of its own, which the core checks; nobody can type these.
SHAPED = {
    "email",
    "slug",
    "slack_user_id",
    "slack_channel_id",
    "slack_channel_name",
    "secret_hash",
    "password_hash",
    "time_zone",
    "theme",
    "hash",
    "previous_hash",
    "request_id",
    "issuer",
    "subject",
    "signature_hash",
    "stream",
    "dedupe_key",
    "kind",
    "target",
    "holder",
    "door",
    "actor_role",
    "action",
    "host",
}
APPEND_ONLY = {"audit_entries", "timeline_events"}


class Elements(HTMLParser):
    """Collects what a browser would run: elements and attributes that came out of the text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_ours = (given.get("src") or "").startswith("/static/") or given == IMPORT_MAP
        if tag == "script" and not is_ours:
            self.found.append(self.get_starttag_text() or tag)
        if tag in ("img", "iframe", "object", "embed") and "/static/" not in (
            given.get("src") or ""
        ):
            self.found.append(self.get_starttag_text() or tag)
        for name, value in attrs:
            script = (value or "").strip().lower().startswith(("javascript:", "data:text"))
            if name.startswith("on") or (name in ("href", "action", "src") and script):
                self.found.append(self.get_starttag_text() or tag)


@pytest.fixture
def planted(app: Flask, signed_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    """An admin in an installation where every text is hostile."""
    admin = signed_in(Role.ADMIN)
    with app.app_context():
        session = db.session()
        user = session.scalars(select(User).where(User.role == Role.ADMIN)).one()
        person = actor_for(user, Door.WEB, HOSTILE)
        declared = Declaration(HOSTILE[:100], "P1", "payments", user.id, HOSTILE)
        reference = commands.declare(session, declared, person).incident.reference
        commands.post_update(session, reference, person, HOSTILE)
        commands.add_note(session, reference, person, HOSTILE)
        action_items.add_action_item(session, reference, person, HOSTILE, user.id)
        commands.resolve(session, reference, person, HOSTILE)
        commands.draft_postmortem(session, reference, person)
        commands.edit_postmortem(session, reference, person, HOSTILE, 1)
        for table in db.metadata.sorted_tables:
            texts = [
                column.name
                for column in table.columns
                if type(column.type) in (String, Text)
                and column.name not in SHAPED
                and not column.primary_key
            ]
            if table.name in APPEND_ONLY:
                continue
            for name in texts:
                plant = update(table).values({name: HOSTILE[:100]})
                if table.c[name].unique:  # only one can have it
                    plant = plant.where(
                        table.c.id == select(func.min(table.c.id)).scalar_subquery()
                    )
                session.execute(plant)
        session.commit()
    return admin


def test_no_page_runs_what_people_typed(app: Flask, planted: FlaskClient) -> None:
    seen = 0
    for endpoint, method, address in requests_of(app):
        if method != "GET" or endpoint == "static":
            continue
        query = f"q={HOSTILE}&status={HOSTILE}&next={HOSTILE}"
        answer = planted.get(f"{address}?{query}", buffered=True)
        assert answer.status_code < 500, endpoint
        if answer.mimetype != "text/html":
            assert answer.headers["X-Content-Type-Options"] == "nosniff", endpoint
            continue
        page = Elements()
        page.feed(answer.text)
        assert page.found == [], endpoint
        seen += "pwn()" in answer.text
    assert seen >= 5  # it was there to be shown


def test_a_refused_form_shows_what_was_typed_as_text(planted: FlaskClient) -> None:
    typed = dict.fromkeys(("title", "severity", "service", "summary", "commander"), HOSTILE)
    answer = planted.post("/incidents/new", data=typed)
    assert answer.status_code == 422
    page = Elements()
    page.feed(answer.text)
    assert page.found == []
    assert "pwn()" in answer.text
