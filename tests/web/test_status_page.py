"""The status page over HTTP: for everyone, cheap for many, without a cookie, and at its own host alone."""

import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.ops import metrics
from incidentbot.status_pages import public_ids
from incidentbot.users.models import Role
from incidentbot.web import kept, status_page
from incidentbot.web.status_page import StatusSite
from tests.status_pages.shown import switch_on
from tests.web.status_site import commander, declare, forget, status_app

DOCUMENTS = (
    "summary",
    "status",
    "components",
    "incidents",
    "incidents/unresolved",
    "scheduled-maintenances",
    "scheduled-maintenances/upcoming",
    "scheduled-maintenances/active",
)
EVERYTHING = (
    "/status",
    "/status/history",
    "/status.atom",
    "/status/badge.svg",
    *(f"/api/v2/{document}.json" for document in DOCUMENTS),
)
DIALOGUES = ("/status/subscribe", "/status/confirm/x", "/status/unsubscribe/x")


@pytest.fixture
def app(sqlite_url: str) -> Flask:
    return status_app(sqlite_url, smtp_url="smtp://127.0.0.1:9", mail_from="status@example.com")


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_all_of_it_is_missing_while_it_is_switched_off(app: Flask, client: FlaskClient) -> None:
    declare(app)
    for address in (*EVERYTHING, *DIALOGUES, "/status/incidents/INC-1"):
        assert client.get(address).status_code == 200, address
    with app.app_context():
        switch_on(db.session(), is_on=False)
    forget(app)
    for address in (*EVERYTHING, "/status/subscribe", "/status/incidents/INC-1"):
        assert client.get(address).status_code == 404, address
    for address in ("/status/confirm/x", "/status/unsubscribe/x"):
        assert client.get(address).status_code == 200, "what a mail links to works on"
    assert client.post("/status/subscribe", data={"email": "a@b.example"}).status_code == 404


def test_it_says_how_everything_is_in_words(app: Flask, client: FlaskClient) -> None:
    assert "All services work" in client.get("/status").text
    reference = declare(app)
    page = client.get("/status").text
    assert "There is a major outage" in page
    assert "Outage of Card payments" in page
    assert "Payments fail." in page
    assert "30 % × time in partial outage" in page
    incident = client.get(f"/status/incidents/{reference}").text
    assert "Payments fail." in incident
    assert client.get("/status/incidents/INC-99").status_code == 404
    assert client.get("/status/incidents/nonsense").status_code == 404


def test_who_mistypes_an_address_finds_the_way_to_the_page_while_it_is_on(
    app: Flask, client: FlaskClient
) -> None:
    def way() -> bool:
        own = client.get("/nowhere", base_url="http://status.acme.example")
        found = [client.get("/status/incidents/INC-99"), client.get("/status/incidents/x"), own]
        assert {answer.status_code for answer in found} == {404}
        ways = {'href="/status">How everything is now' in answer.text for answer in found}
        assert len(ways) == 1
        return ways.pop()

    for is_on in (True, False):
        with app.app_context():
            switch_on(db.session(), is_on=is_on, host="status.acme.example")
        forget(app)
        assert way() is is_on


def test_nobody_gets_a_cookie_and_everybody_may_keep_it(
    app: Flask, signed_in: Callable[[Role], FlaskClient]
) -> None:
    for reader in (app.test_client(), signed_in(Role.ADMIN)):
        for address in EVERYTHING:
            answer = reader.get(address)
            assert "Set-Cookie" not in answer.headers, address
            assert "Cookie" not in answer.headers.get("Vary", ""), address
            assert "public, max-age=15" in answer.headers["Cache-Control"], address
            assert "stale-if-error=86400" in answer.headers["Cache-Control"], address
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for address in DIALOGUES:
            answer = reader.get(address)
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"


def test_what_a_reader_has_already_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    for address in EVERYTHING:
        first = client.get(address)
        again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), address
        forget(app)  # nothing that is read has changed, so its tag has not
        again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304, address
    declare(app)
    news = client.get("/status", headers={"If-None-Match": first.headers["ETag"]})
    assert news.status_code == 200


def test_it_is_sent_packed_to_who_can_unpack_it(client: FlaskClient) -> None:
    plain = client.get("/status")
    packed = client.get("/status", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 3
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert packed.headers["Vary"] == "Accept-Encoding"


def test_many_readers_cost_the_queries_of_one(app: Flask) -> None:
    declare(app)
    with statements(app) as seen, ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda _n: app.test_client().get("/status").status_code, range(64)))
    assert codes == [200] * 64
    assert 0 < len(seen) <= 14, "one reading, begun and ended"
    with statements(app) as seen:
        for address in EVERYTHING:
            if address != "/status/history":
                app.test_client().get(address)
    assert seen == []


