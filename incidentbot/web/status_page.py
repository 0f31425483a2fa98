"""The status page: for customers, who have no account, no cookie, and come all at once."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.sessions import SecureCookieSessionInterface
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy.orm import Session

from incidentbot.config import Settings
from incidentbot.database import DATABASE_AWAY, snapshot
from incidentbot.extensions import csrf, db
from incidentbot.incidents.durations import in_words
from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.queries import parse_reference
from incidentbot.ops import health
from incidentbot.ops.requests import note_route
from incidentbot.status_pages import feeds, subscribers
from incidentbot.status_pages.component_status import WORDS
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.status_pages.page import (
    Page,
    ShownService,
    known_place,
    own_host,
    read_history,
    read_incident,
    read_page,
)
from incidentbot.status_pages.settings import address_of
from incidentbot.status_pages.subscribers import Tokens
from incidentbot.status_pages.uptime import in_percent
from incidentbot.web import status_json
from incidentbot.web.kept import Answer, Shelf, answer
from incidentbot.web.status_drawing import badge_of, bars_of

T = TypeVar("T")
# Renders what was read: as it is, or (True) as all that we knew before the database went away.
Rendering = Callable[[bool], Answer]
blueprint = Blueprint("status_page", __name__)
csrf.exempt(blueprint)  # nobody is signed in here; what a link may do is signed into the link

KEPT_SECONDS = 5.0
# Per address of origin: enough for an office, too little to fill mailboxes.
ASKED_AT_MOST = parse("20 per 10 minutes")
HTML = "text/html; charset=utf-8"

SENTENCES = {
    ComponentStatus.OPERATIONAL: "All services work",
    ComponentStatus.UNDER_MAINTENANCE: "Maintenance is under way",
    ComponentStatus.DEGRADED: "Some services do not work as well as they should",
    ComponentStatus.PARTIAL_OUTAGE: "Parts of our services do not work",
    ComponentStatus.MAJOR_OUTAGE: "There is a major outage",
}


@dataclass
class Reading:
    """The page as it was read, and what was rendered of it so far. `page` is None while it is off."""

    page: Page | None
    rendered: dict[str, Answer] = field(default_factory=dict)
    rendering: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: str, render: Callable[[], Answer]) -> Answer:
        """Return what was rendered under a name; the first who asks renders it."""
        found = self.rendered.get(name)
        if found is None:
            with self.rendering:
                found = self.rendered.get(name) or render()
                self.rendered[name] = found
        return found


class StatusSite:
    """What a process keeps of the status page. Its settings' form has it forgotten."""

    def __init__(self) -> None:
        self.readings: Shelf[Reading] = Shelf(KEPT_SECONDS)
        self.pages: Shelf[Rendering | None] = Shelf(KEPT_SECONDS)
        self.hosts: Shelf[str | None] = Shelf(KEPT_SECONDS)
        self.last_host: str | None = None
        self.has_read_host = False
        self.limiter = FixedWindowRateLimiter(MemoryStorage())

    def forget(self) -> None:
        """Show at once what was changed just now."""
        for shelf in (self.readings, self.pages, self.hosts):
            shelf.forget()


class _Sessions(SecureCookieSessionInterface):
    """Flask's sessions, but for the status page: no cookie, and nothing that depends on one."""

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Save it, where there is one."""
        if not g.get("is_status_page"):
            super().save_session(app, session, response)


def install(app: Flask) -> None:
    """Add the status page, and keep its own host to it. Before everything that asks who is signed in."""
    app.extensions["status_site"] = StatusSite()
    app.session_interface = _Sessions()
    app.before_request_funcs.setdefault(None, []).insert(0, _keep_to_its_host)
    app.register_blueprint(blueprint)


def site() -> StatusSite:
    """Return what this process keeps."""
    kept: StatusSite = current_app.extensions["status_site"]
    return kept


def _keep_to_its_host() -> Response | None:
    """At the host of its own there is the status page, and nothing else of the app."""
    g.is_status_page = request.blueprint == blueprint.name
    settings: Settings = current_app.extensions["settings"]
    host = urlsplit(f"//{request.host}").hostname
    if host is None or host == urlsplit(settings.base_url).hostname:
        return None
    try:
        own, _late = site().hosts.get("own", _own_host)
    except DATABASE_AWAY:
        # It may be the status page's: customers are not shown what is for the team.
        if request.blueprint == health.blueprint.name or request.endpoint == "static":
            return None
        g.is_status_page = True
        return _unavailable()
    if own is None or host != own:
        return None
    if request.path == "/" and request.method in ("GET", "HEAD"):
        g.is_status_page = True
        note_route(f"{blueprint.name}.{index.__name__}", "/")
        try:
            return index()
        except DATABASE_AWAY:
            return _unavailable()
    if g.is_status_page or request.endpoint == "static":
        return None
    g.is_status_page = True
    return _missing(_page_if_known())


def _own_host() -> str | None:
    """Return the page's own host; the last one known while the database is away, if there is one."""
    kept = site()
    try:
        kept.last_host, kept.has_read_host = _read(own_host), True
    except DATABASE_AWAY:
        if not kept.has_read_host:
            raise
    return kept.last_host


