"""What finds the deliveries that are due: the sweep, and the embedded runner that needs no Redis."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from incidentbot import database
from incidentbot.database import DATABASE_AWAY, write_transaction
from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.models import Turn
from incidentbot.outbox.pool import StreamPool
from incidentbot.outbox.publish import Streams, forget_waker, on_wake

log = logging.getLogger(__name__)

STREAMS_PER_SWEEP = 500
STOP_SECONDS = 2.0
# Whoever does not sweep for this long loses its turn.
TURN = timedelta(seconds=3)


class Sweep:
    """Looks every `seconds` for streams in which something is due, and hands them to `hand_out`.

    That is how retries, abandoned leases and the deliveries of a crashed process are found.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        hand_out: Callable[[Streams], None],
        seconds: float,
        is_my_turn: Callable[[], bool] = lambda: True,
    ) -> None:
        self._dispatcher = dispatcher
        self._hand_out = hand_out
        self._seconds = seconds
        self._is_my_turn = is_my_turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """Begin, with what was left over."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. A look that is under way does no harm: what waits for the database is left."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                if self._is_my_turn() and (due := self._dispatcher.due_streams(STREAMS_PER_SWEEP)):
                    self._hand_out(due)
            except DATABASE_AWAY as error:
                # Nothing is lost, the next sweep tries again.
                log.warning("the database is away: %s", type(error).__name__)
            except Exception:
                log.exception("could not look for due deliveries")
            if self._stopping.wait(self._seconds):
                return


class EmbeddedRunner:
    """Delivers from threads of the web process: told at once of what it commits, swept for the rest."""

    def __init__(
        self, dispatcher: Dispatcher, threads: int = 8, sweep_seconds: float = 1.0
    ) -> None:
        self._pool = StreamPool(dispatcher, threads)
        self._sweep = Sweep(dispatcher, self._pool.nudge, sweep_seconds)

    def start(self) -> None:
        """Begin to deliver, from now on and for what was left over."""
        self._pool.start()
        on_wake(self._pool.nudge)
        self._sweep.start()

    def stop(self, grace_seconds: float = 20.0) -> None:
        """Stop claiming and wait for the deliveries in flight; give back what does not end in time."""
        forget_waker(self._pool.nudge)
        self._pool.stop(grace_seconds)
        self._sweep.stop()


def take_turn(
    sessions: sessionmaker[Session], name: str, holder: str, turn: timedelta = TURN
) -> bool:
    """Return whether `holder` may do `name` now: the first to ask, until it stops asking for `turn`."""
    with sessions() as session:
        try:
            with write_transaction(session):
                now = database.now(session)
                row = session.get(Turn, name, with_for_update=True, populate_existing=True)
                if row is None:
                    session.add(Turn(name=name, holder=holder, until=now + turn))
                elif row.holder != holder and row.until >= now:
                    return False
                else:
                    row.holder, row.until = holder, now + turn
                return True
        except IntegrityError:  # another asked first at the same moment
            return False
