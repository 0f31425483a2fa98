"""`flask worker`: when it begins, and what it waits for. What it delivers is in the drills."""

from pathlib import Path

import pytest
from sqlalchemy import select

from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import Effect, publish
from tests.drills.fleet import WORKER, children
from tests.installation import install
from tests.scenarios.world import eventually
from tests.servers.processes import launch


@pytest.mark.server
def test_on_an_empty_database_it_waits_and_after_the_migration_it_delivers(
    sqlite_url: str, redis_url: str, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": sqlite_url, "REDIS_URL": redis_url, "LOG_FORMAT": "text"}
    with (
        launch(WORKER, env, tmp_path / "stopped.log") as stopped,
        launch(WORKER, env, tmp_path / "worker.log") as worker,
    ):
        for process in (stopped, worker):
            process.wait_until(lambda p=process: "waiting for the database" in p.log_tail(), 30)
            assert children(process.pid) == []
        assert stopped.stop() == 0, "it can be asked to stop while it waits"

        app = install(sqlite_url, slack_bot_token=None, slack_signing_secret=None)
        with app.app_context():
            with write_transaction(session := db.session()):
                publish(session, [Effect("unheard-of", "t", "key", "stream")])

            def is_tried() -> bool:
                session.rollback()
                state = session.scalars(select(Delivery.state).filter_by(kind="unheard-of")).one()
                return state is DeliveryState.PARKED

            eventually(is_tried, 30)
            db.session.remove()
            db.engine.dispose()
        assert worker.log.read_text().count("waiting for the database") == 1, "it says so once"
        assert worker.stop() == 0
