"""Deliveries a second through one worker process and through two, against a bare loop of posts.

The loop is what a script would do: `slack_sdk` posts one after another to the same sandbox. With no
latency all compete for this machine's cores; with Slack's usual latency the waiting counts.
"""

import time
from pathlib import Path

from slack_sdk import WebClient
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from incidentbot.database import write_transaction
from incidentbot.incidents.models import EventKind, Incident, TimelineEvent
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import Effect, publish
from tests.drills.fleet import Fleet, fleet
from tests.drills.people import Ledger, declare

STREAMS = 40
CHANNEL = "#random"
LATENCIES_MS = (0, 50)
DELIVERIES = {0: 600, 50: 400}
LOOP = {0: 200, 50: 60}


def measure(folder: Path) -> bool:
    """Print the rates and their ratios. There is no limit to keep to."""
    for processes in (1, 2):
        place = folder / f"workers-{processes}"
        place.mkdir()
        with fleet(place, web=1, workers=({"WORKERS": str(processes)},)) as running:
            declare(running.company, Ledger(), "bench")
            running.wait_until_drained(30)
            for latency in LATENCIES_MS:
                if latency:
                    running.company.fault(kind="latency", ms=latency)
                loop = _bare_loop(running, LOOP[latency])
                rate = _through_the_outbox(running, DELIVERIES[latency])
                print(
                    f"deliveries, Slack answers in {latency} ms, {processes} worker "
                    f"process{'es' if processes > 1 else ''}: {rate:.0f}/s, "
                    f"{rate / loop:.2f} times a bare loop of posts ({loop:.0f}/s)",
                    flush=True,
                )
    return True


def _bare_loop(running: Fleet, posts: int) -> float:
    env = running.company.env
    client = WebClient(token=env["SLACK_BOT_TOKEN"], base_url=env["SLACK_API_URL"])
    started = time.perf_counter()
    for number in range(posts):
        client.chat_postMessage(channel=CHANNEL, text=f"post {number}")
    return posts / (time.perf_counter() - started)


def _through_the_outbox(running: Fleet, deliveries: int) -> float:
    """Write so many messages in one transaction and return how many left a second."""
    engine = create_engine(running.company.env["DATABASE_URL"])
    with Session(engine) as session:
        with write_transaction(session):
            incident = session.scalars(select(Incident)).one()
            event = session.scalars(
                select(TimelineEvent).where(TimelineEvent.kind == EventKind.DECLARED)
            ).one()
            run = time.monotonic_ns()
            written = publish(
                session,
                [
                    Effect(
                        kind="slack.message",
                        target=CHANNEL,
                        stream=f"bench/{number % STREAMS}",
                        dedupe_key=f"bench/{run}/{number}",
                        payload={"seq": event.seq},
                        incident_id=incident.id,
                    )
                    for number in range(deliveries)
                ],
            )
            first = written[0].id
        running.wait_until_drained(300)
        rows = session.execute(
            select(Delivery.created_at, Delivery.finished_at).where(
                Delivery.id >= first, Delivery.state == DeliveryState.DONE
            )
        ).all()
    engine.dispose()
    assert len(rows) == deliveries
    seconds = max(row.finished_at for row in rows) - min(row.created_at for row in rows)
    return deliveries / seconds.total_seconds()
