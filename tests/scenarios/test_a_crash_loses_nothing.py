"""The app is killed (SIGKILL) between a submission and its announcements, and started again."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.scenarios.world import ADA, KEN, MARGARET, World, eventually, world

# Slack takes this long to answer, so that the kill hits while calls are under way.
LATENCY_MS = 150


@pytest.mark.parametrize("calls_before_the_kill", [0, 2, 5, 8])
def test_the_war_room_is_completed_once(
    sqlite_url: str, tmp_path: Path, calls_before_the_kill: int
) -> None:
    with world(sqlite_url, tmp_path, DELIVERY_LEASE_SECONDS="1") as company:
        company.told(ADA, "list")  # Slack is asked who Ada is before the kill, not after
        company.fault(kind="latency", ms=LATENCY_MS)
        opened = company.type(ADA, "declare")["view"]["id"]
        company.clear_calls()
        values = {"title": "Down", "severity": "P1", "service": "payments"}
        company.submit(ADA, opened, values)
        eventually(lambda: len(company.calls()) >= calls_before_the_kill)
        company.restart_app()  # SIGKILL, then a new start
        eventually(lambda: _is_complete(company), seconds=30)
        time.sleep(1.5)  # whatever would still come a second time has come
        assert _copies(company) == {
            "channel": 1,
            "#general": 1,
            "#engineering": 1,
            "war room": 1,
            KEN: 1,
            MARGARET: 1,
        }
        assert "whole" in company.flask("audit", "verify")


def _is_complete(company: World) -> bool:
    rooms = [room for room in company.channels() if room["name"].startswith("inc-")]
    return len(_copies(company)) == 6 and bool(
        rooms[0]["topic"] and rooms[0]["pins"] and rooms[0]["bookmarks"]
    )


def _copies(company: World) -> Counter[str]:
    """Count what incidentbot has made and posted, by place."""
    found: Counter[str] = Counter()
    for place, posted in company.posts().items():
        if place.startswith("inc-"):
            found["channel"] += 1
            found["war room"] += len(posted)
        elif posted:
            found[place if place in (KEN, MARGARET) else f"#{place}"] += len(posted)
    return +found
