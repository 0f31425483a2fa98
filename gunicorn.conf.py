"""How gunicorn serves incidentbot: `gunicorn app:app` reads this file."""

from incidentbot.config import load_settings
from incidentbot.engine import start_embedded

settings = load_settings()

bind = f"0.0.0.0:{settings.port}"
worker_class = "gthread"
workers = 1
threads = 16
graceful_timeout = 20
# Requests are logged by the app, as it logs everything else; a secret may stand in a path.
accesslog = None
# Nobody steers gunicorn through a socket; signals do.
control_socket_disable = True

_runners = []


def post_worker_init(worker):
    """Deliver from threads of the web process, as there is no Redis to hand the work to."""
    if settings.redis_url is None:
        _runners.append(start_embedded(worker.wsgi))


def worker_exit(_server, _worker):
    """Finish the deliveries in flight."""
    for runner in _runners:
        runner.stop()
