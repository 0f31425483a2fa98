"""Incidents and maintenances by the manage API."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.sandbox.conftest import Json, eventually
from tests.sandbox.statuspage.conftest import (
    API,
    CHECKOUT,
    PAGE,
    PAYMENTS,
    SHOP,
    Statuspage,
    refused,
)

pytestmark = pytest.mark.server


def bodies(incident: Json) -> list[tuple[str, str]]:
    """What an incident's updates say, newest first."""
    return [(update["status"], update["body"]) for update in incident["incident_updates"]]


def at(**ahead: float) -> str:
    """A moment from now, as the API takes it."""
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def test_an_incident_opens_moves_on_and_ends(page: Statuspage) -> None:
    incident = page.open(body="We are looking into it.", component_ids=[CHECKOUT])
    assert (incident["status"], incident["impact"]) == ("investigating", "none")
    assert incident["resolved_at"] is None
    page.change(incident, status="identified", body="Found.")
    watched = page.change(incident, status="monitoring")
    assert watched["monitoring_at"]
    over = page.change(incident, status="resolved", body="Over.")
    assert bodies(over) == [
        ("resolved", "Over."),
        ("monitoring", ""),
        ("identified", "Found."),
        ("investigating", "We are looking into it."),
    ]
    assert over["resolved_at"] == over["incident_updates"][0]["created_at"]
    assert page.get("incidents/unresolved") == []


def test_the_map_of_components_changes_them_and_says_from_what_to_what(page: Statuspage) -> None:
    states = {CHECKOUT: "major_outage"}
    incident = page.open(components=states, component_ids=[CHECKOUT, PAYMENTS])
    assert [c["id"] for c in incident["components"]] == [CHECKOUT, PAYMENTS]
    assert (page.status(CHECKOUT), page.status(PAYMENTS)) == ("major_outage", "operational")
    assert incident["incident_updates"][0]["affected_components"] == [
        {
            "code": CHECKOUT,
            "name": "Checkout",
            "old_status": "operational",
            "new_status": "major_outage",
        },
        {
            "code": PAYMENTS,
            "name": "Payments",
            "old_status": "operational",
            "new_status": "operational",
        },
    ]


def test_ids_alone_leave_the_components_as_they_are(page: Statuspage) -> None:
    page.open(component_ids=[CHECKOUT])
    assert page.status(CHECKOUT) == "operational"


def test_resolving_leaves_the_components_as_they_are_unless_told(page: Statuspage) -> None:
    incident = page.open(components={CHECKOUT: "major_outage"})
    page.change(incident, status="resolved")
    assert page.status(CHECKOUT) == "major_outage"
    page.change(incident, components={CHECKOUT: "operational"})
    assert page.status(CHECKOUT) == "operational"


@pytest.mark.parametrize(
    "state,impact",
    [
        ("operational", "none"),
        ("degraded_performance", "minor"),
        ("partial_outage", "major"),
        ("major_outage", "critical"),
    ],
)
def test_the_impact_follows_the_components(page: Statuspage, state: str, impact: str) -> None:
    assert page.open(components={API: state})["impact"] == impact


def test_the_impact_stays_at_the_worst_and_an_override_wins(page: Statuspage) -> None:
    incident = page.open(components={API: "major_outage"})
    better = page.change(incident, status="monitoring", components={API: "operational"})
    assert better["impact"] == "critical"
    said = page.change(incident, impact_override="minor")
    assert (said["impact"], said["impact_override"]) == ("minor", "minor")


def test_the_same_request_twice_opens_two(page: Statuspage) -> None:
    assert page.open()["id"] != page.open()["id"]
    assert len(page.get("incidents/unresolved")) == 2


def test_a_change_without_words_or_another_status_posts_nothing(page: Statuspage) -> None:
    incident = page.open(metadata={"incidentbot": {"reference": "INC-1"}})
    changed = page.change(incident, name="Another name", status="investigating")
    assert changed["name"] == "Another name"
    assert len(changed["incident_updates"]) == 1
    assert changed["metadata"] == {"incidentbot": {"reference": "INC-1"}}


def test_words_alone_post_an_update_in_the_same_status(page: Statuspage) -> None:
    incident = page.open()
    page.change(incident, status="identified")
    said = page.change(incident, body="Still at it.", deliver_notifications=False)
    assert bodies(said)[0] == ("identified", "Still at it.")
    told = [update["deliver_notifications"] for update in said["incident_updates"]]
    assert told == [False, True, True]


