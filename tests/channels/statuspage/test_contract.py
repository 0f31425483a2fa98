"""What we rely on of Statuspage's API, held against the sandbox's: addresses, fields, answers."""

from datetime import timedelta

import pytest

from incidentbot import clock
from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.api import Refusal, StatuspageApi
from incidentbot.channels.statuspage.reconcile import list_all
from incidentbot.outbox.dispatch import Permanent, Retry, Wait
from incidentbot.status_pages.connection import Connection
from incidentbot.status_pages.models import ComponentStatus
from tests.channels.statuspage.conftest import CHECKOUT, KEY, PAGE, PAYMENTS, Double, link_to

MARKS = {"reference": "INC-7"}


def api_of(double: Double, page: str = PAGE, key: str = KEY, **more: float) -> StatuspageApi:
    return link_to(double, **more).api_of(Connection(page, key))


def test_a_page_and_its_components(double: Double) -> None:
    api = api_of(double)
    assert endpoints.page_name(api) == "Acme"
    names = {component.id: component.name for component in list_all(api)}
    assert names[PAYMENTS] == "Payments"
    assert "grp00000shop" not in names, "a heading is no component"


def test_components_come_by_the_page(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [component.id for component in list_all(api_of(double))]
    monkeypatch.setattr(endpoints, "PER_PAGE", 2)
    assert [component.id for component in list_all(api_of(double))] == whole
    assert not endpoints.components(api_of(double), 99).components


@pytest.mark.parametrize("status", ComponentStatus)
def test_every_status_can_be_set_and_read(double: Double, status: ComponentStatus) -> None:
    endpoints.set_component(api_of(double), PAYMENTS, status)
    assert endpoints.component(api_of(double), PAYMENTS).status is status


def test_an_incident_from_its_opening_to_its_end(double: Double) -> None:
    api, began = api_of(double), clock.now() - timedelta(minutes=1)
    opened = endpoints.open_incident(
        api,
        {
            "name": "Cards are declined",
            "status": "investigating",
            "body": "We look.",
            "impact_override": "major",
            "component_ids": [PAYMENTS, CHECKOUT],
            "deliver_notifications": True,
        },
        MARKS,
    )
    assert [seen.id for seen in endpoints.unresolved(api)] == [opened]
    assert endpoints.find_incident(api, MARKS, began) == opened
    assert endpoints.find_incident(api, {"reference": "INC-8"}, began) is None
    assert endpoints.find_incident(api, MARKS, clock.now() + timedelta(minutes=1)) is None
    endpoints.change_incident(api, opened, {"impact_override": "minor"})
    endpoints.change_incident(api, opened, {"status": "resolved", "body": "It works."})
    seen = endpoints.incident(api, opened)
    assert seen is not None
    assert seen.posts == (("investigating", "We look."), ("resolved", "It works."))
    assert (seen.status, seen.impact_override, seen.marks) == ("resolved", "minor", MARKS)
    assert endpoints.unresolved(api) == []
    assert endpoints.find_incident(api, MARKS, began) == opened, "among the recent ones"
    assert endpoints.component(api, PAYMENTS).status is ComponentStatus.OPERATIONAL, (
        "an incident names its components and sets none of them"
    )


def test_a_maintenance(double: Double) -> None:
    api, begins = api_of(double), (clock.now() + timedelta(days=1)).replace(microsecond=0)
    ends = begins + timedelta(hours=1)
    opened = endpoints.open_incident(
        api,
        {
            "name": "New disks",
            "status": "scheduled",
            "body": "An hour.",
            "scheduled_for": endpoints.moment(begins),
            "scheduled_until": endpoints.moment(ends),
            "scheduled_auto_in_progress": False,
            "scheduled_auto_completed": False,
            "component_ids": [PAYMENTS],
        },
        {"maintenance": 1},
    )
    for status in ("in_progress", "completed"):
        endpoints.change_incident(api, opened, {"status": status, "body": "Now."})
        seen = endpoints.incident(api, opened)
        assert seen is not None
        assert (seen.status, seen.scheduled_for, seen.scheduled_until) == (status, begins, ends)


def test_what_is_not_there(double: Double) -> None:
    assert endpoints.incident(api_of(double), "nothing") is None
    with pytest.raises(Permanent, match="does not know the component nothing"):
        endpoints.component(api_of(double), "nothing")
    with pytest.raises(Permanent, match="The page nothing is not on Statuspage"):
        endpoints.component(api_of(double, page="nothing"), PAYMENTS)
    with pytest.raises(Permanent, match="The page nothing is not on Statuspage"):
        endpoints.components(api_of(double, page="nothing"), 1)


def test_refusals_are_words_an_operator_understands(double: Double) -> None:
    with pytest.raises(Refusal, match="refuses the API key"):
        endpoints.page_name(api_of(double, key="wrong"))
    double.settings(statuspage_rights="read")
    with pytest.raises(Refusal, match="The API key may not do this"):
        endpoints.set_component(api_of(double), PAYMENTS, ComponentStatus.OPERATIONAL)
    double.settings(statuspage_rights="all")
    with pytest.raises(Refusal, match=r"refused \(422\): .*[Nn]ame") as refused:
        endpoints.open_incident(api_of(double), {"status": "investigating", "name": ""}, MARKS)
    assert refused.value.status == 422


@pytest.mark.parametrize("status", [420, 429])
def test_a_wait_that_statuspage_asks_for_holds_everyone(double: Double, status: int) -> None:
    api = api_of(double)
    double.fault("rate_limited", status=status, retry_after=3, count=1)
    with pytest.raises(Wait) as asked:
        endpoints.page_name(api)
    assert asked.value.after == 3
    with pytest.raises(Wait):
        endpoints.page_name(api)
    assert len(double.calls()) == 1, "the second was not even made"


def test_what_fails_on_the_way_is_in_doubt_only_where_it_writes(double: Double) -> None:
    for kind, written in (("drop", True), ("server_error", True)):
        double.fault(kind)
        with pytest.raises(Retry) as read:
            endpoints.page_name(api_of(double))
        assert not read.value.in_doubt
        with pytest.raises(Retry) as wrote:
            endpoints.set_component(api_of(double), PAYMENTS, ComponentStatus.DEGRADED)
        assert wrote.value.in_doubt is written
        double.heal()
    nobody = link_to(Double("http://127.0.0.1:9")).api_of(Connection(PAGE, KEY))
    with pytest.raises(Retry, match="cannot be reached: Connection refused") as unheard:
        endpoints.set_component(nobody, PAYMENTS, ComponentStatus.DEGRADED)
    assert not unheard.value.in_doubt


def test_the_pace_never_makes_more_than_a_request_a_second_over_a_minute(double: Double) -> None:
    api = api_of(double, rate_factor=1.0)
    api.reserve(10)
    with pytest.raises(Wait, match="rate limit"):
        api.reserve(1)
    limit = api._limit()
    assert limit is not None
    windows_touched = 60 // limit.get_expiry() + 1
    assert limit.amount * windows_touched <= 60


def test_the_key_is_in_no_representation(double: Double) -> None:
    api = api_of(double, key="hunter2")
    assert "hunter2" not in repr(api)
    assert "hunter2" not in repr(Connection(PAGE, "hunter2"))
