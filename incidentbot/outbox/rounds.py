"""What one process of the fleet does every so often, whichever happens to be up."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from sqlalchemy.orm import Session, sessionmaker

from incidentbot.database import DATABASE_AWAY
from incidentbot.outbox.runners import take_turn

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


class Round:
    """Does `act` once in `every`, in one process of all that have this round."""

    def __init__(
        self,
        name: str,
        every: timedelta,
        sessions: sessionmaker[Session],
        act: Callable[[], object],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._name = name
        self._every = every
        self._sessions = sessions
        self._act = act
        self._look_seconds = look_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to take turns."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more turns; one that is under way ends with the process."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            try:
                # Whoever asks is a new holder, so a turn is had once and then runs out.
                if take_turn(self._sessions, self._name, uuid4().hex, self._every):
                    self._act()
            except DATABASE_AWAY as error:
                log.warning("the database is away: %s", type(error).__name__)
            except Exception:
                log.exception("a round failed", extra={"round": self._name})
