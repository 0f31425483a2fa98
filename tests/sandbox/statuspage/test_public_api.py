"""The public API of the page, v2, as every tool made for Statuspage reads it."""

import pytest
import requests

from tests.sandbox.statuspage.conftest import API, CHECKOUT, PAGE, SHOP, Statuspage

pytestmark = pytest.mark.server

DOCUMENTS = {
    "summary": {"page", "components", "incidents", "scheduled_maintenances", "status"},
    "status": {"page", "status"},
    "components": {"page", "components"},
    "incidents": {"page", "incidents"},
    "incidents/unresolved": {"page", "incidents"},
    "scheduled-maintenances": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/upcoming": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/active": {"page", "scheduled_maintenances"},
}
COMPONENT = {
    "id", "name", "status", "created_at", "updated_at", "position", "description", "showcase",
    "start_date", "group_id", "page_id", "group", "only_show_if_degraded",
}  # fmt: skip
INCIDENT = {
    "id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact",
    "shortlink", "started_at", "page_id", "incident_updates", "components",
}  # fmt: skip
UPDATE = {
    "id", "status", "body", "incident_id", "created_at", "updated_at", "display_at",
    "affected_components", "deliver_notifications", "custom_tweet", "tweet_id",
}  # fmt: skip


@pytest.mark.parametrize("what", DOCUMENTS)
def test_each_document_has_its_parts_and_the_page(page: Statuspage, what: str) -> None:
    found = page.public(what)
    assert set(found) == DOCUMENTS[what]
    assert set(found["page"]) == {"id", "name", "url", "time_zone", "updated_at"}
    assert found["page"]["id"] == PAGE


def test_components_and_incidents_have_the_fields_of_the_real_ones(page: Statuspage) -> None:
    page.open(components={CHECKOUT: "major_outage"}, body="Oh.")
    summary = page.public("summary")
    single, group = (
        next(c for c in summary["components"] if c["group"] is is_group)
        for is_group in (False, True)
    )
    assert set(single) == COMPONENT
    assert set(group) == COMPONENT | {"components"}
    assert CHECKOUT in group["components"]
    (incident,) = summary["incidents"]
    assert set(incident) == INCIDENT
    assert set(incident["incident_updates"][0]) == UPDATE
    assert requests.get(incident["shortlink"], timeout=10).ok


@pytest.mark.parametrize(
    "state,indicator,words",
    [
        ("operational", "none", "All Systems Operational"),
        ("under_maintenance", "maintenance", "Service Under Maintenance"),
        ("degraded_performance", "minor", "Partially Degraded Service"),
        ("partial_outage", "major", "Partial System Outage"),
        ("major_outage", "critical", "Major Service Outage"),
    ],
)
def test_the_page_is_as_bad_as_its_worst_component(
    page: Statuspage, state: str, indicator: str, words: str
) -> None:
    page.set(API, state)
    assert page.public("status")["status"] == {"indicator": indicator, "description": words}


def test_or_as_its_worst_open_incident(page: Statuspage) -> None:
    incident = page.open(impact_override="critical")
    assert page.public("status")["status"]["indicator"] == "critical"
    page.change(incident, status="resolved")
    assert page.public("status")["status"]["indicator"] == "none"


def test_incidents_and_maintenances_are_each_in_their_list(page: Statuspage) -> None:
    over = page.open("Over")
    page.change(over, status="resolved")
    page.open("Open")
    times = {"scheduled_for": "2040-01-01T10:00Z", "scheduled_until": "2040-01-01T11:00Z"}
    page.open("Planned", **times)
    page.open("Now", status="in_progress", **times)
    page.open("Done", status="completed", **times)

    def names(what: str, part: str) -> list[str]:
        return [found["name"] for found in page.public(what)[part]]

    assert names("incidents", "incidents") == ["Open", "Over"]
    assert names("incidents/unresolved", "incidents") == ["Open"]
    planned = "scheduled_maintenances"
    assert names("scheduled-maintenances", planned) == ["Done", "Now", "Planned"]
    assert names("scheduled-maintenances/upcoming", planned) == ["Planned"]
    assert names("scheduled-maintenances/active", planned) == ["Now"]
    assert names("summary", planned) == ["Now", "Planned"]
    assert page.public("summary")[planned][0]["scheduled_for"] == "2040-01-01T10:00:00.000Z"


def test_no_more_than_the_newest_fifty_are_listed(page: Statuspage) -> None:
    for number in range(52):
        page.open(f"Number {number}")
    found = page.public("incidents")["incidents"]
    assert (len(found), found[0]["name"]) == (50, "Number 51")


def test_any_site_may_read_it_and_there_is_nothing_else_to_read(page: Statuspage) -> None:
    address = f"{page.url}/statuspage/pages/{PAGE}/api/v2"
    answer = requests.get(f"{address}/status.json", timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for path in (f"{address}/weather.json", f"{address.replace(PAGE, SHOP)}/status.json"):
        assert requests.get(path, timeout=10).status_code == 404