@blueprint.get("/status")
def index() -> Response:
    """Show how everything is. For everyone."""
    reading, is_late = _reading()
    page = reading.page
    if page is None:
        return _missing()
    name = "index/late" if is_late else "index"
    return reading.get(name, lambda: _html("status/index.html", page, is_late=is_late)).send()


@blueprint.get("/status/incidents/<reference>")
def incident(reference: str) -> Response:
    """Show one incident as customers know it. For everyone."""
    try:
        number = parse_reference(reference)
    except NotFound:
        return _missing(_page_if_known())

    def find(page: Page) -> Rendering | None:
        found = _read(lambda session: read_incident(session, number))
        if found is None:
            return None
        return lambda is_late: _html("status/incident.html", page, incident=found, is_late=is_late)

    return _kept(f"incident/{number}", find)


@blueprint.get("/status/history")
def history() -> Response:
    """Show the incidents by month, a stretch at a time. For everyone."""
    before = known_place(request.args.get("before", "")[:40])

    def find(page: Page) -> Rendering:
        found = _read(lambda session: read_history(session, page.zone, before))
        return lambda is_late: _html(
            "status/history.html", page, history=found, before=before, is_late=is_late
        )

    return _kept(f"history/{before}", find)


@blueprint.get("/status.atom")
def feed() -> Response:
    """Send the Atom feed. For everyone."""
    return _rendered(
        "atom",
        lambda page: answer(
            feeds.atom(page, _address(page)), "application/atom+xml; charset=utf-8"
        ),
    )


@blueprint.get("/api/v2/<path:document>.json")
def api(document: str) -> Response:
    """Send the public JSON. For everyone."""
    build = status_json.DOCUMENTS.get(document)
    if build is None:
        return _missing()

    def render(page: Page) -> Answer:
        body = json.dumps(build(page, _address(page)), ensure_ascii=False)
        return answer(body, "application/json; charset=utf-8")

    return _rendered(f"api/{document}", render)


@blueprint.get("/status/badge.svg")
def badge() -> Response:
    """Send the picture of the whole. For everyone."""
    return _rendered("badge", lambda page: badge_of(page.title, page.overall))


@blueprint.get("/status/badge/<service>.svg")
def service_badge(service: str) -> Response:
    """Send the picture of one service. For everyone."""
    reading, _late = _reading()
    found = next((one for one in _services(reading.page) if one.id == service), None)
    if found is None:
        return _missing(reading.page)
    return _rendered(f"badge/{found.id}", lambda _page: badge_of(found.name, found.status))


@blueprint.get("/status/subscribe")
def subscribe_form() -> Response:
    """Show the form that asks for mail. For everyone."""
    return _dialogue("status/subscribe.html", values=request.args, errors={})


@blueprint.post("/status/subscribe")
def subscribe() -> Response:
    """Ask an address whether it wants mail. For everyone."""
    reading, _late = _reading()
    if reading.page is None or not _has_mail():
        return _missing(reading.page)
    if not site().limiter.hit(ASKED_AT_MOST, request.remote_addr or ""):
        return _dialogue(
            "status/notice.html",
            429,
            heading="Please wait a while",
            text="Many subscriptions were asked for from where you are. Try again in ten minutes.",
        )
    values = request.form
    numbers = {service.id: service.number for service in reading.page.services}
    chosen = [] if values.get("which") == "all" else values.getlist("services")
    try:
        if values.get("which") == "some" and not chosen:
            raise InvalidInput("services", "Choose at least one service.")
        wanted = [numbers.get(public_id, 0) for public_id in chosen]
        subscribers.subscribe(db.session(), values.get("email", ""), wanted)
    except InvalidInput as error:
        errors = {error.field: error.reason}
        return _dialogue("status/subscribe.html", 422, values=values, errors=errors, chosen=chosen)
    return _dialogue(
        "status/notice.html",
        heading="Look into your mailbox",
        text="We have sent you a mail. Open the link in it to confirm that the address is yours. "
        "If none comes, look into your spam folder, or try again in ten minutes.",
    )


@blueprint.get("/status/confirm/<token>")
def confirm_form(token: str) -> Response:
    """Show the button that confirms: what fetches links in mails by itself must not. For everyone."""
    return _from_mail("status/confirm.html", token=token)


@blueprint.post("/status/confirm/<token>")
def confirm(token: str) -> Response:
    """Confirm a subscription. For whoever has its mail."""
    return _by_token(
        lambda session: subscribers.confirm(session, _tokens(), token),
        heading="You are subscribed",
        text="You get a mail when something changes here. Each one has a link that ends it.",
    )


