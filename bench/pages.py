"""Does a page cost the same with a hundred times as many incidents? Server time and queries of each.

Two installations on one PostgreSQL, with 1,000 and 100,000 incidents of the same five years, are asked
for the same pages in turn. A new page is a line in PAGES.
"""

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from bench.big_data import BIG, SMALL, Size, fill
from incidentbot.extensions import db
from incidentbot.incidents.insight_answers import Question
from incidentbot.incidents.insights import read
from incidentbot.status_pages import public_ids
from incidentbot.status_pages.models import PublicService
from incidentbot.status_pages.page import read_page
from incidentbot.users.actor import OPERATOR
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.installation import install
from tests.servers import postgres

REQUESTS = 40
RATIO = 1.3
QUERIES = 12

# name: path, who asks. {last} is the newest incident's reference, {closed} one long over.
PAGES: dict[str, tuple[str, Role]] = {
    "list": ("/", Role.RESPONDER),
    "list, as admin": ("/", Role.ADMIN),
    "list, by status": ("/?status=resolved", Role.RESPONDER),
    "list, by severity": ("/?severity=P1", Role.RESPONDER),
    "list, by service": ("/?service=payments", Role.RESPONDER),
    "list, by commander": ("/?commander={me}", Role.RESPONDER),
    "list, by date": ("/?from=2024-01-01&to=2024-12-31", Role.RESPONDER),
    "list, next page": ("/?before={half}", Role.RESPONDER),
    "search, rare word": ("/?q={rare}", Role.RESPONDER),
    "search, common word": ("/?q=customers", Role.RESPONDER),
    # A severity of which either has more than a page: a row to show takes longer than to find.
    "search, word and filter": ("/?q=customers&severity=P3&status=resolved", Role.RESPONDER),
    "search, nothing found": ("/?q=xyzzyplugh", Role.RESPONDER),
    "list, CSV, first lines": ("/incidents.csv", Role.RESPONDER),
    "cards": ("/incidents/cards", Role.RESPONDER),
    "declare": ("/incidents/new", Role.RESPONDER),
    "declare, preview": ("/incidents/new/preview?severity=P1&service=payments", Role.RESPONDER),
    "incident": ("/incidents/{last}", Role.RESPONDER),
    "incident, closed": ("/incidents/{closed}", Role.RESPONDER),
    "incident, actions": ("/incidents/{last}/actions", Role.RESPONDER),
    "incident, for customers": ("/incidents/{published}/customers", Role.RESPONDER),
    "incident, live": ("/incidents/{last}/live", Role.RESPONDER),
    "incident, timeline": ("/incidents/{last}/timeline", Role.RESPONDER),
    "incident, deliveries": ("/incidents/{last}/deliveries", Role.ADMIN),
    "incident, audit": ("/incidents/{last}/audit", Role.ADMIN),
    "post-mortem": ("/incidents/{reviewed}/postmortem", Role.RESPONDER),
    "post-mortem, editing": ("/incidents/{reviewed}/postmortem/edit", Role.RESPONDER),
    "post-mortem, file": ("/incidents/{reviewed}/postmortem/download", Role.RESPONDER),
    "people, as one types": ("/people?q=colleague+49", Role.RESPONDER),
    "insights, 90 days": ("/insights", Role.RESPONDER),
    "insights, 12 months": ("/insights?period=12m", Role.RESPONDER),
    "insights, all": ("/insights?period=all", Role.RESPONDER),
    "insights, filtered": ("/insights?severity=P1&service=payments", Role.RESPONDER),
    "insights, CSV": ("/insights/over-time.csv?period=12m", Role.RESPONDER),
    "my page": ("/me", Role.RESPONDER),
    "services": ("/settings/services", Role.ADMIN),
    "service": ("/settings/services/{service}", Role.ADMIN),
    "service, new": ("/settings/services/new", Role.ADMIN),
    "severities": ("/settings/severities", Role.ADMIN),
    "routing": ("/settings/routing", Role.ADMIN),
    "routing, preview": ("/settings/routing/preview?severity=P1&service=payments", Role.ADMIN),
    "routing, rule": ("/settings/routing/{rule}", Role.ADMIN),
    "routing, new rule": ("/settings/routing/new", Role.ADMIN),
    "templates": ("/settings/templates", Role.ADMIN),
    "template": ("/settings/templates/{template}", Role.ADMIN),
    "template, new": ("/settings/templates/new", Role.ADMIN),
    "members": ("/settings/members", Role.ADMIN),
    "member": ("/settings/members/{me}", Role.ADMIN),
    "member, new": ("/settings/members/invite", Role.ADMIN),
    "slack": ("/settings/slack", Role.ADMIN),
    "deliveries": ("/settings/deliveries", Role.ADMIN),
    "audit log": ("/settings/audit", Role.ADMIN),
    "audit log, CSV, first lines": ("/settings/audit/export.csv", Role.ADMIN),
    "audit log, JSON, first lines": ("/settings/audit/export.jsonl", Role.ADMIN),
    "audit log, filtered": ("/settings/audit?action=resolve", Role.ADMIN),
    "audit log, verification": ("/settings/audit/verification", Role.ADMIN),
    "status page, settings": ("/settings/status-page", Role.ADMIN),
    "maintenance": ("/settings/status-page/maintenance/{maintenance}", Role.ADMIN),
    "maintenance, new": ("/settings/status-page/maintenance/new", Role.ADMIN),
    "Statuspage": ("/settings/statuspage", Role.ADMIN),
    "texts for customers": ("/settings/statuspage/publication", Role.ADMIN),
    "status page": ("/status", Role.RESPONDER),
    "status page, history": ("/status/history", Role.RESPONDER),
    "status page, incident": ("/status/incidents/{published}", Role.RESPONDER),
    "status page, feed": ("/status.atom", Role.RESPONDER),
    "status page, JSON": ("/api/v2/summary.json", Role.RESPONDER),
    "status page, badge": ("/status/badge.svg", Role.RESPONDER),
    "status page, service's badge": ("/status/badge/{badge}.svg", Role.RESPONDER),
    "status page, subscribe": ("/status/subscribe", Role.RESPONDER),
}
# What is for machines, leads on to a page, or comes before signing in.
LEFT_OUT = {
    *("static", "health.health", "health.ready", "metrics.metrics"),
    *("incidents.find_form", "settings.index"),
    *("auth.welcome", "auth.forgot", "auth.begin", "auth.callback", "auth.sign_in", "auth.choose"),
    *("status_page.confirm_form", "status_page.unsubscribe_form"),
    "statuspage_settings.components",  # waits for Statuspage
}


