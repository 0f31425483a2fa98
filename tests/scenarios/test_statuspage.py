"""Customers know: a live app, a live Statuspage, and what customers read there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.channels.statuspage.conftest import CHECKOUT, KEY, PAGE, PAYMENTS, SEARCH, Double
from tests.scenarios.world import ADA, GRACE, Browser, World, eventually, world

SETTINGS = "/settings/statuspage"


@contextmanager
def a_company_with_a_page(
    database_url: str, folder: Path, **settings: str
) -> Iterator[tuple[World, Double, Browser]]:
    """Start a company whose page is connected and whose service payments has two components."""
    with world(database_url, folder, statuspage=True, **settings) as company:
        admin = company.sign_in()
        page = admin.get(f"{SETTINGS}/components")
        choices = dict.fromkeys(re.findall(r'name="(service-\w+)"', page), "")
        choices |= {f"service-{PAYMENTS}": "payments", f"service-{CHECKOUT}": "payments"}
        choices |= {f"service-{SEARCH}": "search", "seen": seen_in(page)}
        shown = admin.post(f"{SETTINGS}/components", page, **choices)
        assert "Saved." in shown
        yield company, Double(company.slack_url), admin


def seen_in(form: str) -> str:
    """Return what a form says its reader has seen."""
    found = re.search(r'name="seen" value="(\w+)"', form)
    assert found is not None
    return found[1]


def shows(page: Double, status: str, component: str = PAYMENTS) -> None:
    """Wait until a component shows a status."""
    eventually(lambda: page.status(component) == status, seconds=30)


def test_the_page_follows_an_incident_from_slack_to_its_end(
    database_url: str, tmp_path: Path
) -> None:
    with a_company_with_a_page(database_url, tmp_path) as (company, page, admin):
        rules = admin.get(f"{SETTINGS}/publication")
        fields = re.findall(r'id="p1-(\w+)"[^>]*>\n([^<]*)</textarea>', rules)
        texts = {name: text.strip() for name, text in fields}
        texts |= {"title": "Outage of {service}", "publication": "automatic"}
        texts["seen"] = seen_in(rules.split('action="/settings/statuspage/publication/P1"')[1])
        admin.post(f"{SETTINGS}/publication/P1", rules, impact="critical", **texts)

        reference = company.declare(ADA, severity="P1", title="canary-title")
        shows(page, "major_outage")
        shows(page, "major_outage", CHECKOUT)
        eventually(lambda: page.incident["status"] == "investigating")
        assert page.incident["name"] == "Outage of Checkout and Payments"

        # An update in Slack's modal, with a text for customers apart from the internal one.
        room = eventually(lambda: next(c for c in company.channels() if c["name"][:4] == "inc-"))
        eventually(lambda: company.messages(room["name"], ADA))
        company.told(ADA, "status identified canary-update", room["name"])
        shows(page, "partial_outage")
        eventually(lambda: page.incident["status"] == "identified")

        # A text on the web: its answer is lost on the way, and it is posted once.
        page.fault("drop", method=f"PATCH /pages/{PAGE}/incidents/*", count=1)
        shown = admin.get(f"/incidents/{reference}")
        admin.post(
            f"/incidents/{reference}/update",
            shown,
            message="canary-internal",
            status="",
            public="Half of all cards work again.",
            override_reason="a scenario",
        )
        eventually(lambda: "Half of all cards work again." in str(page.posts()))
        company.told(ADA, "resolved canary-resolved", room["name"])
        shows(page, "operational")
        eventually(lambda: page.incident["status"] == "resolved", seconds=30)
        bodies = [body for _, body in page.posts()]
        assert bodies.count("Half of all cards work again.") == 1
        assert len(bodies) == 4
        assert "canary" not in str(page.by_hand("GET", "/calls"))
        assert "canary" not in str(page.page)


def test_what_customers_would_read_is_shown_before_it_is_published(
    sqlite_url: str, tmp_path: Path
) -> None:
    with a_company_with_a_page(sqlite_url, tmp_path) as (company, page, admin):
        reference = company.declare(ADA, severity="P1")
        shown = admin.get(f"/incidents/{reference}")
        assert "They have been told nothing of this incident" in shown
        look = admin.get(f"/incidents/{reference}/customers")
        assert "Outage of Checkout and Payments" in look
        seen = re.search(r'name="seen" value="(\w+)"', look)
        assert seen is not None
        company.told(ADA, f"status {reference} identified we know")
        text = "Cards are declined at the moment."
        why = "a scenario"  # the admin acts in the commander's place
        address = f"/incidents/{reference}/customers"
        again = admin.post(
            address, look, expect=409, seen=seen[1], public=text, override_reason=why
        )
        assert "Look again" in again
        assert text in again
        seen = re.search(r'name="seen" value="(\w+)"', again)
        assert seen is not None
        told = admin.post(address, again, seen=seen[1], public=text, override_reason=why)
        assert "Customers are told." in told
        eventually(lambda: page.posts() == [("identified", text)])

        # And the same in Slack, by the commander.
        opened = company.type(ADA, f"publish {reference} It is almost over.")["view"]
        assert opened is not None
        company.submit(ADA, opened["id"], {"public": "It is almost over."})
        eventually(lambda: page.posts()[-1] == ("identified", "It is almost over."))
        assert "Only the commander" in str(_publish(company, GRACE, reference))


def _publish(company: World, user: str, reference: str) -> object:
    opened = company.type(user, f"publish {reference} Hello.")["view"]
    return company.submit(user, opened["id"], {"public": "Hello."})


def test_somebodys_hand_on_statuspage_is_shown_and_kept(sqlite_url: str, tmp_path: Path) -> None:
    with a_company_with_a_page(sqlite_url, tmp_path) as (company, page, admin):
        page.set_by_hand(PAYMENTS, "under_maintenance")
        reference = company.declare(ADA, severity="P1")
        shows(page, "major_outage", CHECKOUT)
        shown = eventually(lambda: _with(admin, f"/incidents/{reference}/customers", "by hand"))
        assert "Under maintenance" in shown
        assert page.status(PAYMENTS) == "under_maintenance"

        settings = admin.get(SETTINGS)
        assert "Take over again" in settings
        path = re.search(r'action="(/settings/statuspage/components/\d+/take-over)"', settings)
        assert path is not None
        assert "is set to what your incidents say" in admin.post(path[1], settings)
        shows(page, "major_outage")

        page.set_by_hand(SEARCH, "degraded_performance")
        found = admin.post(f"{SETTINGS}/look", admin.get(SETTINGS))
        assert "Degraded performance" in found
        assert page.status(SEARCH) == "degraded_performance"


def _with(browser: Browser, path: str, words: str) -> str:
    page = browser.get(path)
    return page if words in page else ""


def test_a_page_is_tried_before_it_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    with world(sqlite_url, tmp_path) as company:
        page = Double(company.slack_url)
        company.env["STATUSPAGE_API_URL"] = page.api_url
        company.restart_app()
        admin = company.sign_in()
        form = admin.get(SETTINGS)
        refused = admin.post(f"{SETTINGS}/connect", form, expect=422, page_id=PAGE, api_key="wrong")
        assert "Statuspage refuses the API key" in refused
        missing = admin.post(
            f"{SETTINGS}/connect", form, expect=422, page_id="nothing", api_key=KEY
        )
        assert "is not on Statuspage" in missing
        connected = admin.post(f"{SETTINGS}/connect", form, page_id=PAGE, api_key=KEY)
        assert "The page is connected" in connected
        assert KEY not in admin.get(SETTINGS)
        assert KEY.encode() not in Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()
        # It stays connected over a restart, and until somebody says otherwise.
        company.restart_app()
        assert "Acme" in admin.get(SETTINGS)
        gone = admin.post(f"{SETTINGS}/disconnect", admin.get(SETTINGS))
        assert "not connected any more" in gone
        assert "Connect your page" in gone


def test_statuspage_in_trouble_never_keeps_an_incident_from_going_on(
    sqlite_url: str, tmp_path: Path
) -> None:
    with a_company_with_a_page(sqlite_url, tmp_path) as (company, page, admin):
        page.by_hand("POST", "/key", {"key": "another"})
        reference = company.declare(ADA, severity="P1")
        told = eventually(lambda: _with(admin, f"/incidents/{reference}", "refuses the API key"))
        assert "the component&#39;s status on Statuspage" in told.replace("The ", "the ")
        room = eventually(lambda: next(c for c in company.channels() if c["name"][:4] == "inc-"))
        eventually(lambda: "refuses the API key" in str(company.messages(room["name"], ADA)))
        page.by_hand("POST", "/key", {"key": KEY})
        admin.post("/settings/deliveries/retry-all", admin.get("/settings/deliveries"))
        try:
            eventually(lambda: page.status(PAYMENTS) == "major_outage", seconds=60)
        except AssertionError as late:
            late.add_note(admin.get(f"/incidents/{reference}/deliveries"))  # what keeps it
            raise


def test_an_app_killed_while_statuspage_takes_its_time_tells_it_once(
    database_url: str, tmp_path: Path
) -> None:
    lease = {"DELIVERY_LEASE_SECONDS": "2"}
    with a_company_with_a_page(database_url, tmp_path, **lease) as (company, page, admin):
        # The call takes effect, and its answer never comes while the app lives.
        page.fault("hang", method=f"POST /pages/{PAGE}/incidents", count=1, ms=60_000)
        reference = company.declare(ADA, severity="P1")
        look = admin.get(f"/incidents/{reference}/customers")
        seen = re.search(r'name="seen" value="(\w+)"', look)
        assert seen is not None
        text = "Cards are declined at the moment."
        admin.post(
            f"/incidents/{reference}/customers",
            look,
            seen=seen[1],
            public=text,
            override_reason="a scenario",
        )
        eventually(lambda: page.incidents)
        company.restart_app()
        page.heal()
        company.told(ADA, f"resolved {reference} done")
        eventually(lambda: page.incident["status"] == "resolved", seconds=30)
        assert [body for _, body in page.posts()].count(text) == 1
        assert len(page.posts()) == 2
