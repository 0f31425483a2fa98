"""One incident's pages: live updates and their cost, the timeline's filter, forms, deliveries, audit."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.incidents import commands, queries
from incidentbot.incidents.action_items import add_action_item, list_action_items
from incidentbot.incidents.commands import Declaration
from incidentbot.incidents.deliveries import skip_delivery
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import EventKind, Incident, SeveritySetting, TimelineEvent
from incidentbot.incidents.people import add_person
from incidentbot.incidents.queries import list_newest_deliveries
from incidentbot.ops.version import VERSION
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import Effect, publish
from incidentbot.status_pages.models import SETTINGS_ID, StatusPageSettings
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role, User
from incidentbot.web.times import day_in_words
from incidentbot.web.zones import today_in

SignIn = Callable[[Role], FlaskClient]
Do = Callable[..., Any]


@pytest.fixture
def do(app: Flask) -> Do:
    """Return what calls a function of the core with a session of its own, as each request has."""

    def do(function: Callable[..., Any], *arguments: Any) -> Any:
        with app.app_context():
            return function(db.session(), *arguments)

    return do


@pytest.fixture
def ada(do: Do) -> Actor:
    """Ada commands INC-1, which is open to all, and INC-2, which is private."""
    user = do(invite, "ada@example.com", Role.RESPONDER, "Ada Lovelace")
    ada = actor_for(user, Door.WEB, "192.0.2.7")
    for title, is_private in (("Checkout is down", False), ("A leak", True)):
        declaration = Declaration(title, "P1", "payments", is_private=is_private)
        do(commands.declare, declaration, ada)
    return ada


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """Collect the queries that are made meanwhile."""
    queries: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            queries.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield queries
    event.remove(engine, "before_cursor_execute", note)


def told(answer: TestResponse) -> str:
    """Return a page's words, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def tell_a_lot(session: Session, number: int) -> None:
    """Give INC-1 a very long timeline."""
    with write_transaction(session):
        of = incident_id(session, 1)
        session.add_all(
            TimelineEvent(
                incident_id=of,
                seq=seq,
                kind=EventKind.UPDATE if seq % 2 else EventKind.NOTE,
                at=clock.now(),
                actor_name="Ada",
                door="web",
                text=f"number {seq}.",
                data={},
            )
            for seq in range(2, number + 1)
        )


def declare_earlier(session: Session, by: timedelta) -> None:
    with write_transaction(session):
        incident = session.scalars(select(Incident).where(Incident.number == 1)).one()
        incident.declared_at -= by


def name_the_p1_person(session: Session, name: str) -> None:
    with write_transaction(session):
        session.scalars(select(User).where(User.slack_user_id == "U0P1")).one().name = name


def park_the_channel(session: Session, reason: str) -> int:
    """Have the creation of INC-1's channel given up; return that delivery's number."""
    with write_transaction(session):
        parked = session.scalars(
            select(Delivery).where(Delivery.kind == "slack.war_room").order_by(Delivery.id)
        ).first()
        assert parked
        parked.state, parked.last_error = DeliveryState.PARKED, reason
        return parked.id


def finish_the_channel(session: Session) -> None:
    with write_transaction(session):
        for delivery in session.scalars(select(Delivery).where(Delivery.kind == "slack.war_room")):
            delivery.state, delivery.last_error = DeliveryState.DONE, None


def incident_id(session: Session, number: int) -> int:
    return session.scalars(select(Incident.id).where(Incident.number == number)).one()


def user_with(session: Session, email: str) -> User:
    return session.scalars(select(User).where(User.email == email)).one()


def events_on(answer: TestResponse) -> list[int]:
    return [int(seq) for seq in re.findall(r'<li id="event-(\d+)"', answer.text)]


@pytest.mark.usefixtures("ada")
def test_an_unchanged_page_costs_five_queries(app: Flask, signed_in: SignIn) -> None:
    viewer = signed_in(Role.VIEWER)
    etag = viewer.get("/incidents/INC-1/live").headers["ETag"]
    with counted(app) as queries:
        answer = viewer.get("/incidents/INC-1/live", headers={"If-None-Match": etag})
    assert answer.status_code == 304
    assert answer.data == b""
    assert len(queries) <= 5, queries


def etag_of(page: TestResponse) -> dict[str, str]:
    """Return the header with which a page asks for news."""
    found = re.search(r'data-etag="([^"]+)"', page.text)
    assert found
    return {"If-None-Match": unescape(found[1])}


