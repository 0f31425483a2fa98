"""The manage API's calls go wrong on demand, and every one of them can be read."""

import json

import pytest
import requests

from tests.sandbox.conftest import Slack
from tests.sandbox.statuspage.conftest import API, PAGE, Statuspage, refused

pytestmark = pytest.mark.server


def test_a_fault_of_slacks_leaves_statuspage_alone_and_the_other_way_round(
    slack: Slack, page: Statuspage
) -> None:
    slack.fault("server_error")
    assert page.get("/pages")
    slack.heal()
    page.fault("server_error")
    assert slack.client.auth_test()["ok"]
    assert page.call("GET", "/pages").status_code == 500


def test_a_fault_hits_the_verbs_and_addresses_it_names(page: Statuspage) -> None:
    page.fault("server_error", method="PATCH */components/*", status=503)
    body = {"component": {"status": "major_outage"}}
    assert page.call("PATCH", f"components/{API}", body).status_code == 503
    assert page.status(API) == "operational"
    assert page.open()


@pytest.mark.parametrize(
    "kind,effect", [("drop", 1), ("hang", 1), ("refuse", 0), ("hang_before", 0)]
)
def test_an_answer_that_is_lost_may_or_may_not_have_had_an_effect(
    page: Statuspage, kind: str, effect: int
) -> None:
    page.fault(kind, method="POST *", count=1, **({"ms": 150} if "hang" in kind else {}))
    with pytest.raises(requests.ConnectionError):
        page.open()
    assert len(page.get("incidents/unresolved")) == effect
    assert page.calls()[0]["error"] == "dropped"


def test_a_client_that_gives_up_does_not_know_that_it_is_on_the_page(page: Statuspage) -> None:
    page.fault("hang", method="POST *", count=1)
    with pytest.raises(requests.Timeout):
        page.call("POST", "incidents", {"incident": {"name": "Twice?"}}, timeout=0.5)
    assert [i["name"] for i in page.get("incidents/unresolved")] == ["Twice?"]


def test_a_server_error_after_hides_that_it_has_happened(page: Statuspage) -> None:
    page.fault("server_error_after", count=1, status=502)
    body = {"component": {"status": "major_outage"}}
    assert page.call("PATCH", f"components/{API}", body).status_code == 502
    assert page.status(API) == "major_outage"


@pytest.mark.parametrize("status", [0, 420])
def test_a_storm_of_refusals_says_when_to_come_again(page: Statuspage, status: int) -> None:
    page.fault("rate_limited", retry_after=7, status=status, count=3)
    answers = [page.call("GET", "/pages") for _ in range(4)]
    assert [a.status_code for a in answers] == [status or 429] * 3 + [200]
    assert answers[0].headers["Retry-After"] == "7"


def test_any_refusal_can_be_had(page: Statuspage) -> None:
    page.fault("error", status=403, error="You are not authorized to access this resource.")
    page_says = refused(page.call("GET", "/pages"))
    assert page_says == (403, "You are not authorized to access this resource.")


def test_a_bad_field_comes_as_a_list(page: Statuspage) -> None:
    page.fault("error", error="Name has been taken")
    assert refused(page.call("GET", "/pages")) == (422, ["Name has been taken"])


def test_a_key_that_is_no_longer_known_is_refused(page: Statuspage) -> None:
    page.fault("token_revoked")
    assert refused(page.call("GET", "/pages")) == (401, "Could not authenticate")


@pytest.mark.parametrize(
    "wish", [{"service": "pager"}, {"status": 200}, {"status": "500"}, {"status": 600}]
)
def test_a_fault_that_makes_no_sense_is_refused(page: Statuspage, wish: dict[str, object]) -> None:
    body = {"kind": "server_error", **wish}
    answer = requests.post(f"{page.url}/sandbox/faults", json=body, timeout=10)
    assert answer.status_code == 422


def test_every_call_is_kept_whole_but_for_its_key(page: Statuspage) -> None:
    incident = page.open(body="word " * 500)
    call = page.calls()[-1]
    assert (call["method"], call["status"]) == (f"POST /pages/{PAGE}/incidents", 201)
    assert json.loads(call["body"])["incident"]["body"] == "word " * 500
    assert json.loads(call["answer"]) == incident
    assert page.key not in json.dumps(call)
    page.call("GET", "components", params={"page": 2})
    assert page.calls()[-1]["query"] == "page=2"
    assert page.by_hand("DELETE", "/calls").ok
    assert page.calls() == []


def test_calls_of_statuspage_are_no_calls_of_slack(slack: Slack, page: Statuspage) -> None:
    page.get("/pages")
    assert slack.get("calls")["calls"] == []