@pytest.mark.parametrize(
    "fields,error",
    [
        ({"name": ""}, "Name can't be blank"),
        ({"name": "n" * 256}, "Name is too long (maximum is 255 characters)"),
        ({"body": "b" * 25_001}, "Body is too long (maximum is 25000 characters)"),
        ({"status": "scheduled"}, "Scheduled for can't be blank"),
        ({"scheduled_for": "2030-01-01T10:00:00Z"}, "Scheduled until can't be blank"),
        ({"scheduled_for": "soon"}, "Scheduled for is invalid"),
        ({"impact_override": "bad"}, "Impact override must be one of"),
        ({"metadata": {"reference": "INC-1"}}, "Metadata top level values must be objects"),
        ({"component_ids": ["000000000000"]}, "Components contains no component of this page"),
        ({"component_ids": "all"}, "Component ids is invalid"),
        ({"components": {SHOP: "major_outage"}}, "Components contains no component of this page"),
        ({"components": {API: "gone"}}, "Component status must be one of"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_nothing_is_opened(
    page: Statuspage, fields: Json, error: str
) -> None:
    answer = page.call("POST", "incidents", {"incident": {"name": "x", **fields}})
    status, sentences = refused(answer)
    assert status == 422
    assert any(sentence.startswith(error) for sentence in sentences), sentences
    assert page.get("incidents") == []
    assert page.status(API) == "operational"


def test_every_field_that_is_wrong_is_named(page: Statuspage) -> None:
    answer = page.call("POST", "incidents", {"incident": {"name": "", "status": "lost"}})
    assert [s.split(" ")[0] for s in answer.json()["error"]] == ["Name", "Status"]


@pytest.mark.parametrize("body", ["{", "[]", '{"incident": []}', "{}"])
def test_a_body_that_is_no_incident_is_a_bad_request(page: Statuspage, body: str) -> None:
    headers = {"Authorization": f"OAuth {page.key}", "Content-Type": "application/json"}
    url = f"{page.url}/statuspage/v1/pages/{PAGE}/incidents"
    assert requests.post(url, data=body, headers=headers, timeout=10).status_code == 400


def test_a_form_will_do_as_well(page: Statuspage) -> None:
    form = [
        ("incident[name]", "By form"),
        ("incident[component_ids][]", API),
        ("incident[component_ids][]", PAYMENTS),
        (f"incident[components][{API}]", "partial_outage"),
        ("incident[deliver_notifications]", "false"),
    ]
    answer = page.call("POST", "incidents.json", data=form)
    assert answer.status_code == 201
    assert [c["id"] for c in answer.json()["components"]] == [API, PAYMENTS]
    assert answer.json()["incident_updates"][0]["deliver_notifications"] is False
    assert page.status(API) == "partial_outage"


def test_incidents_are_listed_newest_first_searched_and_paged(page: Statuspage) -> None:
    for number in range(5):
        page.open(f"Number {number}", body="Trouble with lemons" if number == 2 else "")
    names = [i["name"] for i in page.get("incidents")]
    assert names == [f"Number {n}" for n in (4, 3, 2, 1, 0)]
    assert [i["name"] for i in page.get("incidents", limit=2, page=2)] == ["Number 2", "Number 1"]
    assert [i["name"] for i in page.get("incidents", q="LEMONS")] == ["Number 2"]
    assert [i["name"] for i in page.get("incidents/unresolved", per_page=1)] == ["Number 4"]


def test_an_update_can_be_corrected(page: Statuspage) -> None:
    incident = page.open(body="Tpyo")
    address = f"incidents/{incident['id']}/incident_updates/"
    update = incident["incident_updates"][0]["id"]
    body = {"incident_update": {"body": "Typo"}}
    assert page.call("PATCH", address + update, body).json()["body"] == "Typo"
    assert bodies(page.get(f"incidents/{incident['id']}")) == [("investigating", "Typo")]
    assert page.call("PATCH", address + "000000000000", body).status_code == 404


def test_a_deleted_incident_is_gone(page: Statuspage) -> None:
    incident = page.open()
    answer = page.call("DELETE", f"incidents/{incident['id']}")
    assert (answer.status_code, answer.json()["id"]) == (200, incident["id"])
    assert page.call("PATCH", f"incidents/{incident['id']}", {"incident": {}}).status_code == 404


def test_maintenance_is_no_incident_and_begins_by_itself(page: Statuspage) -> None:
    planned = page.open(
        "Upgrade",
        scheduled_for=at(seconds=0.5),
        scheduled_until=at(hours=1),
        scheduled_auto_in_progress=True,
        auto_transition_to_maintenance_state=True,
        component_ids=[API],
    )
    assert (planned["status"], planned["impact"]) == ("scheduled", "maintenance")
    assert [i["id"] for i in page.get("incidents/upcoming")] == [planned["id"]]
    eventually(lambda: bool(page.get("incidents/active_maintenance")))
    assert page.get("incidents/upcoming") == page.get("incidents/unresolved") == []
    assert page.status(API) == "under_maintenance"
    assert page.get("incidents/scheduled")[0]["status"] == "in_progress"


def test_maintenance_ends_by_itself_and_the_components_are_well_again(page: Statuspage) -> None:
    page.open(
        "Upgrade",
        status="in_progress",
        scheduled_for=at(hours=-1),
        scheduled_until=at(seconds=0.3),
        scheduled_auto_completed=True,
        auto_transition_to_operational_state=True,
        components={API: "under_maintenance"},
    )
    eventually(lambda: page.get("incidents")[0]["status"] == "completed")
    assert page.status(API) == "operational"


def test_times_are_in_utc_to_the_millisecond(page: Statuspage) -> None:
    said = page.open(scheduled_for="2030-01-31T12:00:00+02:00", scheduled_until="2030-01-31T14:00")
    assert said["scheduled_for"] == "2030-01-31T10:00:00.000Z"
    assert said["scheduled_until"] == "2030-01-31T14:00:00.000Z"
    created = datetime.fromisoformat(said["created_at"]).timestamp()
    assert abs(created - time.time()) < 60
