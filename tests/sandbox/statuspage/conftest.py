"""The status page of the running sandbox: by its API, and by what a person does there."""

from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Json, Slack

KEY = "sandbox-statuspage-key"

# What a new page holds: incidentbot/sandbox/statuspage/seed.py.
PAGE = "acme00status"
CHECKOUT, PAYMENTS, API, SUPPORT = "cmp0checkout", "cmp0payments", "cmp000000api", "cmp00support"
SHOP, PLATFORM = "grp00000shop", "grp0platform"


@dataclass
class Statuspage:
    """The page, as the app and as a person meets it."""

    url: str
    key: str = KEY

    def call(self, verb: str, path: str, body: Json | None = None, **more: Any) -> Any:
        """Call the manage API; `path` is below the page, or from the top when it begins so."""
        address = path if path.startswith("/") else f"/pages/{PAGE}/{path}"
        url = f"{self.url}/statuspage/v1{address}"
        more.setdefault("headers", {"Authorization": f"OAuth {self.key}"})
        patience = more.pop("timeout", 10)
        return requests.request(verb, url, json=body, timeout=patience, **more)

    def get(self, path: str, **query: Any) -> Any:
        """Read with the manage API."""
        answer = self.call("GET", path, params=query)
        assert answer.ok, answer.text
        return answer.json()

    def open(self, name: str = "Checkout is down", **fields: Any) -> Json:
        """Open an incident, or plan a maintenance."""
        answer = self.call("POST", "incidents", {"incident": {"name": name, **fields}})
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        return found

    def change(self, incident: Json, **fields: Any) -> Json:
        """Change an incident."""
        answer = self.call("PATCH", f"incidents/{incident['id']}", {"incident": fields})
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def set(self, component: str, status: str) -> Json:
        """Change the state of a component."""
        body = {"component": {"status": status}}
        answer = self.call("PATCH", f"components/{component}", body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def status(self, component: str) -> str:
        """The state of a component."""
        return str(self.get(f"components/{component}")["status"])

    def public(self, what: str) -> Any:
        """Read a document of the public API."""
        address = f"{self.url}/statuspage/pages/{PAGE}/api/v2/{what}.json"
        answer = requests.get(address, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def by_hand(self, verb: str, path: str, body: Json | None = None) -> Any:
        """Do on Statuspage itself what a person does."""
        address = f"{self.url}/sandbox/statuspage{path}"
        return requests.request(verb, address, json=body, timeout=10)

    def fault(self, kind: str, **more: Any) -> None:
        """Have calls of the API go wrong."""
        wish = {"kind": kind, "service": "statuspage", **more}
        answer = requests.post(f"{self.url}/sandbox/faults", json=wish, timeout=10)
        assert answer.ok, answer.text

    def calls(self) -> list[Json]:
        """The API's calls so far."""
        found: list[Json] = self.by_hand("GET", "/calls").json()["calls"]
        return found


@pytest.fixture
def page(slack: Slack) -> Statuspage:
    """The status page as it is in the beginning."""
    return Statuspage(slack.url)


def refused(answer: Any) -> tuple[int, Any]:
    """The status of a refusal, and what it says."""
    return answer.status_code, answer.json()["error"]
