"""`flask worker`: processes that deliver, told by RQ which streams are due.

RQ brings a stream's name to one worker with a free thread, keeps urgent ones in front, and replaces
worker processes that die. What is due, in which order, how often it is tried and who holds it stands
in the database: see docs/architecture.md.
"""

import logging
import os
import signal
import threading
import time
import uuid
from contextlib import suppress
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import DeserializationError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker_pool import ForkProcess, WorkerPool
from rq.worker_registration import clean_worker_registry

from incidentbot.config import Settings
from incidentbot.database import DATABASE_AWAY
from incidentbot.engine import build_dispatcher, build_rounds, sessions_of
from incidentbot.extensions import db
from incidentbot.ops import tracing
from incidentbot.ops.health import has_newest_schema
from incidentbot.ops.metrics import share_between_processes
from incidentbot.ops.serve_metrics import serve_metrics
from incidentbot.outbox.pool import StreamPool
from incidentbot.outbox.publish import forget_waker, on_wake
from incidentbot.outbox.runners import Sweep, take_turn
from incidentbot.redis_wake import DELIVER, LEAST_URGENT, QUEUES, URGENT, RedisWaker, connect

log = logging.getLogger(__name__)

REDIS_AGAIN_SECONDS = 1.0
SCHEMA_AGAIN_SECONDS = 1.0
# A request to stop that was lost in RQ (what a signal raises in a finalizer is ignored) is noticed then.
LISTEN_SECONDS = 3
# A terminal sends Ctrl-C to every process of its group, and the parent passes it on as well.
SAME_SIGNAL_SECONDS = 0.5
ORPHAN_CHECK_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_pool: StreamPool | None = None


def run(app: Flask, redis_url: str) -> None:
    """Run the worker processes until SIGTERM; a second one ends them at once.

    They start once the database is migrated: on many platforms release, web and worker start together.
    """
    settings: Settings = app.extensions["settings"]
    if settings.metrics_port is not None:
        share_between_processes()
        serve_metrics(settings.metrics_port, settings.metrics_token)
    if _wait_for_schema(app):
        _Fleet(app, redis_url, settings.workers).start(logging_level=settings.log_level)


def _wait_for_schema(app: Flask) -> bool:
    """Return True once the database is as this version needs it, False when asked to stop before."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda _number, _frame: stop.set()) for number in STOP_SIGNALS
    }
    told = ""
    while not stop.is_set() and (lacking := _lacking(app)):
        if lacking != told:
            log.warning("waiting for the database: %s", lacking)
            told = lacking
        stop.wait(SCHEMA_AGAIN_SECONDS)
    # Until RQ listens to signals itself, nobody would look at `stop` any more.
    for number, handler in before.items():
        signal.signal(number, handler)
    if told and not stop.is_set():
        log.info("the database is there, beginning to deliver")
    return not stop.is_set()


def _lacking(app: Flask) -> str:
    """Return what the database lacks for this version, nothing when it is as it should be."""
    with app.app_context():
        try:
            is_new = has_newest_schema(db.session.connection())
        except DATABASE_AWAY as error:
            return f"it cannot be reached ({type(error).__name__})"
        finally:
            db.session.remove()
            db.engine.dispose()  # the processes to come make connections of their own
    return "" if is_new else "its schema is older than this version: flask --app app db upgrade"


class _Fleet(WorkerPool):
    """RQ's pool of processes, each of which is one of our workers."""

    def __init__(self, app: Flask, redis_url: str, processes: int) -> None:
        super().__init__(list(QUEUES), connect(redis_url), num_workers=processes)
        self._app, self._redis_url = app, redis_url

    def start_worker(self, *args: Any, **kwargs: Any) -> None:
        """Start one. A signal waits until whom it is for knows what it means."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            super().start_worker(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def get_worker_process(self, name: str, *_args: Any, **_kwargs: Any) -> BaseProcess:
        arguments = (self._app, self._redis_url, name, os.getpid())
        return ForkProcess(target=_work, args=arguments, name=f"worker-{name}")


class _Listener(SimpleWorker):
    """An RQ worker that hands the streams that jobs name to the threads of its process."""

    max_connection_wait_time = REDIS_AGAIN_SECONDS
    # How long RQ waits for a job at a time, and for any answer of Redis's.
    dequeue_timeout = LISTEN_SECONDS
    connection_timeout = 2 * LISTEN_SECONDS

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Hand over the stream that the job names, and return when a thread has taken it.

        Of all that may lie in Redis only this is read. RQ would call whatever function a job names:
        whoever can write there could run anything here.
        """
        self.connection.delete(job.key)
        try:
            name, (stream,) = job.func_name, job.args
        except (DeserializationError, TypeError, ValueError):
            name, stream = "", ""
        if name != DELIVER or not isinstance(stream, str) or _pool is None:
            log.warning("what lies in Redis is no stream's name", extra={"job": job.id})
            return
        is_urgent = queue.name == URGENT
        _pool.nudge_when_free(stream, LEAST_URGENT if is_urgent else LEAST_URGENT + 1)

    def run_maintenance_tasks(self) -> None:
        """Forget workers that died. RQ would also call back for jobs that nobody ended."""
        for queue in self.queues:
            clean_worker_registry(queue)
        self.last_cleaned_at = now()  # type: ignore[assignment]  # RQ says None of what is a time

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        """Say that we live, unless it is time to stop: RQ asks that only before it begins to wait."""
        if self._stop_requested:
            raise StopRequested
        super().heartbeat(*args, **kwargs)

    def _install_signal_handlers(self) -> None:
        """Leave the signals to `_Signals`, which also act while RQ is not listening."""

    def subscribe(self) -> None:
        """Spare the connection and the thread for RQ's remote commands, which nobody sends."""

    def unsubscribe(self) -> None:
        """Nothing to end."""


