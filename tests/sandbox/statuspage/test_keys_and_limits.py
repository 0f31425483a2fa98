"""Who may call the manage API, and how often."""

import pytest
import requests

from tests.sandbox.conftest import Slack
from tests.sandbox.statuspage.conftest import API, KEY, PAGE, Statuspage, refused

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    "header", ["", "OAuth", "OAuth wrong", f"Bearer {KEY}", KEY, "OAuth schlüssel"]
)
def test_without_the_right_key_there_is_no_way_in(page: Statuspage, header: str) -> None:
    headers = {"Authorization": header.encode()}
    for path in ("/pages", f"/pages/{PAGE}", "/pages/none/components"):
        assert refused(page.call("GET", path, headers=headers)) == (401, "Could not authenticate")


def test_the_key_may_stand_in_the_address(page: Statuspage) -> None:
    url = f"{page.url}/statuspage/v1/pages?api_key={KEY}"
    assert requests.get(url, timeout=10).status_code == 200


def test_a_new_key_shuts_the_old_one_out(page: Statuspage) -> None:
    new = page.by_hand("POST", "/key").json()["key"]
    assert page.call("GET", "components").status_code == 401
    assert Statuspage(page.url, new).get("components")
    assert page.by_hand("POST", "/key", {"key": KEY}).json()["key"] == KEY
    assert page.get("components")


def test_a_key_may_have_no_right_to_write_or_none_at_all(slack: Slack, page: Statuspage) -> None:
    sentence = "You are not authorized to access this resource."
    slack.settings(statuspage_rights="read")
    assert page.get("components")
    body = {"component": {"status": "major_outage"}}
    assert refused(page.call("PATCH", f"components/{API}", body)) == (403, sentence)
    slack.settings(statuspage_rights="none")
    assert refused(page.call("GET", "components")) == (403, sentence)


def test_a_deleted_page_is_not_there_until_it_is_brought_back(page: Statuspage) -> None:
    page.open()
    assert page.by_hand("DELETE", f"/pages/{PAGE}").ok
    for path in (f"/pages/{PAGE}", f"/pages/{PAGE}/components", f"/pages/{PAGE}/incidents"):
        assert refused(page.call("GET", path)) == (404, "Not found")
    body = {"component": {"status": "major_outage"}}
    assert page.call("PATCH", f"components/{API}", body).status_code == 404
    assert page.get("/pages") == []
    address = f"{page.url}/statuspage/pages/{PAGE}"
    assert requests.get(address, timeout=10).status_code == 404
    assert requests.get(f"{address}/api/v2/summary.json", timeout=10).status_code == 404
    assert page.by_hand("POST", f"/pages/{PAGE}/restore").ok
    assert len(page.get("incidents")) == 1


def test_there_is_no_limit_until_it_is_switched_on(page: Statuspage) -> None:
    assert {page.call("GET", "/pages").status_code for _ in range(70)} == {200}


@pytest.mark.parametrize("status", [429, 420])
def test_a_key_that_asks_too_often_is_told_when_to_come_again(
    slack: Slack, page: Statuspage, status: int
) -> None:
    slack.settings(statuspage_limited=True, statuspage_limit_status=status)
    answers = [page.call("GET", "/pages") for _ in range(61)]
    assert [a.status_code for a in answers] == [200] * 60 + [status]
    assert 50 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].json()["error"]


def test_what_is_over_the_limit_has_no_effect_and_the_window_rolls(
    slack: Slack, page: Statuspage
) -> None:
    slack.settings(statuspage_limited=True, statuspage_requests=1, statuspage_window=1)
    body = {"component": {"status": "major_outage"}}
    assert page.call("GET", "/pages").ok
    answer = page.call("PATCH", f"components/{API}", body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    slack.settings(statuspage_limited=False)
    assert page.status(API) == "operational"


def test_the_whole_list_of_components_may_be_read_once_a_minute(
    slack: Slack, page: Statuspage
) -> None:
    slack.settings(statuspage_limited=True)
    assert page.call("GET", "components").status_code == 200
    assert page.call("GET", "components").status_code == 429
    assert page.call("GET", "components?page=1&per_page=100").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"statuspage_limited": "yes"},
        {"statuspage_requests": 0},
        {"statuspage_window": 0},
        {"statuspage_limit_status": 500},
        {"statuspage_rights": "some"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(slack: Slack, change: dict[str, object]) -> None:
    answer = requests.put(f"{slack.url}/sandbox/settings", json=change, timeout=10)
    assert answer.status_code == 422
