"""The bot token is revoked: everything is given up at once, and made when there is a new one."""

import json
from pathlib import Path
from typing import Any

import requests

from tests.drills.fleet import Fleet, fleet
from tests.drills.people import (
    Ledger,
    check_nothing_lost_or_shown_twice,
    declared,
    update,
)
from tests.scenarios.world import ADA, World, eventually

REASON = "The bot token was revoked"
PARKED_AT_ONCE_SECONDS = 15


def test_what_was_given_up_is_made_with_the_new_token(tmp_path: Path) -> None:
    drill(tmp_path, incidents=2, updates=3)


def drill(folder: Path, incidents: int = 15, updates: int = 10) -> str:
    """Revoke the token, go on working, restore it, and press Retry all."""
    with fleet(folder, workers=({}, {})) as running:
        company, ledger = running.company, Ledger()
        browser = company.sign_in()
        before = [declared(company, ledger, f"title-{n}") for n in range(incidents)]
        running.wait_until_drained(60)

        _token(company, "revoked")
        during = [
            declared(company, ledger, f"later-{n}", "P3" if n else "P1") for n in range(incidents)
        ]
        company.told(ADA, f"note {before[0]} pointless")
        for number in range(updates):
            for reference in (*before, *during):
                update(company, ledger, reference, f"update-{reference}-{number}")
        eventually(lambda: _can_leave(running) == 0, PARKED_AT_ONCE_SECONDS)
        parked = running.parked()
        assert all(REASON in row["last_error"] for row in parked), parked
        attempts = running.rows("SELECT max(attempts) AS most FROM deliveries")[0]["most"]
        assert attempts == 1, "given up at once"
        waiting = _waiting(running)
        assert all("which was given up: Slack refused" in row["last_error"] for row in waiting)
        assert {row["kind"] for row in waiting} >= {"slack.card", "slack.message", "slack.topic"}

        page = browser.get("/settings/deliveries")
        assert REASON in page
        assert "which was given up" in page, "what waits for it says so"
        assert REASON in browser.get(f"/incidents/{during[-1]}")
        _at_the_command_line(running)

        _token(company, "active")
        answer = browser.post("/settings/deliveries/retry-all", browser.get("/settings/deliveries"))
        assert f"{len(parked) - 1} deliveries are tried again" in answer
        running.wait_until_drained(60)
        assert running.parked() == []
        check_nothing_lost_or_shown_twice(running, ledger)
        shown = json.dumps(company.posts())
        assert "pointless" not in shown, "what was left out is never made"
        assert REASON not in shown, "nobody is told of what was delivered after all"
        assert "Everything that could be delivered was" in browser.get("/settings/deliveries")
        return (
            f"{len(parked)} deliveries given up at the first attempt, {len(waiting)} waited for "
            "them and said so; after Retry all: 0 lost, 0 twice, order kept"
        )


def _token(company: World, state: str) -> None:
    response = requests.put(
        f"{company.slack_url}/sandbox/settings", json={"token_state": state}, timeout=10
    )
    assert response.ok, response.text


def _can_leave(running: Fleet) -> int:
    """Return how many deliveries are to be made that wait for nothing that was given up."""
    return running.unfinished() - len(_waiting(running))


def _waiting(running: Fleet) -> list[dict[str, Any]]:
    """Return the deliveries that need the result of one that was given up."""
    return running.rows(
        "SELECT d.id, d.kind, d.last_error FROM deliveries d"
        " JOIN deliveries needed ON needed.id = d.waits_for_id"
        " WHERE d.state = 'pending' AND needed.state = 'parked'"
    )


def _at_the_command_line(running: Fleet) -> None:
    """List, show, retry (in vain, without a token), skip what has become pointless."""
    flask = running.company.flask
    listed = flask("deliveries", "list", "--state", "parked", "--limit", "10000").splitlines()
    assert len(listed) == len(running.parked())
    assert all(REASON in line for line in listed)

    first = int(listed[0].split("\t")[0])
    assert "is tried again" in flask("deliveries", "retry", str(first))
    eventually(lambda: _shown(running, first)["attempts"] == 2)
    eventually(lambda: _shown(running, first)["state"] == "parked")

    (note,) = running.rows(
        "SELECT d.id FROM deliveries d JOIN timeline_events e ON e.incident_id = d.incident_id"
        " AND e.seq = (d.payload ->> 'seq')::int WHERE d.kind = 'slack.message'"
        " AND e.kind = 'note'"
    )
    assert "is left out" in flask("deliveries", "skip", str(note["id"]))
    assert _shown(running, note["id"])["last_error"] == "left out by an operator"


def _shown(running: Fleet, delivery: int) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(running.company.flask("deliveries", "show", str(delivery)))
    return shown