class _Signals:
    """The first SIGTERM or SIGINT asks to stop, the second ends the process."""

    def __init__(self) -> None:
        self.stopping = False
        self.listener: _Listener | None = None
        self._first_at = 0.0
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def wait(self, seconds: float) -> None:
        """Wait, but not when it is time to stop."""
        if not self.stopping:
            time.sleep(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.stopping:
            if now - self._first_at > SAME_SIGNAL_SECONDS:
                os._exit(1)
            return
        self.stopping, self._first_at = True, now
        if self.listener is not None:
            self.listener._stop_requested = True  # RQ looks at it where it swallows what we raise
            raise StopRequested


def _work(app: Flask, redis_url: str, name: str, parent: int) -> NoReturn:
    """Be one worker process."""
    global _pool
    settings: Settings = app.extensions["settings"]
    signals = _Signals()
    with app.app_context():
        db.engine.dispose(close=False)  # the parent's connections are not ours
    dispatcher, sessions = build_dispatcher(app), sessions_of(app)
    _pool = StreamPool(dispatcher, settings.delivery_threads)
    waker = RedisWaker(redis_url, stand_in=_pool.nudge)
    sweep = Sweep(
        dispatcher,
        waker.sweep,
        settings.sweep_seconds,
        is_my_turn=lambda: take_turn(sessions, "sweep", name),
    )
    _pool.start()
    waker.start()
    on_wake(waker.wake)
    sweep.start()
    rounds = build_rounds(app)
    for one in rounds:
        one.start()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _listen(redis_url, signals)
    forget_waker(waker.wake)
    for one in rounds:
        one.stop()
    _pool.stop(settings.shutdown_grace)
    sweep.stop()
    waker.stop()
    tracing.flush()
    os._exit(0)  # a thread that still waits for an answer must not delay the end


def _listen(redis_url: str, signals: _Signals) -> None:
    """Take jobs from Redis until a signal asks to stop, however often Redis goes away meanwhile."""
    with suppress(StopRequested):
        while not signals.stopping:
            try:
                redis = connect(redis_url)
                signals.listener = _make_listener(redis)
                if not signals.stopping:  # it was asked to before there was a listener to tell
                    signals.listener.work(logging_level="WARNING")
            except RedisError as error:
                log.warning("Redis is away, the sweep takes over: %s", type(error).__name__)
            signals.listener = None
            signals.wait(REDIS_AGAIN_SECONDS)


def _make_listener(redis: "Redis") -> _Listener:
    queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in QUEUES]
    return _Listener(queues, name=uuid.uuid4().hex, connection=redis, serializer=JSONSerializer)


def _end_with(parent: int) -> None:
    """Stop when the process that started us is gone: nobody would replace or stop us any more."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