def test_one_builds_it_anew_while_the_others_have_the_last_one() -> None:
    shelf: kept.Shelf[int] = kept.Shelf(seconds=0)
    assert shelf.get("page", lambda: 1) == (1, False)
    begun, go_on, answers = threading.Event(), threading.Event(), []

    def slow() -> int:
        begun.set()
        go_on.wait(10)
        return 2

    builder = threading.Thread(target=lambda: answers.append(shelf.get("page", slow)))
    builder.start()
    begun.wait(10)
    assert shelf.get("page", lambda: 3) == (1, False)
    go_on.set()
    builder.join()
    assert answers == [(2, False)]


def test_who_waits_for_what_fails_is_told_so_at_once_and_it_is_tried_again_later() -> None:
    tried = []

    def fail() -> int:
        tried.append(1)
        raise RuntimeError("not today")

    patient: kept.Shelf[int] = kept.Shelf(seconds=60)
    for _reader in range(3):
        with pytest.raises(RuntimeError):
            patient.get("page", fail)
    assert len(tried) == 1
    eager: kept.Shelf[int] = kept.Shelf(seconds=0)
    with pytest.raises(RuntimeError):
        eager.get("page", fail)
    assert eager.get("page", lambda: 1) == (1, False)


def test_a_shelf_keeps_no_more_than_it_may() -> None:
    shelf: kept.Shelf[int] = kept.Shelf(seconds=60, most=2)
    for name in "abc":
        shelf.get(name, lambda: 1)
    assert shelf.get("c", lambda: 2) == (1, False)
    assert shelf.get("a", lambda: 2) == (2, False)


