"""The whole story: a live app, a live Slack, and what each person sees where."""

import datetime
import json
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.scenarios.world import ADA, GRACE, KEN, LINUS, MARGARET, World, eventually, world


def rows(company: World, query: str) -> list[dict[str, Any]]:
    """Ask the database, past the app."""
    engine = create_engine(company.env["DATABASE_URL"])
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]
    finally:
        engine.dispose()


def seen(company: World, channel: str, user: str) -> str:
    """Return all that a person sees in a channel, blocks and all."""
    return json.dumps(company.messages(channel, user), ensure_ascii=False)


def test_an_incident_from_declare_to_post_mortem(database_url: str, tmp_path: Path) -> None:
    with world(database_url, tmp_path) as company:
        _tell_the_story(company)


def _chosen(company: World, view: dict[str, Any], field: str, value: str) -> str:
    """Have Ada choose in the declare modal; return what it says will happen."""
    (block_id,) = (b["block_id"] for b in view["blocks"] if b["block_id"].split("@")[0] == field)
    again = company.act(
        "action",
        user=ADA,
        view_id=view["id"],
        block_id=block_id,
        action_id="value",
        selected_option=value,
    )["view"]
    return str(again["blocks"][-1]["text"]["text"])


def _tell_the_story(company: World) -> None:
    # Ada declares from a template, in the modal.
    opened = company.type(ADA, "declare Cards are declined")["view"]
    template = next(
        option
        for block in opened["blocks"]
        if block.get("block_id") == "template"
        for option in block["element"]["options"]
        if option["text"]["text"] == "Failed deploy"
    )
    changed = company.act(
        "action",
        user=ADA,
        view_id=opened["id"],
        block_id="template",
        action_id="value",
        selected_option=template["value"],
    )["view"]
    shown = json.dumps(changed)
    assert "A release broke something" in shown, "the template fills the summary"
    # With severity and service chosen it says what will happen, before it does.
    assert "tells nobody else" in _chosen(company, changed, "service", "payments")
    told = _chosen(company, changed, "severity", "P1")
    assert "tells #general, #engineering" in told
    assert "sends a direct message to 2 people: Ken Alvarez, Margaret Chen" in told
    assert "tells nobody else" in _chosen(company, changed, "severity", "P3")
    submitted = company.submit(ADA, opened["id"], {"service": "payments"})
    assert submitted.get("errors") in (None, {}), submitted
    reference = submitted["view"]["title"]["text"].split()[0]
    assert reference == "INC-1"

    # The war room is complete: name, members, topic, pinned card, bookmark.
    today = datetime.datetime.now(datetime.UTC)
    name = f"inc-{today:%Y%m%d}-payments"
    room = eventually(lambda: _complete_room(company, name))
    assert {ADA, LINUS} <= set(room["members"])
    assert "INC-1 P3 declared" in room["topic"]
    card = next(m for m in company.messages(name, ADA) if m["ts"] == room["pins"][0])
    assert "Cards are declined" in json.dumps(card), (
        "what was typed stays, the template fills the rest"
    )
    assert room["bookmarks"][0]["link"].endswith("/incidents/INC-1")
    # A P3 is told to its own channel only.
    assert company.posts()["general"] == []
    assert company.posts()["engineering"] == []

    # An update, in the channel, without naming the incident.
    assert "posted" in company.told(ADA, "status We see declined cards since 10:02", name)
    eventually(lambda: "We see declined cards since 10:02" in seen(company, name, LINUS))

    # Escalation to P1 tells everyone of the new level.
    assert "is now P1" in company.told(ADA, "severity P1 all cards are declined", name)
    eventually(lambda: "Cards are declined" in seen(company, "general", GRACE))
    eventually(lambda: "Cards are declined" in seen(company, "engineering", GRACE))
    eventually(lambda: _direct_messages(company, KEN) == 1)
    eventually(lambda: _direct_messages(company, MARGARET) == 1)
    eventually(lambda: "P1 declared" in company.channel(name)["topic"])

    # Somebody else is refused, and nothing changes.
    assert "Only the commander" in company.told(GRACE, "resolved all fine", name)
    # Ada hands over to Grace, who then may.
    assert "now commands INC-1" in company.told(ADA, f"commander <@{GRACE}|grace>", name)
    eventually(lambda: GRACE in company.channel(name)["members"])
    assert "Only the commander" in company.told(ADA, "resolved all fine", name)
    assert "is now monitoring" in company.told(GRACE, "status monitoring Rolled back", name)

    # Resolved, twice: the second time changes nothing. Who was told directly just now
    # is told of the end a little later.
    assert "INC-1 is resolved" in company.told(GRACE, "resolved Old release is back", name)
    assert "already resolved by" in company.told(GRACE, "resolved once more", name)
    eventually(lambda: "resolved" in seen(company, "general", LINUS))
    put_off = rows(
        company, "SELECT payload FROM deliveries WHERE kind = 'slack.dm' AND state = 'pending'"
    )
    assert len(put_off) == 2
    assert all("within 5 minutes" in str(row["payload"]) for row in put_off)
    assert _direct_messages(company, KEN) == 1

    # The timeline tells it all, in order, to anyone.
    answer = company.type(MARGARET, "timeline INC-1")["body"]
    told = json.dumps(answer, ensure_ascii=False)
    order = [
        "Incident declared",
        "since 10:02",
        "P3 → P1",
        "Command handed over",
        "Old release is back",
    ]
    assert [told.index(part) for part in order] == sorted(told.index(part) for part in order)

    # The post-mortem, drafted in Slack, read on the web.
    assert "/incidents/INC-1/postmortem" in company.told(GRACE, "postmortem", name)
    browser = company.sign_in()
    page = browser.get("/incidents/INC-1/postmortem")
    assert "Time to first update" in page
    assert "Old release is back" in page
    incident_page = browser.get("/incidents/INC-1")
    for part in ("Cards are declined", "Old release is back", "all cards are declined"):
        assert part in incident_page

    # The database: one incident, a whole audit chain that names the refusals, nothing undelivered.
    (incident,) = rows(company, "SELECT status, severity, duration_seconds FROM incidents")
    assert (incident["status"], incident["severity"]) == ("resolved", "P1")
    assert incident["duration_seconds"] >= 0
    refused = rows(company, "SELECT action FROM audit_entries WHERE outcome = 'refused'")
    assert [row["action"] for row in refused] == ["resolve", "resolve"]
    assert "whole" in company.flask("audit", "verify")
    is_open = "state IN ('pending', 'leased', 'retrying', 'parked') AND kind != 'slack.dm'"
    undelivered = f"SELECT kind, state, last_error FROM deliveries WHERE {is_open}"  # noqa: S608 - a constant
    eventually(lambda: rows(company, undelivered) == [])
    # One card in each place, brought up to date rather than posted anew.
    eventually(lambda: "P1 resolved" in company.channel(name)["topic"])
    assert len(company.channel(name)["pins"]) == 1
    assert all(not call["error"] for call in company.calls()), company.calls()


def _complete_room(company: World, name: str) -> dict[str, Any] | None:
    room = company.channel(name)
    done = room["topic"] and room["pins"] and room["bookmarks"] and ADA in room["members"]
    return room if done else None


def _direct_messages(company: World, user: str) -> int:
    """Return how many direct messages a person has from incidentbot."""
    return len(company.posts().get(user, []))
