"""`make run`: everything on one machine, from nothing: database, sandbox, app, a link to sign in.

Two child processes (the sandbox and gunicorn) run until one stops or Ctrl-C; then both are stopped.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import FrameType

from dotenv import dotenv_values
from flask_migrate import upgrade

from incidentbot import create_app
from incidentbot.config import ROOT, SettingsError
from incidentbot.extensions import db
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role

START_SECONDS = 60
STOP_SECONDS = 25

# What the sandbox's workspace knows: docs/sandbox.md.
_LOCAL = {
    "SLACK_BOT_TOKEN": "xoxb-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
    "STATUSPAGE_API_KEY": "sandbox-statuspage-key",
    "STATUSPAGE_PAGE_ID": "acme00status",
    "SERVICES": "payments,checkout,search,accounts,website",
    "SERVICE_OWNERS": '{"payments": ["U0LINUS00A"], "search": ["U0PRIYA00A"]}',
    "P1_USERS": "U0KEN0000A,U0MARGARET",
    "NOTIFICATION_CHANNEL_GENERAL": "#general",
    "NOTIFICATION_CHANNEL_ENGINEERING": "#engineering",
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "text",
}


def main() -> int:
    """Run until stopped; return the exit status."""
    arguments = argparse.ArgumentParser(prog="python -m incidentbot.local")
    arguments.add_argument("--reload", action="store_true", help="restart when the code changes")
    reload = arguments.parse_args().reload
    environment = _environment()
    os.environ.update(environment)
    try:
        link = _prepare()
    except SettingsError as error:
        print(f"incidentbot cannot start. Please mend these settings:\n{error}", file=sys.stderr)
        return 2
    return _serve(environment, link, reload)


def _environment() -> dict[str, str]:
    """Return the settings of a local run; what the environment or `.env` says wins."""
    own = {**dotenv_values(ROOT / ".env"), **os.environ}
    given = {name: value for name, value in own.items() if value}
    port = given.get("PORT", "8000")
    sandbox_port = given.get("SANDBOX_PORT", "8010")
    addresses = {
        "PORT": port,
        "BASE_URL": f"http://localhost:{port}",
        "SANDBOX_PORT": sandbox_port,
        "SANDBOX_APP_URL": f"http://127.0.0.1:{port}/slack/events",
        "SANDBOX_DATA": str(ROOT / "instance" / "sandbox.json"),
        "SLACK_API_URL": f"http://127.0.0.1:{sandbox_port}/api/",
        "STATUSPAGE_API_URL": f"http://127.0.0.1:{sandbox_port}/statuspage/v1",
    }
    return {**_LOCAL, **addresses, **given}


def _prepare() -> str:
    """Migrate the database and return a link that signs the local admin in, once."""
    app = create_app()
    with app.app_context():
        upgrade()
        session = db.session()
        secret = make_sign_in_secret(
            session, invite(session, "admin@localhost", Role.ADMIN, "Admin")
        )
    return f"{app.extensions['settings'].base_url}/sign-in/{secret}"


def _serve(environment: Mapping[str, str], link: str, reload: bool) -> int:
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, stop)
    web = [sys.executable, "-m", "gunicorn", "app:app", *(["--reload"] if reload else [])]
    children = [
        _start([sys.executable, "-m", "incidentbot.sandbox"], environment),
        _start(web, environment),
    ]
    try:
        app_url = f"http://127.0.0.1:{environment['PORT']}"
        sandbox_url = f"http://127.0.0.1:{environment['SANDBOX_PORT']}"
        deadline = time.monotonic() + START_SECONDS
        ready = False
        while not stopping and all(child.poll() is None for child in children):
            if not ready and _answers(f"{app_url}/health") and _answers(sandbox_url):
                ready = True
                _greet(environment, link)
            if not ready and time.monotonic() > deadline:
                print("The app did not start in time; see the lines above.", file=sys.stderr)
                return 1
            time.sleep(0.1)
        return 0 if stopping else 1
    finally:
        _stop(children)


def _start(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process alone, which then stops each child once.
    return subprocess.Popen(command, cwd=ROOT, env=dict(environment), start_new_session=True)


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _greet(environment: Mapping[str, str], link: str) -> None:
    print(
        f"""
  incidentbot is running.

  Slack sandbox   http://localhost:{environment["SANDBOX_PORT"]}      try /incident declare
  incidentbot     {environment["BASE_URL"]}
  Sign in (once)  {link}

  Ctrl-C stops everything; what you did is there next time.
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