def test_the_last_known_page_is_shown_while_the_database_is_away(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(app)
    site: StatusSite = app.extensions["status_site"]
    site.readings = kept.Shelf(seconds=0)
    known = client.get("/status").text
    assert "right now we cannot look" not in known
    part_pages = ("/status/incidents/INC-1", "/status/history")
    for page in part_pages:
        assert "right now we cannot look" not in client.get(page).text

    monkeypatch.setattr(status_page, "_read", away)
    late = client.get("/status")
    assert late.status_code == 200
    assert "right now we cannot look" in late.text
    assert "Payments fail." in late.text
    for page in part_pages:
        assert "right now we cannot look" in client.get(page).text, page
    assert client.get("/api/v2/summary.json").status_code == 200
    forget(app)
    nothing_known = client.get("/status")
    assert nothing_known.status_code == 503
    assert "cannot be shown right now" in nothing_known.text


def away(_read: object) -> None:
    raise OperationalError("SELECT", None, Exception("gone"))


def test_at_its_own_host_there_is_the_status_page_and_nothing_else(
    app: Flask, signed_in: Callable[[Role], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        switch_on(db.session(), host="status.acme.example")
    forget(app)
    admin = signed_in(Role.ADMIN)
    own = "http://status.acme.example:8000"
    assert "All services work" in admin.get("/", base_url=own).text
    assert admin.get("/api/v2/status.json", base_url=own).status_code == 200
    assert admin.get("/static/css/status.css", base_url=own).status_code == 200
    for closed in ("/incidents/new", "/sign-in", "/health", "/metrics", "/settings/status-page"):
        answer = admin.get(closed, base_url=own)
        assert answer.status_code == 404, closed
        assert "incidentbot" not in answer.text
        assert "Set-Cookie" not in answer.headers
    assert admin.post("/slack/events", base_url=own).status_code == 404
    assert admin.post("/", base_url=own).status_code == 404
    assert admin.get("/nowhere", base_url=own).status_code == 404
    # While the database is away it stays so.
    with app.app_context():
        app.extensions["status_site"].hosts.forget()
    monkeypatch.setattr(status_page, "_read", away)
    assert admin.get("/incidents/new", base_url=own).status_code == 404
    monkeypatch.undo()
    # Where the app is, it is as before; and so it is for names that are nobody's.
    assert "Incidents" in admin.get("/").text
    assert admin.get("/health", base_url="http://10.0.0.7").status_code == 200
    summary = admin.get("/api/v2/summary.json").json
    assert summary["page"]["url"] == "http://status.acme.example:8000"


OWN = "http://status.acme.example:8000"


@pytest.fixture
def hosted(app: Flask) -> Flask:
    """The app with a host of the status page's own, and nothing kept of it yet."""
    with app.app_context():
        switch_on(db.session(), host="status.acme.example")
    forget(app)
    return app


def assert_for_customers(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert "css/status.css" in answer.text
    assert "incidentbot" not in answer.text


def test_at_its_own_host_whatever_fails_is_said_in_words_for_customers(
    hosted: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = hosted.test_client()
    assert_for_customers(client.get("/status/badge/%00.svg", base_url=OWN), 400)
    monkeypatch.setattr(status_page, "_read", away)
    assert_for_customers(client.get("/", base_url=OWN), 503)
    monkeypatch.setattr(status_page, "_read", broken)
    forget(hosted)
    hosted.extensions["status_site"].hosts.get("own", lambda: "status.acme.example")
    hosted.config["PROPAGATE_EXCEPTIONS"] = False
    assert_for_customers(client.get("/", base_url=OWN), 500)


def broken(_read: object) -> None:
    raise RuntimeError("a mistake of ours")


def test_a_host_that_cannot_be_looked_up_may_be_the_customers(
    hosted: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosted.extensions["status_site"] = StatusSite()  # as a process begins
    monkeypatch.setattr(status_page, "_read", away)
    client = hosted.test_client()
    for address in ("/", "/sign-in", "/status", "/incidents/new"):
        assert_for_customers(client.get(address, base_url=OWN), 503)
    assert client.get("/health", base_url=OWN).mimetype == "application/json"
    assert client.get("/static/css/status.css", base_url=OWN).status_code == 200
    assert client.get("/").status_code == 302, "the app's own address is known"


def test_metrics_know_what_answered_at_the_own_host(
    hosted: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(
        metrics, "request_answered", lambda endpoint, *_more: counted.append(endpoint)
    )
    hosted.test_client().get("/", base_url=OWN).close()
    assert counted == ["status_page.index"]


def test_a_place_in_the_history_that_is_none_of_ours_begins_at_the_top(
    app: Flask, client: FlaskClient
) -> None:
    declare(app)
    for before in ("1_99999999999999999999", "1_-1", "9" * 40, "x_1"):
        answer = client.get("/status/history", query_string={"before": before})
        assert answer.status_code == 200, before
        assert "Payments fail." in answer.text, before


def test_an_incident_is_kept_by_its_number_however_it_is_written(
    app: Flask, client: FlaskClient
) -> None:
    declare(app)
    declare(app, public="Search is slow.", service="search")
    for written in (" " * 20 + "INC-1", "inc-1", "1"):
        assert "Payments fail." in client.get(f"/status/incidents/{written}").text
    assert "Search is slow." in client.get("/status/incidents/" + " " * 20 + "INC-2").text


def test_the_feed_tells_incidents_in_order_of_their_news(app: Flask, client: FlaskClient) -> None:
    first = declare(app)
    declare(app, public="Search is slow \ufffe & <b>bad</b>.", service="search")
    with app.app_context():
        commands.post_update(db.session(), first, commander(), "internal", "Half of them work.")
    forget(app)
    answer = client.get("/status.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = ET.fromstring(answer.data)  # noqa: S314 - made by ourselves just now
    atom = "{http://www.w3.org/2005/Atom}"
    assert [entry.findtext(f"{atom}title") for entry in feed.iter(f"{atom}entry")] == [
        "Outage of Card payments (investigating)",
        "Outage of Product search (investigating)",
    ]
    content = feed.findtext(f"{atom}entry/{atom}content") or ""
    assert content.index("Half of them work.") < content.index("Payments fail.")
    ids = [node.text for node in feed.iter(f"{atom}id")]
    assert len(ids) == len(set(ids)) == 3


def test_the_badges_say_it_in_words(app: Flask, client: FlaskClient) -> None:
    declare(app)
    whole = client.get("/status/badge.svg")
    assert whole.mimetype == "image/svg+xml"
    assert "Acme status: Major outage" in whole.text
    one = client.get(f"/status/badge/{public_ids.service_id(2)}.svg")
    assert "Product search: Operational" in one.text
    ET.fromstring(one.data)  # noqa: S314 - made by ourselves just now
    assert client.get("/status/badge/nobody.svg").status_code == 404


def test_other_sites_may_read_the_data(client: FlaskClient) -> None:
    for address in ("/api/v2/summary.json", "/status.atom", "/status/badge.svg"):
        assert client.get(address).headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/status").headers


def test_an_unknown_document_is_missing(client: FlaskClient) -> None:
    assert client.get("/api/v2/subscribers.json").status_code == 404
