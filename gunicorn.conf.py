"""How gunicorn serves incidentbot: `gunicorn app:app` reads this file."""

import os
import select
import sys

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from incidentbot.config import SettingsError, load_settings
from incidentbot.engine import start_for_web
from incidentbot.ops import health, tracing
from incidentbot.ops.logs import configure_logging
from incidentbot.ops.metrics import share_between_processes

try:
    settings = load_settings()
    tracing.require_packages(settings)
except SettingsError as error:
    print(f"incidentbot cannot start. Please mend these settings:\n{error}", file=sys.stderr)
    sys.exit(2)


configure_logging(settings.log_level, settings.log_format, settings.secrets)
# Any of the worker processes answers for /metrics, with what all of them counted.
share_between_processes()


class AppLogger(Logger):
    """Writes what gunicorn has to say as the app writes its own: in one format, without secrets."""

    def setup(self, _cfg):
        """Leave writing to the handler that `configure_logging` has set."""
        self.error_log.propagate = True


class Worker(ThreadWorker):
    """Refuses connections once it is asked to stop; gunicorn lets them wait for an answer in vain."""

    def set_accept_enabled(self, enabled):
        """Close the door for good when it is time to stop, behind those who are in it already."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            health.stopping.set()
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()


bind = [f"0.0.0.0:{settings.port}"]
if settings.metrics_port is not None:
    bind.append(f"0.0.0.0:{settings.metrics_port}")  # incidentbot/web/metrics.py answers there
worker_class = Worker
logger_class = AppLogger
# Without Redis each of them delivers, and paces itself alone: then one is best.
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
threads = 16
graceful_timeout = max(1, round(settings.shutdown_grace))
# Requests are logged by the app, as it logs everything else; a secret may stand in a path.
accesslog = None
# Nobody steers gunicorn through a socket; signals do.
control_socket_disable = True

_stop_delivering = []


def on_starting(server):
    """Say so when --bind, which wins over what stands here, leaves the metrics without their port."""
    if settings.metrics_port is not None and bind[-1] not in server.cfg.bind:
        server.log.warning("METRICS_PORT is not listened at: add --bind %s", bind[-1])


def post_worker_init(worker):
    """Deliver from this process, or wake those that do."""
    _stop_delivering.append(start_for_web(worker.wsgi))


def worker_exit(_server, _worker):
    """Finish the deliveries in flight."""
    for stop in _stop_delivering:
        stop()
    tracing.flush()