def rate_updates(session: Session) -> None:
    """Have an update of a P1 due every 7 minutes."""
    with write_transaction(session):
        session.add(SeveritySetting(severity=Severity.P1, meaning="Bad", update_minutes=7))


def mail_to_subscribers(session: Session) -> None:
    with write_transaction(session):
        incident = session.scalars(select(Incident).where(Incident.number == 1)).one()
        mail = Effect(
            kind="email.subscribers",
            target="INC-1/1",
            stream="subscribers/INC-1",
            dedupe_key="INC-1/email.subscribers/1",
            incident_id=incident.id,
        )
        publish(session, [mail])


def switch_the_status_page_on(session: Session) -> None:
    with write_transaction(session):
        session.merge(StatusPageSettings(id=SETTINGS_ID, is_on=True, title="Status"))


def rename_the_commander(session: Session) -> None:
    with write_transaction(session):
        user_with(session, "ada@example.com").name = "Countess Lovelace"


@pytest.mark.parametrize(
    "change,shown",
    [
        (rate_updates, "Next update in"),
        (switch_the_status_page_on, "They have been told nothing of this incident."),
        (rename_the_commander, "Countess Lovelace"),
    ],
)
@pytest.mark.usefixtures("ada")
def test_what_changes_beside_the_incident_is_news_too(
    signed_in: SignIn, do: Do, change: Callable[[Session], None], shown: str
) -> None:
    viewer = signed_in(Role.VIEWER)
    known = etag_of(viewer.get("/incidents/INC-1"))
    assert viewer.get("/incidents/INC-1/live", headers=known).status_code == 304
    do(change)
    news = viewer.get("/incidents/INC-1/live", headers=known)
    assert news.status_code == 200
    assert shown in told(news)


def open_a_channel(session: Session) -> None:
    with write_transaction(session):
        session.get_one(Incident, incident_id(session, 1)).slack_channel_id = "C0INC&1"


@pytest.mark.parametrize(
    "api,href",
    [
        ("https://slack.com/api/", "https://slack.com/app_redirect?channel=C0INC%261"),
        ("http://127.0.0.1:8010/api/", "http://127.0.0.1:8010/app_redirect?channel=C0INC%261"),
    ],
)
@pytest.mark.usefixtures("ada")
def test_the_link_to_the_channel_leads_to_slack_or_to_the_sandbox(
    app: Flask, signed_in: SignIn, do: Do, api: str, href: str
) -> None:
    do(open_a_channel)
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"slack_api_url": api})
    assert f'href="{href}"' in signed_in(Role.VIEWER).get("/incidents/INC-1").text


