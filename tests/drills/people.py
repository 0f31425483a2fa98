"""People who go on working while harm is done, and remember what they were told."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from tests.drills.fleet import Fleet
from tests.scenarios.world import ADA, Browser, World
from tests.slack.sender import signed_headers, slash, submission

SLACK_WAITS_SECONDS = 3.0
_numbers = count(1)


@dataclass
class Said:
    """One thing a person asked for. `accepted` is None where no answer came: it may have happened."""

    text: str
    accepted: bool | None
    answer: str
    seconds: float
    reference: str = ""


@dataclass
class Ledger:
    """What people asked for and what they were told, in the order of each person's requests."""

    declared: list[Said] = field(default_factory=list)
    updated: list[Said] = field(default_factory=list)

    def slowest(self) -> float:
        """Return the seconds of the slowest answer."""
        return max((said.seconds for said in (*self.declared, *self.updated)), default=0.0)

    def accepted(self) -> int:
        """Return how many requests were told that they are done."""
        return sum(said.accepted is True for said in (*self.declared, *self.updated))


def declare(company: World, ledger: Ledger, title: str, severity: str = "P3", **more: str) -> Said:
    """Submit the declare modal, as Slack sends it."""
    values = {
        "title": title,
        "severity": severity,
        "service": "payments",
        "commander": ADA,
        "summary": "",
        **more,
    }
    body = submission("declare", values, user=ADA, view_id=f"V{title}-{next(_numbers)}")
    said = _send(company, title, body)
    if said.accepted:
        said.reference = said.answer.split('"text": "')[1].split()[0]
    ledger.declared.append(said)
    return said


def declared(company: World, ledger: Ledger, title: str, severity: str = "P3") -> str:
    """Declare an incident, again where no answer comes in time, and return its reference."""
    return insist_on_declaring(company, ledger, title, severity=severity)[-1].reference


def update(company: World, ledger: Ledger, reference: str, text: str) -> Said:
    """Type `/incident status INC-n text`, as Slack sends it."""
    said = _send(company, text, slash(f"status {reference} {text}", user=ADA))
    said.reference = reference
    ledger.updated.append(said)
    return said


def _send(company: World, text: str, body: str) -> Said:
    headers = signed_headers(body, secret=company.env["SLACK_SIGNING_SECRET"])
    started = time.monotonic()
    try:
        response = requests.post(
            f"{company.app_url}/slack/events",
            data=body,
            headers=headers,
            timeout=SLACK_WAITS_SECONDS,
        )
    except requests.RequestException as error:
        return Said(text, None, type(error).__name__, time.monotonic() - started)
    answer = response.text
    accepted = response.status_code == 200 and (
        ":white_check_mark:" in answer or "is declared" in answer
    )
    return Said(text, accepted, answer, time.monotonic() - started)


@contextmanager
def busy_people(work: Callable[[int, threading.Event], None], number: int) -> Iterator[None]:
    """Have so many people work side by side, each `work(their number, over)`, while the block runs.

    At the end of the block `over` is set, and they finish what they are doing.
    """
    over = threading.Event()
    raised: list[BaseException] = []

    def run(who: int) -> None:
        try:
            work(who, over)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(who,)) for who in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert raised == []


