"""What happens at the demo's company in a year: a list of steps, made up from a seed. Pure data."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from incidentbot.demo import company
from incidentbot.demo.company import SERVICES, DemoService, Story
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.users.models import Role

DAYS = 364
INCIDENTS = 350
_HOURS = (3, 2, 2, 2, 2, 3, 5, 9, 15, 19, 19, 17, 14, 16, 18, 17, 14, 11, 8, 6, 5, 5, 4, 3)
_WEEKDAYS = (112, 120, 125, 116, 92, 34, 30)  # from Monday

# Medians: minutes to resolve, to the first update, and between updates.
_PACE = {
    Severity.P1: (65, 6, 21),
    Severity.P2: (130, 14, 44),
    Severity.P3: (420, 45, 170),
    Severity.P4: (1_500, 120, 560),
}


@dataclass(frozen=True)
class Step:
    """At `at` somebody does `what` to the incident with this `key`: a command, with its words."""

    at: datetime
    key: int
    what: str
    by: str = "commander"
    words: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plot:
    """One incident as it will go."""

    key: int
    start: datetime
    severity: Severity
    service: DemoService
    story: Story
    title: str
    words: dict[str, str]


def plan(seed: int, now: datetime, incidents: int = INCIDENTS) -> list[Step]:
    """Return every step of the year before `now`, in order. The same seed makes the same year."""
    dice = random.Random(seed)  # noqa: S311 - a story, not a secret
    days = max(30, DAYS * min(incidents, INCIDENTS) // INCIDENTS)
    starts = sorted(_moment(dice, now, days) for _ in range(incidents))
    steps: list[Step] = []
    for key, start in enumerate(starts):
        # The team learns: towards the end things are mended a third quicker.
        age = (now - start) / timedelta(days=DAYS)
        steps += _incident(dice, _plot(dice, key, start), now, speed=0.7 + 0.35 * age)
    steps += _open_now(dice, len(starts), now)
    return sorted((step for step in steps if step.at < now), key=lambda step: (step.at, step.key))


def _moment(dice: random.Random, now: datetime, days: int) -> datetime:
    """Return when an incident begins: mostly on working days, mostly in the daytime."""
    latest = now - timedelta(hours=30)
    while True:
        day = latest.date() - timedelta(days=dice.randrange(days))
        if dice.randrange(max(_WEEKDAYS)) < _WEEKDAYS[day.weekday()]:
            break
    hour = dice.choices(range(24), _HOURS)[0]
    moment = datetime(
        day.year,
        day.month,
        day.day,
        hour,
        dice.randrange(60),
        dice.randrange(60),
        tzinfo=now.tzinfo,
    )
    return min(moment, latest)


def _plot(dice: random.Random, key: int, start: datetime, severity: Severity | None = None) -> Plot:
    service = dice.choices(SERVICES, [service.weight for service in SERVICES])[0]
    story = dice.choice(service.stories)
    words = {
        "percent": str(dice.choice((2, 5, 8, 12, 20, 30))),
        "region": dice.choice(company.REGIONS),
        "release": f"{start:%Y.%m.%d}-{dice.randrange(1, 5)}",
        "count": str(dice.choice((12, 18, 25, 40, 70, 130, 240))),
    }
    severity = severity or dice.choices(tuple(Severity), story.share)[0]
    return Plot(key, start, severity, service, story, story.title.format(**words), words)


def _incident(dice: random.Random, plot: Plot, now: datetime, speed: float) -> Iterator[Step]:
    """Yield the steps of an incident that ended."""
    yield _declared(dice, plot)
    to_resolve, to_first, _ = _PACE[plot.severity]
    lasting = timedelta(minutes=to_resolve * speed * _spread(dice, 0.75))
    first = min(timedelta(minutes=to_first * speed * _spread(dice, 0.7)), lasting * 0.5)
    if dice.random() < 0.06:
        words = {"reason": dice.choice(company.CANCELLED)}
        yield Step(plot.start + first + timedelta(minutes=4), plot.key, "cancel", words=words)
        return
    end = plot.start + lasting
    yield from _told(dice, plot, plot.start + first, end)
    yield from _asides(dice, plot, end)
    yield _resolved(plot, end)
    if dice.random() < (0.2 if plot.severity is Severity.P1 else 0.05):
        # Some so soon that people who were just told by direct message are spared another.
        again = end + timedelta(minutes=dice.choice((3, 4, 35, 90)))
        words = {"reason": dice.choice(company.REOPENED)}
        yield Step(again, plot.key, "reopen", words=words)
        update = {"message": dice.choice(company.UPDATES)}
        yield Step(again + lasting * 0.2, plot.key, "update", words=update)
        end = again + lasting * 0.5
        yield _resolved(plot, end)
    yield from _aftermath(dice, plot, end, now)


def _declared(dice: random.Random, plot: Plot) -> Step:
    is_private = plot.service.slug == company.PRIVATE_SERVICE and dice.random() < 0.6
    words = {
        "title": plot.title,
        "severity": plot.severity.value,
        "service": plot.service.slug,
        "summary": plot.story.summary.format(**plot.words) if dice.random() < 0.85 else "",
        "is_private": is_private,
        "commander": dice.choice(plot.service.owners),
    }
    by = words["commander"] if dice.random() < 0.6 else _anybody(dice)
    return Step(plot.start, plot.key, "declare", str(by), words)


def _told(dice: random.Random, plot: Plot, first: datetime, end: datetime) -> Iterator[Step]:
    """Yield the updates and moves up to the end: looking, found, mending."""
    gap = _PACE[plot.severity][2]
    moments = [first]
    while True:
        # Now and then everybody is too busy to tell.
        minutes = gap * dice.uniform(0.5, 1.25) * (2.4 if dice.random() < 0.07 else 1)
        moment = moments[-1] + timedelta(minutes=minutes)
        if moment >= end - timedelta(minutes=2) or len(moments) == 14:
            break
        moments.append(moment)
    found = max(1, round(len(moments) * dice.uniform(0.35, 0.6)))
    mending = max(found + 1, round(len(moments) * dice.uniform(0.65, 0.9)))
    for number, moment in enumerate(moments):
        if number == 0:
            yield _moved(plot, moment, Status.INVESTIGATING, dice.choice(company.UPDATES))
        elif number == found:
            yield _moved(plot, moment, Status.IDENTIFIED, plot.story.found)
        elif number == mending:
            yield _moved(plot, moment, Status.MONITORING, plot.story.mending)
        else:
            words = {"message": dice.choice(company.UPDATES)}
            yield Step(moment, plot.key, "update", words=words)


def _moved(plot: Plot, at: datetime, status: Status, message: str) -> Step:
    words = {"status": status, "message": message.format(**plot.words)}
    return Step(at, plot.key, "move", words=words)


def _resolved(plot: Plot, at: datetime) -> Step:
    return Step(at, plot.key, "resolve", words={"message": plot.story.solved.format(**plot.words)})


def _asides(dice: random.Random, plot: Plot, end: datetime) -> Iterator[Step]:
    """Yield what else happens before the end: notes, people, another severity, another commander."""
    lasting = end - plot.start

    def some_time() -> datetime:
        return plot.start + lasting * dice.uniform(0.15, 0.85)

    helpers = {name for name in plot.service.owners if dice.random() < 0.6}
    for name in sorted(helpers):
        yield Step(some_time(), plot.key, "join", name)
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        words = {"text": dice.choice(company.NOTES)}
        yield Step(some_time(), plot.key, "note", dice.choice(plot.service.owners), words)
    if plot.severity in (Severity.P1, Severity.P2):
        words = {"person": _anybody(dice), "role": "communications"}
        yield Step(plot.start + lasting * 0.1, plot.key, "add_person", words=words)
    luck = dice.random()
    worse = {Severity.P2: Severity.P1, Severity.P3: Severity.P2, Severity.P4: Severity.P3}
    if luck < 0.03 and plot.severity in worse:
        words = {"severity": worse[plot.severity].value, "reason": company.ESCALATED}
        yield Step(some_time(), plot.key, "severity", words=words)
    elif luck < 0.12 and plot.severity in (Severity.P1, Severity.P2, Severity.P3):
        lower = {after: before for before, after in worse.items()}[plot.severity]
        words = {"severity": lower.value, "reason": company.LOWERED}
        yield Step(some_time(), plot.key, "severity", words=words)
    if lasting > timedelta(hours=4) and dice.random() < 0.25:
        words = {"person": _anybody(dice)}
        yield Step(plot.start + lasting * 0.6, plot.key, "hand_over", words=words)
    elif dice.random() < 0.015:
        words = {"reason": dice.choice(company.TAKEOVERS)}
        yield Step(some_time(), plot.key, "take_over", _anybody(dice), words)


def _aftermath(dice: random.Random, plot: Plot, end: datetime, now: datetime) -> Iterator[Step]:
    """Yield the post-mortem and what it leaves to do."""
    likely = {Severity.P1: 1.0, Severity.P2: 0.65, Severity.P3: 0.12, Severity.P4: 0.02}
    if dice.random() > likely[plot.severity]:
        return
    drafted = end + timedelta(hours=dice.uniform(3, 60))
    yield Step(drafted, plot.key, "draft")
    written = drafted + timedelta(hours=dice.uniform(1, 30))
    words = {
        "impact": plot.story.summary.format(**plot.words),
        "cause": plot.story.found.format(**plot.words),
        "solved": plot.story.solved.format(**plot.words),
    }
    yield Step(written, plot.key, "write", words=words)
    for number, text in enumerate(plot.story.to_do):
        due = written.date() + timedelta(days=dice.choice((14, 21, 30, 45)))
        owner = dice.choice(plot.service.owners) if dice.random() < 0.9 else None
        at = written + timedelta(minutes=number + 1)
        item = {"text": text, "owner": owner, "due": due.isoformat() if number < 3 else ""}
        yield Step(at, plot.key, "to_do", words=item)
        finished = _finished(dice, at, due)
        if finished is not None and finished < now:
            by = owner or plot.service.owners[0]
            yield Step(finished, plot.key, "did", by, {"text": text})


def _finished(dice: random.Random, at: datetime, due: date) -> datetime | None:
    """Return when an action item is done: most in time, some late, a few never."""
    if dice.random() < 0.13:
        return None
    days = max(1, (due - at.date()).days)
    return at + timedelta(days=days * dice.betavariate(3, 1.4) * 1.25)


def _open_now(dice: random.Random, key: int, now: datetime) -> Iterator[Step]:
    """Yield what goes on right now: a P1 under way, a P2 whose update is overdue, two small ones."""

    def before(**time: float) -> datetime:
        return now - timedelta(**time)

    p1 = _named(dice, key, before(minutes=47), Severity.P1, "payments", 0)
    yield _declared(dice, p1)
    yield Step(before(minutes=45), key, "join", "Mei Lin")
    yield Step(
        before(minutes=44),
        key,
        "add_person",
        words={"person": "Ruth Goldberg", "role": "communications"},
    )
    yield _moved(p1, before(minutes=41), Status.INVESTIGATING, company.UPDATES[1])
    yield Step(before(minutes=30), key, "note", "Mei Lin", {"text": company.NOTES[1]})
    yield _moved(p1, before(minutes=22), Status.IDENTIFIED, p1.story.found)
    yield Step(before(minutes=6), key, "update", words={"message": company.UPDATES[-1]})

    p2 = _named(dice, key + 1, before(hours=3, minutes=12), Severity.P2, "search", 1)
    yield _declared(dice, p2)
    yield _moved(p2, before(hours=2, minutes=55), Status.INVESTIGATING, company.UPDATES[0])
    yield Step(before(hours=2, minutes=4), key + 1, "update", words={"message": company.UPDATES[3]})

    p3 = _named(dice, key + 2, before(hours=20), Severity.P3, "orders", 1)
    yield _declared(dice, p3)
    yield _moved(p3, before(hours=19), Status.INVESTIGATING, company.UPDATES[4])
    yield _moved(p3, before(hours=5), Status.IDENTIFIED, p3.story.found)
    yield _moved(p3, before(hours=1, minutes=10), Status.MONITORING, p3.story.mending)

    p4 = _named(dice, key + 3, before(hours=2), Severity.P4, "mobile", 1)
    yield _declared(dice, p4)


def _named(
    dice: random.Random, key: int, start: datetime, severity: Severity, slug: str, story: int
) -> Plot:
    service = next(service for service in SERVICES if service.slug == slug)
    plot = _plot(dice, key, start, severity)
    told = service.stories[story]
    return Plot(key, start, severity, service, told, told.title.format(**plot.words), plot.words)


def _anybody(dice: random.Random) -> str:
    names = [name for name, role, _ in company.PEOPLE if role is not Role.VIEWER]
    return dice.choice(names)


def _spread(dice: random.Random, width: float) -> float:
    """Return a factor around 1, log-normal: seldom small, sometimes far too large."""
    return math.exp(dice.gauss(0, width))
