"""Many moves on one incident at the same moment: commands, double clicks, forms on the web."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import requests

from incidentbot.incidents.lifecycle import PATH, UPDATE_STATUSES, Status
from tests.drills.fleet import Fleet, fleet
from tests.drills.people import (
    Ledger,
    Said,
    check_nothing_lost_or_shown_twice,
    declared,
)
from tests.scenarios.world import ADA, Browser, World
from tests.slack.sender import signed_headers, slash, submission

ANSWER_SECONDS = 30
TOO_LATE = "it cannot go back to"


def test_each_move_is_legal_and_has_its_effect_once(tmp_path: Path) -> None:
    drill(tmp_path, moves=20)


def drill(folder: Path, moves: int = 50) -> str:
    """Make so many moves at once: two in five by command, two by double-clicked modals, one by form."""
    with fleet(folder, workers=({},)) as running:
        company, ledger = running.company, Ledger()
        browser = company.sign_in()
        reference = declared(company, ledger, "title")
        running.wait_until_drained(30)
        page = browser.get(f"/incidents/{reference}")

        asked: list[tuple[str, Callable[[], Said]]] = []
        for number in range(moves):
            word, status = f"move-{number}", UPDATE_STATUSES[number % len(UPDATE_STATUSES)]
            if number % 5 < 2:
                body = slash(f"status {reference} {status} {word}", user=ADA)
                asked.append((word, _slack(company, word, body)))
            elif number % 5 < 4:
                values = {"message": word, "status": status.value}
                for _click in range(2):
                    body = submission(
                        "post_update", values, user=ADA, reference=reference, view_id=f"V{word}"
                    )
                    asked.append((word, _slack(company, word, body)))
            else:
                asked.append((word, _web(company, browser, page, reference, word, status)))
        together = threading.Barrier(len(asked))

        def at_once(ask: Callable[[], Said]) -> Said:
            together.wait()
            return ask()

        with ThreadPoolExecutor(len(asked)) as people:
            answers = list(people.map(at_once, [ask for _word, ask in asked]))
        running.wait_until_drained(60)
        told = dict.fromkeys(word for word, _ask in asked)
        done = [word for word in told if any(a.accepted for a in answers if a.text == word)]
        lost = [word for word in told if word not in done]
        for said in answers:
            assert said.accepted or TOO_LATE in said.answer, "losers are told"
            assert bool(said.accepted) == (said.text in done), "both clicks are told the same"
        _check_the_story(running, reference, done, lost)
        check_nothing_lost_or_shown_twice(running, ledger)
        _check_the_page(running, browser, reference)
        slowest = max(said.seconds for said in answers)
        return (
            f"{len(asked)} requests for {len(told)} moves at once: {len(done)} done once each, "
            f"{len(lost)} told that they are too late; slowest answer {slowest:.1f} s"
        )


def _slack(company: World, word: str, body: str) -> Callable[[], Said]:
    headers = signed_headers(body, secret=company.env["SLACK_SIGNING_SECRET"])

    def ask() -> Said:
        started = time.monotonic()
        response = requests.post(
            f"{company.app_url}/slack/events", data=body, headers=headers, timeout=ANSWER_SECONDS
        )
        assert response.status_code == 200, response.text
        accepted = TOO_LATE not in response.text and ":warning:" not in response.text
        return Said(word, accepted, response.text, time.monotonic() - started)

    return ask


def _web(
    company: World, browser: Browser, page: str, reference: str, word: str, status: Status
) -> Callable[[], Said]:
    token, cookies = (
        re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page),
        browser._session.cookies,
    )
    assert token is not None

    def ask() -> Said:
        started = time.monotonic()
        response = requests.post(
            f"{company.app_url}/incidents/{reference}/update",
            data={
                "csrf_token": token[1],
                "message": word,
                "status": status.value,
                "override_reason": word,
            },
            cookies=cookies,
            timeout=ANSWER_SECONDS,
        )
        assert response.status_code in (200, 409), response.text
        return Said(word, response.ok, response.text, time.monotonic() - started)

    return ask


def _check_the_story(running: Fleet, reference: str, done: list[str], lost: list[str]) -> None:
    """The timeline goes forward only; it, the audit log and the channel have each move once."""
    number = int(reference.removeprefix("INC-"))
    events = running.rows(
        "SELECT e.kind, e.text, e.data FROM timeline_events e"
        " JOIN incidents i ON i.id = e.incident_id WHERE i.number = :number ORDER BY e.seq",
        number=number,
    )
    moved = [event for event in events if event["kind"] == "status"]
    steps = [(PATH.index(e["data"]["from"]), PATH.index(e["data"]["to"])) for e in moved]
    assert all(before < after for before, after in steps)
    assert all(one[1] == other[0] for one, other in pairwise(steps))
    told = [event["text"] for event in events if event["kind"] in ("status", "update")]
    assert sorted(told) == sorted(done)

    entries = running.rows(
        "SELECT reason FROM audit_entries WHERE outcome = 'done' AND subject = :reference"
        " AND action IN ('move_to', 'post_update') ORDER BY seq",
        reference=reference,
    )
    assert [entry["reason"] for entry in entries] == told, "audited once each, in the same order"

    (incident,) = running.rows("SELECT * FROM incidents WHERE number = :number", number=number)
    assert incident["version"] == len(events)
    assert incident["status"] == moved[-1]["data"]["to"]
    room = running.company.posts()[incident["slack_channel_name"]]
    words = [word for message in room for word in message["text"].split()]
    assert [word for word in words if word in {*done, *lost}] == told


def _check_the_page(running: Fleet, browser: Browser, reference: str) -> None:
    """The page shows the newest version, and answers 304 as long as it stays the newest."""
    address = f"{running.company.app_url}/incidents/{reference}/live"
    cookies = browser._session.cookies
    response = requests.get(address, cookies=cookies, timeout=10)
    version = re.search(r'data-version="(\d+)"', response.text)
    assert version is not None
    (row,) = running.rows(
        "SELECT version FROM incidents WHERE number = :n", n=int(reference.removeprefix("INC-"))
    )
    assert int(version[1]) == row["version"]
    headers = {"If-None-Match": response.headers["ETag"]}
    again = requests.get(address, cookies=cookies, headers=headers, timeout=10)
    assert again.status_code == 304
    browser.post(f"/incidents/{reference}/note", browser.get(f"/incidents/{reference}"), text="!")
    again = requests.get(address, cookies=cookies, headers=headers, timeout=10)
    assert again.status_code == 200
