"""Slack is out of reach for a while; people go on, on the web and by commands."""

import html
import json
import re
import threading
import time
from collections import Counter
from pathlib import Path

from tests.drills.fleet import Fleet, fleet
from tests.drills.people import (
    Ledger,
    check_nothing_lost_or_shown_twice,
    declared,
    update,
)
from tests.scenarios.world import Browser, eventually

# The longest pause that incidentbot makes is 15 seconds; then everybody comes back within some more.
CATCH_UP_BEGINS_SECONDS = 20
# Each delivery has its own waits, too; they grow with each attempt that failed.
CATCH_UP_SECONDS = 90
UPDATES = 4


def test_what_happened_while_slack_was_down_is_caught_up(tmp_path: Path) -> None:
    drill(tmp_path, seconds=6, incidents=3)


def drill(folder: Path, seconds: int = 60, incidents: int = 15) -> str:
    """Have Slack refuse every call for so long, and meanwhile declare, update and resolve."""
    with fleet(folder, workers=({}, {})) as running:
        company, ledger = running.company, Ledger()
        browser = company.sign_in()
        before = [declared(company, ledger, f"title-{n}") for n in range(incidents)]
        running.wait_until_drained(60)

        company.clear_calls()
        company.fault(kind="refuse")
        healed_at = time.monotonic() + seconds
        during = [declared(company, ledger, f"later-{n}") for n in range(incidents)]
        on_the_web = [_declare_on_the_web(browser, f"web-{n}") for n in range(incidents)]
        for number in range(UPDATES):
            for reference in (*before, *during):
                update(company, ledger, reference, f"update-{reference}-{number}")
            for reference in on_the_web:
                _act(browser, reference, "update", message=f"web-update-{reference}-{number}")
        for reference in (*before, *on_the_web):
            _act(browser, reference, "resolve", message=f"solved-{reference}")
        threading.Event().wait(max(0.0, healed_at - time.monotonic()))
        refused = len(company.calls())
        assert all(said.accepted for said in (*ledger.declared, *ledger.updated))
        assert "Slack does not answer" in browser.get("/settings/deliveries")

        company.heal()
        healed = time.monotonic()
        eventually(lambda: _served(running) > 0, CATCH_UP_BEGINS_SECONDS)
        began = time.monotonic() - healed
        running.wait_until_drained(CATCH_UP_SECONDS)
        caught_up = time.monotonic() - healed

        check_nothing_lost_or_shown_twice(running, ledger)
        assert running.parked() == []
        _check_the_web_ones(running, on_the_web)
        cards = _check_cards(running, {*before, *on_the_web}, set(during))
        # A pause of up to 15 s after each round of failures; a round is one call a thread at most.
        assert refused <= 40 + 3 * seconds, "retries do not hammer"
        return (
            f"{refused} calls in {seconds} s without Slack; then begun after {began:.1f} s, "
            f"all caught up after {caught_up:.1f} s, {cards} cards in their newest state"
        )


def _declare_on_the_web(browser: Browser, title: str) -> str:
    page = browser.get("/incidents/new")
    answer = browser.post(
        "/incidents/new",
        page,
        title=title,
        severity="P3",
        service="payments",
        commander=_commander_offered(page),
    )
    reference = re.search(r"(INC-\d+) is declared", answer)
    assert reference is not None
    return reference[1]


def _commander_offered(page: str) -> str:
    """Return who the form says commands, as a browser would send it."""
    field = re.search(r'<input[^>]* name="commander" value="([^"]+)"', page)
    assert field is not None
    return html.unescape(field[1])


def _act(browser: Browser, reference: str, form: str, message: str) -> None:
    page = browser.get(f"/incidents/{reference}")
    browser.post(
        f"/incidents/{reference}/{form}", page, message=message, override_reason="the drill"
    )


def _served(running: Fleet) -> int:
    return sum(call["status"] == 200 for call in running.company.calls())


def _check_the_web_ones(running: Fleet, references: list[str]) -> None:
    """What was done on the web is told in each channel, once and in order."""
    posts = running.company.posts()
    for reference in references:
        row = running.rows(
            "SELECT slack_channel_name FROM incidents WHERE number = :number",
            number=int(reference.removeprefix("INC-")),
        )[0]
        shown = [message["text"] for message in posts[row["slack_channel_name"]]]
        wanted = [f"web-update-{reference}-{number}" for number in range(UPDATES)]
        words = [word for text in shown for word in text.split()]
        told = [word for word in words if word in {*wanted, f"solved-{reference}"}]
        assert told == [*wanted, f"solved-{reference}"]


def _check_cards(running: Fleet, resolved: set[str], open_ones: set[str]) -> int:
    """Each card was posted once and shows the newest state, without going through the older ones."""
    company = running.company
    updates = Counter(
        (call["arguments"]["channel"], call["arguments"]["ts"])
        for call in company.calls("chat.update")
        if call["status"] == 200
    )
    assert max(updates.values(), default=0) <= 2, "older states were left out"
    rows = running.rows("SELECT number, slack_channel_name FROM incidents")
    posts, rooms = company.posts(), {room["name"]: room for room in company.channels()}
    for row in rows:
        reference, name = f"INC-{row['number']}", row["slack_channel_name"]
        assert reference in resolved | open_ones
        (card,) = [m for m in posts[name] if m["ts"] in rooms[name]["pins"]]
        text = json.dumps(card, ensure_ascii=False)
        assert ("resolved" in text) == (reference in resolved), (reference, text)
        last = "solved-" if reference in resolved else "update-"
        assert last in text, (reference, text)
    skipped = running.rows(
        "SELECT count(*) AS n FROM deliveries WHERE kind = 'slack.card' AND state = 'skipped'"
    )
    assert skipped[0]["n"] > 0
    return len(rows)