def check_nothing_lost_or_shown_twice(fleet: Fleet, ledger: Ledger) -> None:
    """Compare the database, Slack and the audit log with what people were told."""
    posts = fleet.company.posts()
    rooms = {room["name"]: room for room in fleet.company.channels()}
    keys = Counter(
        (place, message["metadata"]["event_payload"]["key"])
        for place, messages in posts.items()
        for message in messages
    )
    assert [key for key, copies in keys.items() if copies > 1] == [], "shown twice"

    incidents = {
        f"INC-{row['number']}": row
        for row in fleet.rows("SELECT number, title, slack_channel_name FROM incidents")
    }
    titles = Counter(row["title"] for row in incidents.values())
    assert sorted(row["number"] for row in incidents.values()) == list(range(1, len(incidents) + 1))
    for said in ledger.declared:
        wanted = (1,) if said.accepted else (0, 1) if said.accepted is None else (0,)
        assert titles[said.text] in wanted, said
    for said in (said for said in ledger.declared if said.accepted):
        row = incidents[said.reference]
        assert row["title"] == said.text
        room = rooms[row["slack_channel_name"]]
        assert len(room["pins"]) == 1, (said, room["pins"])
        assert len(room["bookmarks"]) == 1
        assert said.reference in room["topic"]

    texts: dict[str, list[str]] = {}
    for reference, row in incidents.items():
        shown = posts.get(row["slack_channel_name"], [])
        texts[reference] = [message["text"] for message in shown]
    for said in ledger.updated:
        copies = sum(said.text in text.split() for text in texts[said.reference])
        wanted = (1,) if said.accepted else (0, 1) if said.accepted is None else (0,)
        assert copies in wanted, (said, copies)
    for reference, shown in texts.items():
        order = [s.text for s in ledger.updated if s.reference == reference and s.accepted]
        seen = [word for text in shown for word in text.split() if word in set(order)]
        assert seen == order, f"the order in {reference}"
    assert "whole" in fleet.company.flask("audit", "verify")


class Visitor(Browser):
    """A person at a browser, signed in, who is told how each form went instead of failing.

    `urls` are the app's addresses: where nobody listens, the next one is asked.
    """

    def __init__(self, signed_in: Browser) -> None:
        super().__init__(signed_in._url)
        self._session = signed_in._session
        self.urls = [signed_in._url]

    def send(self, path: str, fields: Mapping[str, str]) -> requests.Response:
        """Send a form as it was filled in, and follow where it leads. Raises RequestException."""
        return self._ask("POST", path, data=fields)

    def open_form(self, path: str) -> dict[str, str]:
        """Return what a page's forms hold before anything is typed. Raises RequestException."""
        page = self._ask("GET", path)
        if page.status_code != 200:
            raise requests.HTTPError(path, response=page)
        return dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', page.text))

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        *others, last = self.urls
        for url in others:
            with suppress(requests.ConnectionError):
                return self._session.request(method, url + path, timeout=10, **more)
        return self._session.request(method, last + path, timeout=10, **more)


def insist(say: Callable[[], Said], seconds: float = 30) -> list[Said]:
    """Ask again after each refusal and each silence, as people do, until told that it is done.

    Returns all that was said; the last one is the acceptance.
    """
    told: list[Said] = []
    deadline = time.monotonic() + seconds
    while not (told and told[-1].accepted):
        assert time.monotonic() < deadline, f"still not accepted: {told[-1]}"
        if told:
            time.sleep(0.2)
        told.append(say())
    return told


def insist_on_declaring(company: World, ledger: Ledger, title: str, **fields: str) -> list[Said]:
    """Submit one open declare modal until it is accepted."""
    view_id = f"V{title}-{next(_numbers)}"
    values = {
        "title": title,
        "severity": "P3",
        "service": "payments",
        "commander": ADA,
        "summary": "",
        **fields,
    }

    def submit() -> Said:
        return _send(company, title, submission("declare", values, user=ADA, view_id=view_id))

    told = insist(submit)
    told[-1].reference = told[-1].answer.split('"text": "')[1].split()[0]
    ledger.declared.append(told[-1])
    return told


def insist_on_the_web(visitor: Visitor, ledger: Ledger, title: str) -> list[Said]:
    """Fill in the declare form once, and send it until it is accepted."""
    fields: dict[str, str] = {}
    typed = {"title": title, "severity": "P3", "service": "payments", "commander": "1"}

    def send() -> Said:
        started = time.monotonic()
        try:
            if not fields:
                fields.update(visitor.open_form("/incidents/new"), **typed)
            response = visitor.send("/incidents/new", fields)
        except requests.HTTPError as refusal:
            response = refusal.response
        except requests.RequestException as error:
            return Said(title, None, type(error).__name__, time.monotonic() - started)
        found = re.search(r"/incidents/(INC-\d+)$", response.url)
        reference = found[1] if found and response.ok else ""
        seconds = time.monotonic() - started
        return Said(title, bool(reference), response.text, seconds, reference)

    told = insist(send)
    ledger.declared.append(told[-1])
    return told
