"""`/metrics` adds up what all processes of a machine have counted, whoever answers, whoever died."""

import os
import signal
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from incidentbot.ops.version import VERSION
from tests.drills.fleet import WORKER, children
from tests.ops.prom import promtool, samples, scrape, total
from tests.scenarios.world import ADA, APP, World, eventually, world
from tests.servers.ports import free_port
from tests.servers.processes import launch

pytestmark = [pytest.mark.server, pytest.mark.scenario]

REQUESTS = "incidentbot_http_requests_total"
PAGES = 40


def test_web_processes_add_up_and_forget_nothing(postgres_url: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"WEB_CONCURRENCY": "3", "METRICS_PORT": str(port), "TMPDIR": str(tmp_path)}
    with world(postgres_url, tmp_path, **settings) as company:
        pids = eventually(lambda: len(children(company.app.pid)) == 3 and children(company.app.pid))
        for _ in range(PAGES):  # each on a connection of its own, which any of them may take
            assert requests.get(f"{company.app_url}/sign-in", timeout=10).status_code == 200
        assert company.declare(ADA) == "INC-1"
        seen = {_pages(url) for _ in range(10)}
        assert seen == {PAGES}, "whoever answers says the same"
        assert requests.get(f"{url}/sign-in", timeout=10).status_code == 404
        assert requests.get(f"{company.app_url}/metrics", timeout=10).status_code == 404

        os.kill(pids[0], signal.SIGKILL)
        eventually(lambda: pids[0] not in children(company.app.pid))
        eventually(lambda: len(children(company.app.pid)) == 3)
        assert {_pages(url) for _ in range(5)} == {PAGES}, "the dead one's numbers stay"

        found = samples(scrape(url))
        assert total(found, "incidentbot_slack_answer_duration_seconds_count", "command") == 1
        assert (
            total(found, "incidentbot_slack_answer_duration_seconds_count", "view_submission") == 1
        )
        assert found["incidentbot_incidents", "P3", "declared"] == 1
        assert found["incidentbot_incidents", "P1", "declared"] == 0
        # There is no Redis: they deliver too, and none counts what another made.
        eventually(lambda: _made(company, url))
        promtool("check", "metrics", given=scrape(url))
        assert list(tmp_path.glob("incidentbot-metrics-*"))
        company.app.stop()
        assert not list(tmp_path.glob("incidentbot-metrics-*")), "nothing is left behind"


def test_who_binds_elsewhere_is_told_that_the_metrics_have_no_port(
    sqlite_url: str, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": sqlite_url, "METRICS_PORT": str(free_port())}
    bound = [*APP[:-1], "--bind", f"127.0.0.1:{free_port()}", APP[-1]]
    with launch(bound, env, tmp_path / "bound.log") as app:
        app.wait_until(lambda: "METRICS_PORT is not listened at" in app.log.read_text(), 30)


def test_workers_show_theirs_at_a_port_to_who_has_the_token(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    settings = {
        "REDIS_URL": redis_url,
        "METRICS_TOKEN": "a-metrics-token",
        "WORKERS": "2",
        "SLACK_RATE_FACTOR": "0",
    }
    with world(postgres_url, tmp_path, **settings) as company:
        (folder := tmp_path / "worker").mkdir()
        env = {**company.env, "METRICS_PORT": str(port), "TMPDIR": str(folder)}
        with launch(WORKER, env, tmp_path / "worker.log") as worker:
            url, token = f"http://127.0.0.1:{port}", {"Authorization": "Bearer a-metrics-token"}
            worker.wait_until(lambda: len(children(worker.pid)) == 3, 30)
            for number in range(4):
                company.declare(ADA, title=f"No {number}")
            eventually(lambda: _made(company, url, **token), 30)
            promtool("check", "metrics", given=(shown := scrape(url, **token)))
            assert total(samples(shown), "incidentbot_build_info", VERSION) == 1
            another = launch(WORKER, env, tmp_path / "another.log")
            eventually(lambda: another.returncode is not None, 30)
            assert "Address already in use" in another.log_tail()
            assert requests.get(f"{url}/metrics", timeout=5).status_code == 401
            assert requests.get(url, headers=token, timeout=5).status_code == 404
            assert worker.stop() == 0
            with pytest.raises(requests.ConnectionError):
                requests.get(url, timeout=5)
        assert list(folder.iterdir()) == [], "nothing is left behind"


def _pages(url: str) -> float:
    return total(samples(scrape(url)), REQUESTS, "auth.welcome", "GET", "2xx")


def _made(company: World, url: str, **headers: str) -> bool:
    """Whether all is delivered, and counted just as the database has it."""
    engine = create_engine(company.env["DATABASE_URL"])
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT kind, state, count(*) FROM deliveries WHERE attempts > 0 GROUP BY 1, 2")
        ).all()
    engine.dispose()
    shown = samples(scrape(url, **headers))
    return (
        len(rows) > 3
        and {state for _, state, _ in rows} == {"done"}
        and all(
            total(shown, "incidentbot_delivery_outcomes_total", kind, state) == count
            and total(shown, "incidentbot_delivery_attempt_duration_seconds_count", kind) >= count
            for kind, state, count in rows
        )
    )
