"""What the settings say, and whether people reach the app by them."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator

from incidentbot.config import LOCAL_SECRET_KEY, Settings
from incidentbot.doctor.findings import Finding, ok, problem, warning

SECRET_KEY_LENGTH = 32
TIMEOUT_SECONDS = 5


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Yield whether the secrets and what guards the app are set."""
    yield ok(
        "Settings", "Each one can be read."
    )  # else nothing starts: the list is printed instead
    key = settings.secret_key.get_secret_value()
    if key == LOCAL_SECRET_KEY:
        yield warning(
            "SECRET_KEY",
            "Not set. That is refused as soon as BASE_URL is not this machine.",
            "SECRET_KEY=$(openssl rand -hex 32)",
        )
    elif len(key) < SECRET_KEY_LENGTH or len(set(key)) < 10:
        yield problem(
            "SECRET_KEY",
            "It can be guessed, and whoever has it signs in as anybody.",
            "Set another: openssl rand -hex 32. Everybody signs in again.",
        )
    else:
        yield ok("SECRET_KEY", f"{len(key)} characters long.")
    if not settings.is_local and settings.metrics_token is None and settings.metrics_port is None:
        yield warning(
            "METRICS_TOKEN",
            "Anybody can read /metrics (counts, no names).",
            "Set it, and give it to Prometheus; or set METRICS_PORT, and /metrics is at that port only.",
        )
    if not settings.is_local and settings.proxy_hops == 0:
        yield warning(
            "PROXY_HOPS",
            "0: behind a proxy everybody seems to come from the proxy's address.",
            "Set it to the number of proxies in front: 1 behind nginx or on Heroku, 2 on Fly.io, "
            "Railway and Render.",
        )
    elif settings.proxy_hops:
        yield ok(
            "PROXY_HOPS",
            f"{settings.proxy_hops}. It must be what stands in front, or visitors can lie about "
            "their address.",
        )


def check_web_processes(settings: Settings) -> Iterator[Finding]:
    """Yield whether more web processes run than may without Redis."""
    wanted = os.environ.get("WEB_CONCURRENCY", "")  # gunicorn reads it
    if settings.redis_url is None and wanted.isdecimal() and int(wanted) > 1:
        yield warning(
            "WEB_CONCURRENCY",
            f"{wanted} web processes, and no REDIS_URL: each delivers and paces itself alone, so that "
            "together they call Slack and Statuspage more often than these permit.",
            "Set REDIS_URL and run flask --app app worker, or set WEB_CONCURRENCY to 1.",
        )


def check_base_url(settings: Settings) -> Iterator[Finding]:
    """Yield whether the app is reached at the address that it gives to people."""
    url = settings.base_url
    if settings.is_local:
        yield ok("BASE_URL", f"{url}: for this machine alone.")
        return
    if not url.startswith("https://"):
        yield problem(
            "BASE_URL",
            f"{url} is not encrypted: passwords and cookies can be read on the way.",
            "Use https, and set BASE_URL to it. Slack takes nothing else.",
        )
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=TIMEOUT_SECONDS):  # noqa: S310 - http or https
            yield ok("BASE_URL", f"{url} answers.")
    except urllib.error.HTTPError as error:
        yield warning(
            "BASE_URL",
            f"{url}/health answers with {error.code}.",
            "Is it incidentbot that answers there, and does it reach its database?",
        )
    except (OSError, ValueError) as error:
        yield warning(
            "BASE_URL",
            f"{url} cannot be reached from here: {getattr(error, 'reason', error)}.",
            "If people and Slack reach it all the same, this server only may not call itself.",
        )