class Place:
    """An installation, and people signed in to it."""

    def __init__(self, database_url: str, incidents: int) -> None:
        self.app = install(
            database_url,
            secret_key="bench",
            smtp_url="smtp://127.0.0.1:9",  # nothing is sent
            mail_from="incidents@example.com",
        )
        self.app.config["WTF_CSRF_ENABLED"] = False
        self.clients = {role: self._sign_in(role) for role in (Role.RESPONDER, Role.ADMIN)}
        self.statements = 0
        with self.app.app_context():
            event.listen(db.engine, "before_cursor_execute", self._count)
            self.words = self._words(incidents)

    def _sign_in(self, role: Role) -> FlaskClient:
        with self.app.app_context():
            # The demo's own people: they command a share of everything.
            address = {Role.RESPONDER: "grace.okafor", Role.ADMIN: "ada.winter"}[role]
            user = invite(db.session(), f"{address}@example.com", role)
            secret = make_sign_in_secret(db.session(), user)
        client = self.app.test_client()
        assert client.post(f"/sign-in/{secret}").status_code == 302
        return client

    def _words(self, incidents: int) -> dict[str, str]:
        one = db.session.connection().exec_driver_sql
        rare = one("SELECT substr(md5(%s), 1, 8)", (str(incidents // 2),)).scalar()
        reviewed = one("SELECT min(incident_id) FROM postmortems p JOIN incidents i ON i.id = "
                       "p.incident_id WHERE NOT is_private").scalar()  # fmt: skip
        closed = one("SELECT max(number) FROM incidents WHERE status = 'resolved' "
                     "AND NOT is_private").scalar()  # fmt: skip
        last = one("SELECT max(number) FROM incidents WHERE NOT is_private").scalar()
        me = one("SELECT id FROM users WHERE email = 'grace.okafor@example.com'").scalar()
        published = one("SELECT max(incident_id) FROM public_incidents").scalar()
        badge = db.session.scalars(select(PublicService).order_by(PublicService.service_id)).first()
        assert badge is not None
        first = {
            name: str(one(f"SELECT min(id) FROM {table}").scalar())
            for name, table in (
                ("service", "services"),
                ("rule", "routing_rules"),
                ("template", "templates"),
                ("maintenance", "maintenances"),
            )
        }
        return {
            **first,
            "published": f"INC-{published}",
            "badge": public_ids.service_id(badge.service_id),
            "rare": str(rare),
            "half": str(incidents // 2),
            "reviewed": f"INC-{reviewed}",
            "closed": f"INC-{closed}",
            "last": f"INC-{last}",
            "me": str(me),
        }

    def _count(self, *_: object) -> None:
        self.statements += 1

    def ask(self, path: str, role: Role) -> tuple[float, int, int]:
        """Return the milliseconds, the queries and the status of one request."""
        client = self.clients[role]
        path = path.format(**self.words)
        headers = {}
        if path.endswith("/live"):  # an open page that has seen everything
            headers["If-None-Match"] = client.get(path).headers["ETag"]
        self.statements = 0
        begun = time.perf_counter()
        with client.get(path, headers=headers) as answer:
            # A page is one piece. An export is as long as there is much to tell: its head and first lines.
            list(islice(answer.response, 2))
            return (time.perf_counter() - begun) * 1000, self.statements, answer.status_code


def measure(_folder: Path) -> bool:
    """Print each page's median time in both, their ratio and queries; False where one is over."""
    with (
        postgres.started_from(postgres.binaries()[0]) as server,
        _filled(server, SMALL) as small,
        _filled(server, BIG) as big,
    ):
        return compare(small, big)


def compare(small: Place, big: Place) -> bool:
    """Print the pages of two installations side by side; False where one is over."""
    _print_insights_anew(small.app, big.app)
    _print_status_page_anew(small.app, big.app)
    if forgotten := _forgotten(small.app):
        print(f"not measured: {', '.join(sorted(forgotten))}")
        return False
    print(f"{'page':28} {'1,000':>9} {'100,000':>9} {'ratio':>6} {'queries':>8}")
    verdicts = [_compare(name, *page, small, big) for name, page in PAGES.items()]
    return all(verdicts)


def _forgotten(app: Flask) -> set[str]:
    """Return the endpoints of pages that PAGES has no address of."""
    adapter = app.url_map.bind("localhost")
    filled = re.compile(r"{\w+}")
    measured = {
        adapter.match(filled.sub("1", path).partition("?")[0])[0] for path, _ in PAGES.values()
    }
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return pages - measured - LEFT_OUT


@contextmanager
def _filled(server: postgres.PostgresServer, size: Size) -> Iterator[Place]:
    begun = time.monotonic()
    with server.database() as url:
        fill(url, size)
        print(f"{size}: filled in {time.monotonic() - begun:.0f} s", flush=True)
        place = Place(url, size.incidents)
        yield place
        with place.app.app_context():
            db.session.remove()
            db.engine.dispose()


def _compare(name: str, path: str, role: Role, small: Place, big: Place) -> bool:
    status = {place.ask(path, role)[2] for place in (small, big)}  # and warm up
    if not status <= {200, 304}:
        print(f"{name:28} answers {status}")
        return False
    times: tuple[list[float], list[float]] = ([], [])
    queries = 0
    for _ in range(REQUESTS):
        for place, taken in zip((small, big), times, strict=True):
            milliseconds, asked, _ = place.ask(path, role)
            taken.append(milliseconds)
            queries = max(queries, asked)
    before, after = map(statistics.median, times)
    within = after / before <= RATIO and queries <= QUERIES
    print(
        f"{name:28} {before:6.1f} ms {after:6.1f} ms {after / before:6.2f} {queries:8}"
        f"{'' if within else '   OVER'}",
        flush=True,
    )
    return within


def _print_insights_anew(*apps: Flask) -> None:
    """Print what the first person to look waits for, after something has changed."""
    today = datetime.now(UTC).date()
    for days in (90, 365, None):
        first = None if days is None else today - timedelta(days=days - 1)
        taken = []
        for app in apps:
            with app.app_context():
                begun = time.perf_counter()
                read(db.session(), Question(first, today, today), OPERATOR)
                taken.append((time.perf_counter() - begun) * 1000)
        small, big = taken
        print(f"insights counted anew, {days or 'all'} days: {small:.0f} ms, {big:.0f} ms")


def _print_status_page_anew(*apps: Flask) -> None:
    """Print what reading the status page takes, which is done once in some seconds for all readers."""
    taken = []
    for app in apps:
        with app.app_context():
            begun = time.perf_counter()
            assert read_page(db.session()) is not None
            taken.append((time.perf_counter() - begun) * 1000)
    small, big = taken
    print(f"status page read anew: {small:.0f} ms, {big:.0f} ms")
