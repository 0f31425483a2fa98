"""A team, the sandbox's Statuspage over HTTP, and the engine that delivers from one to the other."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sqlalchemy import select, update

from incidentbot import clock
from incidentbot.channels.pacing import Pacer
from incidentbot.channels.statuspage.link import Statuspage, connect
from incidentbot.channels.statuspage.reconcile import list_all, reconcile
from incidentbot.channels.statuspage.senders import MORE_TO_POST, handlers
from incidentbot.channels.statuspage.sending import FOUND_THERE
from incidentbot.database import write_transaction
from incidentbot.incidents.commands import record_parked
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.settings import fingerprint
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.models import UNFINISHED, Delivery
from incidentbot.status_pages.models import Publication, StatuspageComponent
from incidentbot.status_pages.rules import edit_rule, rules_by_severity, texts_of
from tests.servers.ports import free_port
from tests.servers.processes import start
from tests.status_pages.shown import map_components
from tests.team import Team, migrated_postgres, migrated_sqlite, processes, team

__all__ = ["migrated_postgres", "migrated_sqlite", "processes", "team"]

SANDBOX = [sys.executable, "-m", "incidentbot.sandbox"]
KEY, PAGE = "sandbox-statuspage-key", "acme00status"
CHECKOUT, PAYMENTS, SEARCH = "cmp0checkout", "cmp0payments", "cmp000search"
SECRET = "a-secret-key"
# Why a delivery gives itself back although nothing is wrong.
GOES_ON = (MORE_TO_POST, FOUND_THERE)

Json = dict[str, Any]


@dataclass
class Double:
    """The sandbox's Statuspage: what a person sees and does there, and what goes wrong with it."""

    url: str

    @property
    def api_url(self) -> str:
        """Where its API is."""
        return f"{self.url}/statuspage/v1"

    def reset(self) -> None:
        """Begin anew."""
        assert requests.post(f"{self.url}/sandbox/statuspage/reset", timeout=10).ok
        self.heal()
        self.settings(statuspage_limited=False, statuspage_rights="all")

    def settings(self, **changes: Any) -> None:
        """Change how the sandbox behaves."""
        assert requests.put(f"{self.url}/sandbox/settings", json=changes, timeout=10).ok

    def fault(self, kind: str, **more: Any) -> None:
        """Have calls go wrong."""
        wish = {"kind": kind, "service": "statuspage", **more}
        answer = requests.post(f"{self.url}/sandbox/faults", json=wish, timeout=10)
        assert answer.ok, answer.text

    def heal(self) -> None:
        """Have all calls go right again."""
        assert requests.delete(f"{self.url}/sandbox/faults", timeout=10).ok

    def by_hand(self, verb: str, path: str, body: Json | None = None) -> Any:
        """Do there what a person does."""
        address = f"{self.url}/sandbox/statuspage{path}"
        answer = requests.request(verb, address, json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def set_by_hand(self, component: str, status: str) -> None:
        """Have a person there set a component."""
        body = {"component": {"status": status}}
        self.by_hand("PATCH", f"/pages/{PAGE}/components/{component}", body)

    @property
    def page(self) -> Json:
        """The page with all that is on it."""
        found: Json = self.by_hand("GET", "")["pages"][0]
        return found

    def status(self, component: str) -> str:
        """What a component shows."""
        return next(str(c["status"]) for c in self.page["components"] if c["id"] == component)

    @property
    def incidents(self) -> list[Json]:
        """The incidents, newest first."""
        found: list[Json] = self.page["incidents"]
        return found

    @property
    def incident(self) -> Json:
        """The one incident there is."""
        found = self.incidents
        assert len(found) == 1, found
        return found[0]

    def posts(self, incident: Json | None = None) -> list[tuple[str, str]]:
        """Status and text of an incident's updates, oldest first."""
        updates = (incident or self.incident)["incident_updates"]
        return [(update["status"], update["body"]) for update in reversed(updates)]

    def calls(self, verb: str = "") -> list[str]:
        """The API's calls so far, such as `PATCH /pages/…/components/…`, of one verb or all."""
        found = [call["method"] for call in self.by_hand("GET", "/calls")["calls"]]
        return [method for method in found if method.startswith(verb)]

    def forget_calls(self) -> None:
        """Forget the calls so far."""
        self.by_hand("DELETE", "/calls")


@dataclass
class Customers:
    """A team whose page on Statuspage is connected, and its engine."""

    team: Team
    page: Double
    statuspage: Statuspage
    engine: Dispatcher

    def connect(self) -> None:
        """Have Grace connect the page."""
        with self.team.sessions() as session:
            connect(self.statuspage, session, self.team.grace, PAGE, KEY)

    def map(self, **choices: str) -> int:
        """Have components follow services, by the component's id."""
        with self.team.sessions() as session:
            seen = list(list_all(self.statuspage.api(session)))
            return map_components(session, self.team.grace, seen, choices)

    def publish(self, severity: str, publication: Publication = Publication.AUTOMATIC) -> None:
        """Have customers told of a severity."""
        with self.team.sessions() as session:
            now = texts_of(rules_by_severity(session)[Severity(severity)])
            wanted = now | {"publication": publication.value}
            edit_rule(session, self.team.grace, Severity(severity), wanted, fingerprint(now))

    def deliver(self) -> None:
        """Make what is due, Statuspage's only, to the last update that is to be posted."""
        while True:
            for stream in self.engine.due_streams(500):
                if stream.startswith("statuspage/"):
                    self.engine.run_until_idle(stream)
            if not any(
                delivery.last_error in GOES_ON
                for state in UNFINISHED
                for delivery in self.team.deliveries(state=state)
            ):
                return
            time.sleep(0.05)

    def again(self) -> None:
        """Make what is due, and what waits for another attempt as if its time had come."""
        with self.team.sessions() as session, write_transaction(session):
            session.execute(
                update(Delivery)
                .where(Delivery.kind.like("statuspage.%"), Delivery.state.in_(UNFINISHED))
                .values(due_at=clock.now(), lease_until=clock.now())
            )
        self.deliver()

    def look(self) -> int:
        """Look at Statuspage; return how many things somebody changed there."""
        with self.team.sessions() as session:
            return reconcile(self.statuspage, session).drifted

    def sent(self, kind: str) -> Sequence[tuple[str, str | None]]:
        """State and last error of the deliveries of a kind, in order."""
        return [(d.state.value, d.last_error) for d in self.team.deliveries(kind=kind)]

    def component(self, component_id: str) -> StatuspageComponent:
        """What we know of a component."""
        with self.team.sessions() as session:
            return session.scalars(
                select(StatuspageComponent).where(StatuspageComponent.component_id == component_id)
            ).one()


@pytest.fixture(scope="session")
def running_double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    """One sandbox for all tests."""
    port = free_port()
    env = {"SANDBOX_PORT": str(port), "SANDBOX_DATA": ""}
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    with start(SANDBOX, env, f"{url}/sandbox/faults", log) as process:
        yield Double(url)
        assert "Traceback" not in process.log.read_text()


@pytest.fixture
def double(running_double: Double) -> Double:
    """Statuspage as it is in the beginning."""
    running_double.reset()
    return running_double


def link_to(double: Double, **more: Any) -> Statuspage:
    """Return the way to the double."""
    settings: Json = {"rate_factor": 0, "secret": SECRET, "pacer": Pacer(None), **more}
    return Statuspage(double.api_url, **settings)


@pytest.fixture
def unconnected(team: Team, double: Double) -> Customers:
    """A team whose page is not connected yet."""
    statuspage = link_to(double)
    engine = Dispatcher(team.sessions, handlers(statuspage, team.sessions), record_parked)
    return Customers(team, double, statuspage, engine)


@pytest.fixture
def customers(unconnected: Customers) -> Customers:
    """A team with its page connected; the services payments and search have a component each."""
    unconnected.connect()
    unconnected.map(**{PAYMENTS: "payments", SEARCH: "search"})
    unconnected.deliver()
    unconnected.page.forget_calls()
    return unconnected