@pytest.mark.usefixtures("ada")
def test_what_is_delivered_while_a_page_is_made_is_news_to_it(
    signed_in: SignIn, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(park_the_channel, "Slack refused: invalid_auth")
    read = queries.list_undelivered

    def read_just_before_it_is_done(*arguments: Any) -> Any:
        found = list(read(*arguments))
        do(finish_the_channel)
        return found

    viewer = signed_in(Role.VIEWER)
    with monkeypatch.context() as patch:
        patch.setattr(queries, "list_undelivered", read_just_before_it_is_done)
        page = viewer.get("/incidents/INC-1")
    assert "Not delivered yet" in told(page)
    news = viewer.get("/incidents/INC-1/live", headers=etag_of(page))
    assert news.status_code == 200
    assert "Not delivered yet" not in told(news)


@pytest.mark.parametrize("address", ["", "?event=3", "?before=100", "?show=people"])
@pytest.mark.usefixtures("ada")
def test_only_what_comes_after_the_newest_event_is_news(
    signed_in: SignIn, do: Do, address: str
) -> None:
    do(tell_a_lot, 450)
    page = signed_in(Role.VIEWER).get(f"/incidents/INC-1{address}")
    assert 'data-told="450"' in page.text


@pytest.mark.usefixtures("ada")
def test_what_may_have_the_focus_has_a_name_to_find_it_by(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(commands.post_update, "INC-1", ada, "Long. " * 200)
    news = signed_in(Role.VIEWER).get("/incidents/INC-1/live").text
    stops = re.findall(r"<(?:summary|a|button)\b[^>]*>", news.partition('id="incident-title"')[0])
    assert len(stops) >= 2
    assert [stop for stop in stops if " id=" not in stop] == []


@pytest.mark.usefixtures("ada")
def test_a_form_comes_back_to_the_timeline_as_it_was_filtered(signed_in: SignIn) -> None:
    responder = signed_in(Role.RESPONDER)
    for address in ("/incidents/INC-1?show=notes", "/incidents/INC-1/actions?show=notes"):
        assert 'action="/incidents/INC-1/note?show=notes"' in responder.get(address).text
    refused = responder.post("/incidents/INC-1/note?show=notes", data={"text": ""})
    assert refused.status_code == 422
    assert events_on(refused) == []
    taken = responder.post("/incidents/INC-1/note?show=notes", data={"text": "Seen"})
    assert taken.location == "/incidents/INC-1?show=notes"
    nonsense = responder.post("/incidents/INC-1/note?show=//evil.example", data={"text": "Seen"})
    assert nonsense.location == "/incidents/INC-1"


@pytest.mark.parametrize(
    "address", ["", "?show=notes", "?before=900", "?event=3", "/deliveries", "/audit"]
)
@pytest.mark.usefixtures("ada")
def test_no_page_of_an_incident_costs_over_12_queries(
    app: Flask, signed_in: SignIn, address: str, do: Do
) -> None:
    do(tell_a_lot, 1_000)
    admin = signed_in(Role.ADMIN)
    with counted(app) as queries:
        assert admin.get(f"/incidents/INC-1{address}").status_code == 200
    assert len(queries) <= 12, queries


def test_news_are_only_what_came_after_what_is_shown(signed_in: SignIn, ada: Actor, do: Do) -> None:
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/incidents/INC-1")
    known = etag_of(page)
    do(commands.add_note, "INC-1", ada, "Seen in the logs")
    do(commands.post_update, "INC-1", ada, "Rolling back")
    news = viewer.get("/incidents/INC-1/live?after=1", headers=known)
    assert news.status_code == 200
    assert events_on(news) == [2, 3]
    assert "Rolling back" in news.text
    filtered = viewer.get("/incidents/INC-1/live?after=1&show=notes", headers=known)
    assert events_on(filtered) == [2]


@pytest.mark.parametrize(
    "show,expected",
    [("updates", [1, 4]), ("notes", [2]), ("people", [3]), ("nonsense", [1, 2, 3, 4])],
)
def test_the_timeline_is_filtered_by_its_address(
    signed_in: SignIn, ada: Actor, show: str, expected: list[int], do: Do
) -> None:
    do(commands.add_note, "INC-1", ada, "A note")
    bob = do(invite, "bob@example.com", Role.RESPONDER, "Bob")
    do(add_person, "INC-1", ada, bob.id, "scribe")
    do(commands.post_update, "INC-1", ada, "An update")
    page = signed_in(Role.VIEWER).get(f"/incidents/INC-1?show={show}")
    assert events_on(page) == expected


@pytest.mark.usefixtures("ada")
def test_a_very_long_timeline_comes_in_stretches(signed_in: SignIn, do: Do) -> None:
    do(tell_a_lot, 450)
    viewer = signed_in(Role.VIEWER)
    newest = viewer.get("/incidents/INC-1")
    assert events_on(newest) == list(range(251, 451))
    earlier = viewer.get("/incidents/INC-1/timeline?before=251")
    assert events_on(earlier) == list(range(51, 251))
    assert "Show earlier" in earlier.text
    first = viewer.get("/incidents/INC-1?before=51")
    assert events_on(first) == list(range(1, 51))
    assert "Show earlier" not in first.text
    assert "Show the newest" in first.text


@pytest.mark.usefixtures("ada")
def test_a_link_to_an_older_event_shows_where_it_is(signed_in: SignIn, do: Do) -> None:
    do(tell_a_lot, 450)
    viewer = signed_in(Role.VIEWER)
    around = events_on(viewer.get("/incidents/INC-1?event=30"))
    assert 30 in around
    assert 450 not in around
    assert events_on(viewer.get("/incidents/INC-1?event=400"))[-1] == 450
    for nonsense in ("0", "-1", "x", "9" * 30, "²"):
        assert viewer.get(f"/incidents/INC-1?event={nonsense}").status_code == 200


@pytest.mark.usefixtures("ada")
def test_the_page_says_when_the_next_update_is_due(signed_in: SignIn, do: Do) -> None:
    viewer = signed_in(Role.VIEWER)
    assert re.search(r"Next update in (29|30) min", told(viewer.get("/incidents/INC-1")))
    do(declare_earlier, timedelta(minutes=42))
    assert "Next update overdue by 12 min" in told(viewer.get("/incidents/INC-1"))


@pytest.mark.usefixtures("ada")
def test_what_is_not_ones_own_to_do_is_shown_with_the_reason(signed_in: SignIn) -> None:
    responder = told(signed_in(Role.RESPONDER).get("/incidents/INC-1"))
    assert "Only the commander, Ada Lovelace, can do these." in responder
    assert "Take over the command" in responder
    viewer = signed_in(Role.VIEWER).get("/incidents/INC-1")
    assert "Viewers can read this incident, but change nothing." in told(viewer)
    assert 'name="message"' not in viewer.text


@pytest.mark.usefixtures("ada")
def test_an_admin_says_why_they_act_in_the_commanders_place(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    refused = admin.post("/incidents/INC-1/resolve", data={"message": "Rolled back"})
    assert refused.status_code == 422
    assert 'id="resolve-override-error"' in refused.text
    assert "Rolled back</textarea>" in refused.text
    sent = {"message": "Rolled back", "override_reason": "Ada is on a plane"}
    assert admin.post("/incidents/INC-1/resolve", data=sent).status_code == 302
    page = told(admin.get("/incidents/INC-1/audit"))
    assert "In the commander's place" in page
    assert "Ada is on a plane" in page
    assert "status: declared → resolved" in page


@pytest.mark.parametrize(
    "name,typed,field",
    [
        ("note", {"text": ""}, "note-text"),
        ("add-person", {"person": "x", "role": "scribe"}, "add-person-person"),
        ("add-person", {"person": "1", "role": "king"}, "add-person-role"),
        ("remove-person", {"person": ""}, "remove-person-person"),
        ("action-item", {"text": " ", "owner": ""}, "item-text"),
        ("action-item", {"text": "Keep me", "owner": "x"}, "item-owner"),
        ("action-item", {"text": "Keep me", "owner": "", "due": "soon"}, "item-due"),
        ("hand-over", {"commander": "0"}, "hand-over-commander"),
    ],
)
@pytest.mark.usefixtures("ada")
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    signed_in: SignIn, name: str, typed: dict[str, str], field: str
) -> None:
    sent = {**typed, "override_reason": "Because of <b>"}
    answer = signed_in(Role.ADMIN).post(f"/incidents/INC-1/{name}", data=sent)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert typed.get("text", "").strip() in answer.text
    assert "<b>" not in answer.text


WRITTEN = "We rolled <back>"


@pytest.mark.parametrize(
    "before,name,typed",
    [
        ("resolve", "resolve", {"message": WRITTEN, "public": "All is well"}),
        ("resolve", "update", {"message": WRITTEN, "public": "All is well"}),
        ("resolve", "cancel", {"reason": WRITTEN}),
        ("cancel", "cancel", {"reason": WRITTEN}),
        ("severity", "severity", {"severity": "P2", "reason": WRITTEN}),
        ("", "reopen", {"reason": WRITTEN}),
    ],
)
def test_what_came_too_late_is_offered_as_a_note(
    signed_in: SignIn, ada: Actor, do: Do, before: str, name: str, typed: dict[str, str]
) -> None:
    earlier: dict[str, Callable[[], Any]] = {
        "resolve": lambda: do(commands.resolve, "INC-1", ada),
        "cancel": lambda: do(commands.cancel, "INC-1", ada, "An exercise"),
        "severity": lambda: do(commands.change_severity, "INC-1", ada, "P2"),
    }
    if before:
        earlier[before]()
    sent = {**typed, "override_reason": "Ada is on a plane"}
    answer = signed_in(Role.ADMIN).post(f"/incidents/INC-1/{name}", data=sent)
    assert answer.status_code == 409
    assert "alert-success" not in answer.text, "else the browser drops its draft"
    assert re.search(r'<div class="alert alert-danger"[^>]*>INC-1 (was|is)', answer.text)
    assert '<details id="panel-note" open>' in answer.text
    assert 'href="#panel-note">What you wrote is kept.' in answer.text
    note = re.search(r'id="note-text" name="text"[^>]*>\n([^<]*)<', answer.text)
    assert note is not None
    assert unescape(note[1]) == WRITTEN
    public = re.search(r'id="late-public"[^>]*readonly[^>]*>\n([^<]*)<', answer.text)
    assert (public[1] if public else "") == typed.get("public", "")


@pytest.mark.usefixtures("ada")
def test_a_text_that_was_refused_is_a_link_away(signed_in: SignIn) -> None:
    responder = signed_in(Role.RESPONDER)
    answer = responder.post("/incidents/INC-1/resolve", data={"message": WRITTEN})
    assert answer.status_code == 403
    assert 'href="#panel-resolve">What you wrote is kept.' in answer.text
    assert 'id="panel-resolve"' in answer.text
    nothing = responder.post("/incidents/INC-1/resolve", data={"message": ""})
    assert "What you wrote" not in nothing.text


def test_who_was_late_with_nothing_written_is_told_so(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(commands.resolve, "INC-1", ada)
    admin = signed_in(Role.ADMIN)
    assert admin.post("/incidents/INC-1/resolve", data={"override_reason": "x"}).status_code == 302
    page = admin.get("/incidents/INC-1").text
    assert re.search(r'alert-warning" role="alert"[^>]*>INC-1 was already resolved', page)


@pytest.mark.usefixtures("ada")
def test_an_action_item_that_is_mended_leads_back_to_the_postmortem(signed_in: SignIn) -> None:
    responder = signed_in(Role.RESPONDER)
    sent = {"text": " ", "back": "postmortem"}
    answer = responder.post("/incidents/INC-1/action-item", data=sent)
    assert answer.status_code == 422
    assert '<input type="hidden" name="back" value="postmortem">' in answer.text


@pytest.mark.usefixtures("ada")
def test_a_permalink_in_other_letters_keeps_its_event(signed_in: SignIn) -> None:
    answer = signed_in(Role.VIEWER).get("/incidents/inc-1?event=3&_external=1&show=notes")
    assert answer.location == "/incidents/INC-1?event=3&show=notes"


@pytest.mark.usefixtures("ada")
def test_a_form_sent_twice_is_done_once(signed_in: SignIn, do: Do) -> None:
    responder = signed_in(Role.RESPONDER)
    sent = {"text": "Alert on declines", "owner": "", "due": "", "request_key": "k" * 32}
    for _ in range(2):
        assert responder.post("/incidents/INC-1/action-item", data=sent).status_code == 302
    with_items = do(list_action_items, do(incident_id, 1))
    assert [item.text for item in with_items] == ["Alert on declines"]


@pytest.mark.usefixtures("ada")
def test_people_join_leave_and_are_given_roles_through_the_page(signed_in: SignIn, do: Do) -> None:
    responder, admin = signed_in(Role.RESPONDER), signed_in(Role.ADMIN)
    assert responder.post("/incidents/INC-1/join").status_code == 302
    user = do(user_with, "responder@example.com")
    assert f"{user.name} Responder" in told(responder.get("/incidents/INC-1"))
    scribe = {"person": str(user.id), "role": "scribe", "override_reason": "Ada asked me"}
    assert admin.post("/incidents/INC-1/add-person", data=scribe).status_code == 302
    assert f"{user.name} Scribe" in told(responder.get("/incidents/INC-1"))
    assert responder.post("/incidents/INC-1/leave").status_code == 302
    assert f"{user.name} Scribe" not in told(responder.get("/incidents/INC-1"))


def test_who_leaves_a_private_incident_comes_to_the_list(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    responder = signed_in(Role.RESPONDER)
    user = do(user_with, "responder@example.com")
    do(add_person, "INC-2", ada, user.id, "responder")
    assert "Private" in told(responder.get("/incidents/INC-2"))
    answer = responder.post("/incidents/INC-2/leave")
    assert (answer.status_code, answer.location) == (302, "/")
    assert responder.get("/incidents/INC-2").status_code == 404


@pytest.mark.parametrize(
    "address",
    ["", "/live", "/actions", "/timeline", "/deliveries", "/postmortem", "/postmortem/download"],
)
@pytest.mark.usefixtures("ada")
def test_a_private_incident_is_not_found_at_any_address(signed_in: SignIn, address: str) -> None:
    for role in (Role.VIEWER, Role.RESPONDER):
        answer = signed_in(role).get(f"/incidents/INC-2{address}")
        assert answer.status_code == 404
        assert "A leak" not in answer.text


def test_an_action_item_of_another_incident_cannot_be_reached(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(add_action_item, "INC-2", ada, "Secret", None)
    (secret,) = do(list_action_items, do(incident_id, 2))
    for item in (str(secret.id), "x", ""):
        answer = signed_in(Role.RESPONDER).post("/incidents/INC-1/finish-item", data={"item": item})
        assert answer.status_code == 404
        assert "Secret" not in answer.text
    assert do(list_action_items, do(incident_id, 2))[0].done_at is None


def test_an_item_is_ticked_off_and_opened_again(signed_in: SignIn, ada: Actor, do: Do) -> None:
    do(add_action_item, "INC-1", ada, "Alert", ada.user_id, "2020-01-01")
    (item,) = do(list_action_items, do(incident_id, 1))
    responder = signed_in(Role.RESPONDER)
    assert "Ada Lovelace · overdue since 1 Jan 2020" in told(responder.get("/incidents/INC-1"))
    done = {"item": str(item.id), "back": "postmortem"}
    answer = responder.post("/incidents/INC-1/finish-item", data=done)
    assert answer.location == "/incidents/INC-1/postmortem"
    assert "Open again" in told(responder.get("/incidents/INC-1/postmortem"))
    responder.post("/incidents/INC-1/finish-item", data={"item": str(item.id), "done": "no"})
    assert "1 open" in told(responder.get("/incidents/INC-1"))


def test_an_item_is_overdue_by_the_readers_own_day(signed_in: SignIn, ada: Actor, do: Do) -> None:
    """In these two places it is never the same day."""
    responder = signed_in(Role.RESPONDER)
    user = do(user_with, "responder@example.com")
    day = today_in("Pacific/Niue")
    do(add_action_item, "INC-1", ada, "Alert", user.id, day.isoformat())
    for zone, said in (("Pacific/Niue", "due"), ("Pacific/Kiritimati", "overdue since")):
        responder.set_cookie("zone", zone)
        for address in ("/incidents/INC-1", "/incidents/INC-1/postmortem", "/me"):
            assert f"· {said} {day_in_words(day)}" in told(responder.get(address)), address


def test_a_cancelled_incident_says_when_it_ended(signed_in: SignIn, ada: Actor, do: Do) -> None:
    do(commands.cancel, "INC-1", ada, "A test")
    page = signed_in(Role.VIEWER).get("/incidents/INC-1")
    assert re.search(
        r'<li class="step-now *" aria-current="step"><span>Cancelled</span>', page.text
    )
    assert re.search(r"Cancelled a false alarm, \d+ \w+ \d{4}, \d\d:\d\d UTC", told(page))
    assert "Monitoring" not in told(page).partition("Timeline")[0]


def test_what_the_state_forbids_is_shown_with_the_reason(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    admin, responder = signed_in(Role.ADMIN), signed_in(Role.RESPONDER)
    early = (
        "Not now It is open: declared. Reopen "
        "It is declared. The post-mortem can be drafted once it is resolved. Draft the post-mortem"
    )
    assert early in told(admin.get("/incidents/INC-1"))
    do(commands.resolve, "INC-1", ada)
    page = admin.get("/incidents/INC-1/actions")
    late = (
        "Not now It is resolved. Add a note, or reopen it first. "
        "Post an update Resolve Change severity Cancel"
    )
    assert late in told(page).rpartition("Add an action item")[2], "what one may do comes first"
    assert page.text.count('aria-disabled="true" aria-describedby="later-why-1"') == 4
    others = told(responder.get("/incidents/INC-1"))
    assert "Not yours to do" in others
    assert "Not now" not in others
    do(commands.draft_postmortem, "INC-1", ada)
    do(commands.reopen, "INC-1", ada, "again")
    assert "Draft the post-mortem" not in told(admin.get("/incidents/INC-1/actions"))
    do(commands.cancel, "INC-1", ada, "A test")
    assert "can be drafted" not in told(admin.get("/incidents/INC-1"))


def test_an_item_is_changed_on_the_page_and_a_refusal_keeps_what_was_typed(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(add_action_item, "INC-1", ada, "Alert", ada.user_id, "2020-01-01")
    (item,) = do(list_action_items, do(incident_id, 1))
    responder = signed_in(Role.RESPONDER)
    page = responder.get("/incidents/INC-1").text
    assert f'id="item-{item.id}-text"' in page
    assert 'value="2020-01-01"' in page
    typed = {"item": str(item.id), "text": "Alert on declines", "owner": "", "due": "soon"}
    refused = responder.post("/incidents/INC-1/change-item", data=typed)
    assert refused.status_code == 422
    assert f'id="item-{item.id}-due-error"' in refused.text
    assert "Alert on declines</textarea>" in refused.text
    sent = {**typed, "due": "2030-01-01", "back": "postmortem"}
    answer = responder.post("/incidents/INC-1/change-item", data=sent)
    assert answer.location == "/incidents/INC-1/postmortem"
    assert "Alert on declines Nobody yet · due 1 Jan 2030" in told(
        responder.get("/incidents/INC-1")
    )
    for nothing in ("x", "", "999999"):
        answer = responder.post("/incidents/INC-1/change-item", data={**sent, "item": nothing})
        assert answer.status_code == 404


def test_the_deliveries_name_people_and_say_why_something_was_left_out(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(name_the_p1_person, "Priya P.")
    do(commands.change_severity, "INC-1", ada, "P2")
    do(commands.change_severity, "INC-1", ada, "P1", "Worse")
    viewer = signed_in(Role.VIEWER)
    page = told(viewer.get("/incidents/INC-1/deliveries"))
    assert "A direct message for Priya P. Incident declared" in page
    assert "Throttled: this person had a message about this incident" in page
    assert "U0P1" not in page
    assert "/skip" not in viewer.get("/incidents/INC-1/deliveries").text


@pytest.mark.usefixtures("ada")
def test_a_mail_to_the_subscribers_has_no_place(signed_in: SignIn, do: Do) -> None:
    do(mail_to_subscribers)
    page = told(signed_in(Role.VIEWER).get("/incidents/INC-1/deliveries"))
    assert "Mail to the status page's subscribers Waiting" in page


def test_an_end_that_is_put_off_says_until_when(signed_in: SignIn, ada: Actor, do: Do) -> None:
    do(commands.change_severity, "INC-1", ada, "P1", "Worse")
    do(commands.resolve, "INC-1", ada)
    page = told(signed_in(Role.VIEWER).get("/incidents/INC-1/deliveries"))
    assert "Put off until" in page
    assert "this person had a message about this incident within 5 minutes Waiting" in page


@pytest.mark.usefixtures("ada")
def test_deliveries_of_another_incident_are_not_shown(signed_in: SignIn, do: Do) -> None:
    others = {d.id for d in do(list_newest_deliveries, do(incident_id, 2), 100)}
    page = signed_in(Role.ADMIN).get("/incidents/INC-1/deliveries").text
    shown = {int(number) for number in re.findall(r"/deliveries/(\d+)/skip", page)}
    assert others
    assert shown
    assert not shown & others


@pytest.mark.usefixtures("ada")
def test_an_admin_retries_what_was_given_up_and_comes_back(signed_in: SignIn, do: Do) -> None:
    number = do(park_the_channel, "Slack refused: invalid_auth")
    admin = signed_in(Role.ADMIN)
    answer = admin.get("/incidents/INC-1/deliveries?show=open")
    assert "Slack refused: invalid_auth" in told(answer)
    assert "Given up" in told(answer)
    assert '<input type="hidden" name="show" value="open">' in answer.text
    sent = {"incident": "INC-1", "show": "open", "before": "900"}
    answer = admin.post(f"/settings/deliveries/{number}/retry", data=sent)
    assert answer.location == "/incidents/INC-1/deliveries?show=open&before=900"
    assert "is tried again" in told(admin.get("/incidents/INC-1/deliveries"))
    do(skip_delivery, number, actor_for(do(user_with, "admin@example.com"), Door.WEB, ""))
    admin.post(f"/settings/deliveries/{number}/retry", data={"incident": "INC-1"})
    assert 'alert-warning" role="alert"' in admin.get("/incidents/INC-1/deliveries").text


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example"])
@pytest.mark.usefixtures("ada")
def test_coming_back_leads_nowhere_else(signed_in: SignIn, elsewhere: str) -> None:
    sent = {"incident": elsewhere}
    answer = signed_in(Role.ADMIN).post("/settings/deliveries/1/retry", data=sent)
    assert answer.location.startswith("/incidents/")


def test_long_lists_go_on_without_a_gap(signed_in: SignIn, ada: Actor, do: Do) -> None:
    for number in range(60):
        do(commands.add_note, "INC-1", ada, f"note {number}.")
    admin = signed_in(Role.ADMIN)
    for tab, pattern in (("audit", r"entry (\d+)<"), ("deliveries", r"deliveries/(\d+)/skip")):
        seen: list[int] = []
        address = f"/incidents/INC-1/{tab}"
        while address:
            page = admin.get(address).text
            seen += [int(number) for number in re.findall(pattern, page)]
            older = re.search(rf'href="(/incidents/INC-1/{tab}\?before=[^"]+)"', page)
            address = unescape(older[1]) if older else ""
        assert len(seen) > 60
        assert seen == sorted(set(seen), reverse=True), tab


def test_the_audit_tab_is_for_admins(signed_in: SignIn, ada: Actor, do: Do) -> None:
    assert signed_in(Role.RESPONDER).get("/incidents/INC-1/audit").status_code == 403
    assert "Audit" not in told(signed_in(Role.RESPONDER).get("/incidents/INC-1"))
    bob = do(invite, "bob@example.com", Role.RESPONDER, "Bob")
    do(commands.hand_over, "INC-1", ada, bob.id)
    page = told(signed_in(Role.ADMIN).get("/incidents/INC-1/audit"))
    assert "commander: Ada Lovelace → Bob" in page
    assert "192.0.2.7" in page


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("tab", ["", "/customers", "/deliveries", "/audit", "/postmortem"])
def test_each_tab_of_an_incident_is_among_the_incidents(signed_in: SignIn, tab: str) -> None:
    page = signed_in(Role.ADMIN).get(f"/incidents/INC-1{tab}").text
    assert '<a href="/" aria-current="true">Incidents</a>' in page


def test_the_postmortem_is_previewed_without_being_saved(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(commands.resolve, "INC-1", ada)
    do(commands.draft_postmortem, "INC-1", ada)
    admin = signed_in(Role.ADMIN)
    sent = {"body": "# Mine\n\n<script>x</script>", "version": "1", "preview": "1"}
    page = admin.post("/incidents/INC-1/postmortem/edit", data=sent)
    assert "<h2>Mine</h2>" in page.text
    assert "<script>x" not in page.text
    assert "# Mine" in page.text
    part = admin.post("/incidents/INC-1/postmortem/edit", data=sent, headers={"HX-Request": "true"})
    assert "<h2>Mine</h2>" in part.text
    assert "<html" not in part.text
    assert "Mine" not in admin.get("/incidents/INC-1/postmortem").text


def test_a_save_without_the_reason_still_meets_the_conflict_after(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(commands.resolve, "INC-1", ada)
    do(commands.draft_postmortem, "INC-1", ada)
    do(commands.edit_postmortem, "INC-1", ada, "# Ada's", 1)
    admin = signed_in(Role.ADMIN)
    address = "/incidents/INC-1/postmortem/edit"
    mine = {"body": "# Mine", "version": "1"}
    refused = admin.post(address, data=mine)
    assert refused.status_code == 422
    assert 'name="version" value="1"' in refused.text
    assert f"<span>incidentbot {VERSION}</span>" in refused.text  # not the text's version
    conflict = admin.post(address, data={**mine, "override_reason": "Ada is ill"})
    assert conflict.status_code == 409
    assert "# Ada&#39;s" in conflict.text
    assert 'name="version" value="2"' in conflict.text


def test_the_export_lists_the_action_items(signed_in: SignIn, ada: Actor, do: Do) -> None:
    do(commands.resolve, "INC-1", ada)
    do(commands.draft_postmortem, "INC-1", ada)
    do(add_action_item, "INC-1", ada, "Alert on declines", ada.user_id, "2026-12-31")
    exported = signed_in(Role.VIEWER).get("/incidents/INC-1/postmortem/download").text
    assert "| Alert on declines | Ada Lovelace | 2026-12-31 |  |" in exported


def test_the_export_names_our_pages_by_where_people_open_them(
    signed_in: SignIn, ada: Actor, do: Do
) -> None:
    do(commands.resolve, "INC-1", ada)
    do(commands.draft_postmortem, "INC-1", ada)
    do(commands.edit_postmortem, "INC-1", ada, "[Its twin](/incidents/INC-2)", 1)
    exported = signed_in(Role.VIEWER).get("/incidents/INC-1/postmortem/download").text
    assert exported == "[Its twin](http://localhost:8000/incidents/INC-2)"
