"""Whatever people type: a clear answer, never a 500, and nothing that Slack would refuse."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from incidentbot.channels.slack import blocks
from incidentbot.extensions import db
from incidentbot.incidents.models import Incident
from incidentbot.incidents.queries import get_incident, latest_update, list_timeline
from incidentbot.sandbox.slack.blocks import message_problems, view_problems
from incidentbot.slack import modals
from incidentbot.slack.commands import SUBCOMMANDS
from incidentbot.users.actor import SYSTEM
from tests.installation import install
from tests.slack.sender import declare, send, slash, submission

HOSTILE = (
    "<!channel> <!here> <@U0EVIL> <https://evil.example|click>",
    "*bold* _it_ ~no~ `code` ```block``` > quote",
    "<script>alert(1)</script> {{ 7*7 }} %s %(x)s ${x}",
    "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "🔥" * 60,
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\u200b\u200d\ufeff",
    "\x00\x01\x1b[31m",
    "\ud800 lone surrogate",
    "a" * 10_000,
    "&" * 10_000,
    "<" * 3_000,
    "\n" * 500 + "x",
    "x\n" * 2_000,
    "INC-1",
    "' OR 1=1 --",
)
ANY_TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(), max_size=300),
    st.text(alphabet="<>&!@#|*_~`\n ", min_size=1, max_size=4_000),
)
MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("hostile")
    return install(f"sqlite:///{folder / 'incidentbot.db'}")


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    declare(client, "The one that is talked about")
    return client


def assert_fit_for_slack(answer: Any) -> None:
    """Check an answer as Slack would."""
    if not answer:
        return
    if answer.get("response_action") == "errors":
        assert all(text and len(text) <= 2_000 for text in answer["errors"].values())
        return
    if "view" in answer:
        assert view_problems(answer["view"], "modal") == []
        return
    assert 0 < len(answer["text"]) <= 4_000
    assert_nothing_injected(answer["text"])
    assert message_problems(answer.get("blocks", [])) == []


def assert_nothing_injected(text: str) -> None:
    for injected in ("<!channel", "<!here", "<!everyone", "<@U0EVIL>", "<https://evil"):
        assert injected not in text


def everything_shown_of(incident: Incident) -> Iterator[tuple[list[Any], str]]:
    """Yield all that is ever sent to Slack about an incident: blocks, and the text beside them."""
    session = db.session()
    base_url = "https://incidents.example.com"
    latest = latest_update(session, incident.id)
    events = list_timeline(session, incident.id)
    line = blocks.summary_line(incident)
    yield blocks.card(incident, latest, base_url), line
    yield blocks.announcement(incident, latest, base_url), line
    yield blocks.timeline(incident, events, base_url), line
    for event in events[-3:]:
        text = blocks.event_text(incident, event)
        yield blocks.event_blocks(incident, event, base_url), text
        yield blocks.direct_message(incident, event, base_url), text
    assert len(blocks.topic(incident, base_url)) <= 250


@MANY
@given(title=ANY_TEXT, summary=ANY_TEXT, name=ANY_TEXT)
@example(title="<" * 100, summary="&" * 10_000, name="<!channel>")
def test_any_title_and_summary_is_declared_or_refused_at_its_field(
    app: Flask, client: FlaskClient, title: str, summary: str, name: str
) -> None:
    values = {
        "title": title,
        "severity": "P1",
        "service": "payments",
        "commander": "U0ADA",
        "summary": summary,
    }
    response = send(client, submission("declare", values))
    assert response.status_code == 200, response.text
    answer = response.json
    assert answer is not None
    assert_fit_for_slack(answer)
    if answer["response_action"] == "errors":
        assert set(answer["errors"]) <= {"title", "summary"}
        return
    reference = answer["view"]["title"]["text"].split()[0]
    with app.app_context():
        incident = get_incident(db.session(), reference, SYSTEM)
        incident.commander.name = name[:120].encode("utf-8", "ignore").decode() or "x"
        for shown, text in everything_shown_of(incident):
            assert message_problems(shown) == []
            assert 0 < len(text) <= 4_000
            assert_nothing_injected(text)
            assert_nothing_injected(
                json.dumps([b for b in shown if b["type"] != "header"], ensure_ascii=False)
            )
        for view in (modals.update_view(incident), modals.take_over_view(incident)):
            assert view_problems(view, "modal") == []
        db.session.rollback()


@MANY
@given(word=st.sampled_from([*SUBCOMMANDS, "", "statsu"]), text=ANY_TEXT, named=st.booleans())
def test_any_text_after_any_word_gets_a_clear_answer(
    app: Flask, client: FlaskClient, word: str, text: str, named: bool
) -> None:
    typed = " ".join(part for part in (word, "INC-1" if named else "", text) if part)
    if word == "declare":
        return  # opens a modal: the next test
    response = send(client, slash(typed))
    assert response.status_code == 200, response.text
    assert_fit_for_slack(response.json if response.is_json else None)
    with app.app_context():
        incident = get_incident(db.session(), "INC-1", SYSTEM)
        for shown, _text in everything_shown_of(incident):
            assert message_problems(shown) == []
            assert_nothing_injected(
                json.dumps([b for b in shown if b["type"] != "header"], ensure_ascii=False)
            )


@MANY
@given(title=ANY_TEXT)
def test_the_declare_modal_opens_with_any_title_and_loses_nothing_typed(
    app: Flask, title: str
) -> None:
    with app.app_context():
        typed = title.encode("utf-8", "ignore").decode()
        view = modals.declare_view(db.session(), "U0ADA", typed)
        assert view_problems(view, "modal") == []
        if len(typed) <= 3_000:
            shown = [b["element"].get("initial_value", "") for b in view["blocks"]]
            assert any(typed == text or typed in text for text in shown)


def test_a_long_list_of_incidents_fits_into_one_answer(client: FlaskClient) -> None:
    for _ in range(60):
        declare(client, "<&>" * 33)
    answer = send(client, slash("list")).json
    assert answer
    assert int(answer["text"].removeprefix("Open incidents: ")) >= 60  # all are counted
    shown = answer["blocks"]
    assert len(shown) < 20
    assert message_problems(shown) == []


@pytest.mark.parametrize("count", [0, 1, 2, 100, 101, 999])
def test_the_declare_modal_offers_any_number_of_services(tmp_path: Path, count: int) -> None:
    names = tuple(f"service {number}" for number in range(count)) or ("-",)
    app = install(f"sqlite:///{tmp_path / 'incidentbot.db'}", services=names)
    with app.app_context():
        view = modals.declare_view(db.session(), "U0ADA")
    assert view_problems(view, "modal") == []
