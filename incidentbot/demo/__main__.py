"""`python -m incidentbot.demo`: fill the database with a year of made-up incidents."""

import argparse
import logging
import sys
import time
from datetime import timedelta

from flask_migrate import upgrade
from sqlalchemy import select

from incidentbot import clock, create_app
from incidentbot.audit.log import verify
from incidentbot.config import SettingsError
from incidentbot.database import is_postgres
from incidentbot.demo.play import play
from incidentbot.demo.year import INCIDENTS, plan
from incidentbot.extensions import db
from incidentbot.incidents.models import Incident


def main() -> int:
    """Fill the database that the settings name; return the exit status."""
    arguments = _arguments()
    try:
        app = create_app()
    except SettingsError as error:
        print(f"incidentbot cannot start. Please mend these settings:\n{error}", file=sys.stderr)
        return 2
    with app.app_context():
        session = db.session()
        if is_postgres(session) and not arguments.yes:
            return _refuse("This is a PostgreSQL database. If it is not your production: --yes.")
        upgrade()
        if session.scalar(select(Incident.id).limit(1)) is not None and not arguments.force:
            return _refuse(
                "This database has incidents. `make db-reset` empties the local one; "
                "--force adds the made-up ones to them."
            )
        # Each entry of the audit log would be a line.
        logging.getLogger("incidentbot.audit.log").setLevel(logging.WARNING)
        begun = time.monotonic()
        # Two minutes ago, as what is told takes a moment to arrive.
        steps = plan(arguments.seed, clock.now() - timedelta(minutes=2), arguments.incidents)
        made = play(session, steps, arguments.seed)
        problems = verify(session)
    print(f"{made} incidents made up in {time.monotonic() - begun:.0f} s. Look at them: make run")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m incidentbot.demo")
    parser.add_argument("--seed", type=int, default=1, help="another number makes another year")
    parser.add_argument("--incidents", type=int, default=INCIDENTS, help="how many in the past")
    parser.add_argument("--force", action="store_true", help="also into a database with incidents")
    parser.add_argument("--yes", action="store_true", help="also into PostgreSQL")
    return parser.parse_args()


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