@blueprint.get("/status/unsubscribe/<token>")
def unsubscribe_form(token: str) -> Response:
    """Show the button that ends a subscription. For everyone."""
    return _from_mail("status/unsubscribe.html", token=token)


@blueprint.post("/status/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """End a subscription, by the button or by the mail program's (RFC 8058). For whoever has a mail."""
    return _by_token(
        lambda session: subscribers.unsubscribe(session, _tokens(), token),
        heading="You are not subscribed any more",
        text="We have forgotten your address.",
    )


def _unavailable(_error: Exception | None = None) -> Response:
    """Say so when there is not even a page to show from before."""
    return _for_one(notice_of(503), 503)


_NOTICES = {
    404: ("", ""),  # the template's own words
    500: ("Something went wrong here", "Try again in a moment."),
    503: ("This page cannot be shown right now", "Try again in a moment."),
}


def notice_of(status: int, page: Page | None = None) -> str:
    """Return a page for customers that says why there is no other, with the way to `page` if it is on."""
    unknown = ("That request was not understood", "The address may be mistyped.")
    heading, text = _NOTICES.get(status, unknown)
    return _render("status/missing.html", page, heading=heading, text=text)


for _no_database in DATABASE_AWAY:
    blueprint.register_error_handler(_no_database, _unavailable)


def _reading() -> tuple[Reading, bool]:
    """Return the page as it is kept, and whether that is all there is because the database is away."""
    return site().readings.get("page", lambda: Reading(_read(read_page)))


def _page_if_known() -> Page | None:
    """Return the page for a notice; None while it is off, or the database away with none kept."""
    try:
        return _reading()[0].page
    except DATABASE_AWAY:
        return None


def _read(read: Callable[[Session], T]) -> T:
    """Read in a session that is no request's."""
    with Session(db.engine, expire_on_commit=False) as session, snapshot(session):
        return read(session)


def _rendered(name: str, render: Callable[[Page], Answer]) -> Response:
    """Send what is rendered of the page, once for everyone."""
    reading, _late = _reading()
    page = reading.page
    if page is None:
        return _missing()
    response = reading.get(name, lambda: render(page)).send()
    # Other sites may read it: there is nothing in it for one reader only.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _kept(name: str, find: Callable[[Page], Rendering | None]) -> Response:
    """Send a page that is read by itself, and kept as long."""
    reading, is_late = _reading()
    page = reading.page
    if page is None:
        return _missing()

    def build() -> Rendering | None:
        found = find(page)
        return None if found is None else cache(found)

    render, is_old = site().pages.get(name, build)
    return _missing(page) if render is None else render(is_late or is_old).send()


def _by_token(change: Callable[[Session], None], heading: str, text: str) -> Response:
    try:
        change(db.session())
    except NotFound as error:
        heading, text = "This link does not work", str(error)
        return _from_mail("status/notice.html", 404, heading=heading, text=text)
    return _from_mail("status/notice.html", heading=heading, text=text)


def _dialogue(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page for one person, that nobody keeps. None while the page is off."""
    reading, _late = _reading()
    if reading.page is None or not _has_mail():
        return _missing(reading.page)
    return _for_one(_render(template, reading.page, **values), status)


def _from_mail(template: str, status: int = 200, **values: Any) -> Response:
    """Return what a link in a mail leads to: it works while the page, or mail, is switched off, too."""
    reading, _late = _reading()
    return _for_one(_render(template, reading.page, **values), status)


def _missing(page: Page | None = None) -> Response:
    return _for_one(notice_of(404, page), 404)


def _for_one(body: str, status: int) -> Response:
    response = Response(body, status, content_type=HTML)
    response.headers["Cache-Control"] = "no-store"
    return response


def _html(template: str, page: Page, **values: Any) -> Answer:
    return answer(_render(template, page, **values), HTML)


def _render(template: str, page: Page | None, **values: Any) -> str:
    """Render without what Flask adds to a template: it would ask who is signed in."""
    helpers = {
        "page": page,
        "words": WORDS,
        "sentence": SENTENCES[page.overall] if page else "",
        "when": lambda moment: _when(moment, page),
        "in_percent": in_percent,
        "bars": bars_of,
        "in_words": in_words,
        "month": lambda moment: f"{moment:%B %Y}",
        "has_mail": _has_mail(),
    }
    rendered: str = current_app.jinja_env.get_template(template).render(**helpers, **values)
    return rendered


def _when(moment: datetime, page: Page | None) -> str:
    local = moment.astimezone(page.zone) if page else moment
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def _services(page: Page | None) -> list[ShownService]:
    return list(page.services) if page else []


def _address(page: Page) -> str:
    settings: Settings = current_app.extensions["settings"]
    return address_of(settings.base_url, page.host)


def _has_mail() -> bool:
    settings: Settings = current_app.extensions["settings"]
    return settings.mail is not None


def _tokens() -> Tokens:
    settings: Settings = current_app.extensions["settings"]
    return Tokens(settings.secret_key.get_secret_value())
