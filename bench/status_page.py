"""How many readers the status page stands in an outage: against a static file from the same gunicorn."""

import asyncio
import statistics
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import Incident
from incidentbot.status_pages.models import Impact, PublicIncident, PublicStatus, PublicUpdate
from tests.scenarios.world import APP
from tests.servers.ports import free_port
from tests.servers.processes import start
from tests.web.status_site import commander, declare, status_app

READERS = 64
INCIDENTS = 10_000
SECONDS = 4.0
ROUNDS = 3
STATIC = "/static/css/components.css"  # of about the page's size as it is sent
# One reader costs hardly more than a file does: that is what the page is kept in memory for.
AT_LEAST = 0.8


def measure(folder: Path) -> bool:
    """Print requests a second and the 99th percentile of both, and their ratios."""
    port = free_port()
    env = {
        "DATABASE_URL": f"sqlite:///{folder}/app.db",
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SECRET_KEY": "bench",
    }
    _fill(env["DATABASE_URL"])
    rates: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    with start(APP, env, f"{env['BASE_URL']}/health", folder / "app.log"):
        for path in ("/status", STATIC):  # nobody's first time counts
            asyncio.run(_read(port, path, 0.5))
        for _round in range(ROUNDS):
            for path in ("/status", STATIC):
                taken = asyncio.run(_read(port, path, SECONDS))
                rates.setdefault(path, []).append(len(taken) / SECONDS)
                waits.setdefault(path, []).append(sorted(taken)[int(len(taken) * 0.99) - 1] * 1000)
    rate = {path: statistics.median(found) for path, found in rates.items()}
    p99 = {path: statistics.median(found) for path, found in waits.items()}
    ratio = rate["/status"] / rate[STATIC]
    print(
        f"/status, {READERS} readers, {INCIDENTS:,} past incidents: {rate['/status']:.0f} requests/s, "
        f"p99 {p99['/status']:.0f} ms; a static file: {rate[STATIC]:.0f} requests/s, "
        f"p99 {p99[STATIC]:.0f} ms; ratios {ratio:.2f} (at least {AT_LEAST}) and "
        f"{p99['/status'] / p99[STATIC]:.2f}",
        flush=True,
    )
    return ratio >= AT_LEAST


async def _read(port: int, path: str, seconds: float) -> list[float]:
    """Have every reader ask again and again; return how long each answer took."""
    until = time.monotonic() + seconds
    taken: list[float] = []
    await asyncio.gather(*(_reader(port, path, until, taken) for _ in range(READERS)))
    return taken


async def _reader(port: int, path: str, until: float, taken: list[float]) -> None:
    asked = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (begun := time.monotonic()) < until:
        writer.write(asked)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        assert head.startswith("http/1.1 200"), head
        length = int(head.split("content-length: ", 1)[1].split("\r\n", 1)[0])
        await reader.readexactly(length)
        taken.append(time.monotonic() - begun)
        if "connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


def _fill(database_url: str) -> None:
    """Write the past, and one incident that is going on."""
    app = status_app(database_url)
    declare(app)
    now = clock.now()
    with app.app_context():
        session, ada = db.session(), commander()
        numbers = range(2, INCIDENTS + 2)
        at = {number: now - timedelta(hours=number) for number in numbers}
        with write_transaction(session):
            session.execute(
                insert(Incident),
                [
                    {
                        "id": number,
                        "number": number,
                        "title": "internal",
                        "severity": Severity.P3,
                        "status": Status.RESOLVED,
                        "service_id": 1 + number % 2,
                        "commander_id": ada.user_id,
                        "declared_at": at[number],
                        "updated_at": at[number],
                        "resolved_at": at[number],
                        "slack_channel_name": f"inc-{number}",
                    }
                    for number in numbers
                ],
            )
            session.execute(
                insert(PublicIncident),
                [
                    {
                        "incident_id": number,
                        "title": f"Trouble {number}",
                        "status": PublicStatus.RESOLVED,
                        "impact": Impact.MINOR,
                        "opened_at": at[number],
                        "updated_at": at[number],
                        "resolved_at": at[number],
                    }
                    for number in numbers
                ],
            )
            session.execute(
                insert(PublicUpdate),
                [
                    {
                        "incident_id": number,
                        "seq": seq,
                        "status": PublicStatus.RESOLVED,
                        "body": "Something was slow, and is quick again.",
                        "at": at[number],
                    }
                    for number in numbers
                    for seq in (1, 2, 3)
                ],
            )
