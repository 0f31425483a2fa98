"""Components and groups by the manage API."""

import pytest

from tests.sandbox.statuspage.conftest import (
    API,
    CHECKOUT,
    PAGE,
    PAYMENTS,
    PLATFORM,
    SHOP,
    SUPPORT,
    Statuspage,
    refused,
)

pytestmark = pytest.mark.server

STATUSES = "operational|under_maintenance|degraded_performance|partial_outage|major_outage"


def test_the_pages_are_listed_with_their_ids(page: Statuspage) -> None:
    (found,) = page.get("/pages")
    assert (found["id"], found["name"], found["time_zone"]) == (PAGE, "Acme", "UTC")
    assert page.get(f"/pages/{PAGE}") == found
    assert page.get(f"/pages/{PAGE}.json") == found


def test_components_are_listed_each_group_before_what_is_in_it(page: Statuspage) -> None:
    names = [c["name"] for c in page.get("components")]
    assert names == [
        "Shop", "Web shop", "Checkout", "Payments",
        "Platform", "API", "Webhooks", "Search", "Support",
    ]  # fmt: skip
    groups = [c["name"] for c in page.get("components") if c["group"]]
    assert groups == ["Shop", "Platform"]


def test_components_come_in_pages_of_a_hundred_at_most(page: Statuspage) -> None:
    for number in range(95):
        body = {"component": {"name": f"Part {number}"}}
        assert page.call("POST", "components", body).status_code == 201
    everything = [c["id"] for c in page.get("components", page=1) + page.get("components", page=2)]
    assert len(page.get("components")) == 100
    assert len(set(everything)) == len(everything) == 104
    assert len(page.get("components", per_page=500)) == 100
    small = [c["id"] for n in (1, 2) for c in page.get("components", page=n, per_page=10)]
    assert small == everything[:20]
    assert page.get("components", page=9) == []
    assert page.call("GET", "components", params={"page": "x"}).status_code == 400


@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
def test_a_component_changes_and_its_group_is_as_bad_as_the_worst_in_it(
    page: Statuspage, verb: str
) -> None:
    body = {"component": {"status": "partial_outage", "description": "Slow"}}
    changed = page.call(verb, f"components/{CHECKOUT}", body).json()
    assert (changed["status"], changed["description"]) == ("partial_outage", "Slow")
    page.set(PAYMENTS, "degraded_performance")
    assert page.status(SHOP) == "partial_outage"
    assert page.status(PLATFORM) == "operational"


def test_a_status_that_there_is_not_is_refused_and_nothing_changes(page: Statuspage) -> None:
    body = {"component": {"status": "on_fire", "name": "Ovens"}}
    answer = page.call("PATCH", f"components/{API}", body)
    assert refused(answer) == (422, [f"Status must be one of {STATUSES}"])
    assert page.get(f"components/{API}")["name"] == "API"


@pytest.mark.parametrize(
    "body,error",
    [({}, "component is missing"), ({"component": 5}, "component is invalid")],
)
def test_a_body_that_is_no_component_is_a_bad_request(
    page: Statuspage, body: dict[str, object], error: str
) -> None:
    assert refused(page.call("PATCH", f"components/{API}", body)) == (400, error)


@pytest.mark.parametrize(
    "path",
    [
        "/pages/000000000000",
        "/pages/000000000000/components",
        f"/pages/{PAGE}/components/000000000000",
        f"/pages/{PAGE}/incidents/000000000000",
        f"/pages/{PAGE}/component-groups/{API}",
        f"/pages/{PAGE}/gremlins",
        "/weather",
    ],
)
def test_what_is_not_there_is_not_found(page: Statuspage, path: str) -> None:
    assert refused(page.call("GET", path)) == (404, "Not found")


def test_a_group_is_made_filled_and_taken_away_and_its_components_stay(page: Statuspage) -> None:
    wish = {"component_group": {"name": "People", "components": [SUPPORT]}}
    made = page.call("POST", "component-groups", wish)
    assert (made.status_code, made.json()["components"]) == (201, [SUPPORT])
    group = made.json()["id"]
    assert page.get(f"components/{SUPPORT}")["group_id"] == group
    assert len(page.get("component-groups")) == 3
    assert page.call("DELETE", f"component-groups/{group}").status_code == 200
    assert page.get(f"components/{SUPPORT}")["group_id"] is None
    assert len(page.get("component-groups")) == 2


def test_a_component_is_made_moved_and_deleted(page: Statuspage) -> None:
    wish = {"component": {"name": "Billing", "group_id": SHOP, "status": "major_outage"}}
    made = page.call("POST", "components", wish)
    assert (made.status_code, made.json()["position"]) == (201, 4)
    one = f"components/{made.json()['id']}"
    assert page.call("PATCH", one, {"component": {"group_id": "null"}}).json()["group_id"] is None
    answer = page.call("DELETE", one)
    assert (answer.status_code, answer.text) == (204, "")
    assert page.call("GET", one).status_code == 404
