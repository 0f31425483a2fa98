"""The embedded runner: deliveries leave from threads of the web process, no Redis needed."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from incidentbot.outbox.dispatch import Dispatcher
from incidentbot.outbox.models import Delivery
from incidentbot.outbox.publish import forget_waker, on_wake

log = logging.getLogger(__name__)


class EmbeddedRunner:
    """One thread claims what is due and hands it to a pool, which sends side by side.

    It looks again whenever something was committed or sent, and every `sweep_seconds` in any case:
    that is how retries, abandoned leases and deliveries of a crashed process are found.
    """

    def __init__(
        self, dispatcher: Dispatcher, threads: int = 8, sweep_seconds: float = 1.0
    ) -> None:
        self._dispatcher = dispatcher
        self._threads = threads
        self._sweep_seconds = sweep_seconds
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._loop = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        """Begin to deliver, from now on and for what was left over."""
        on_wake(self._due.set)
        self._loop.start()

    def stop(self) -> None:
        """Stop claiming and wait for the deliveries in flight."""
        self._stopping.set()
        self._due.set()
        forget_waker(self._due.set)
        self._loop.join()
        self._pool.shutdown(wait=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._due.clear()
            try:
                busy = self._hand_out()
            except Exception:
                # The database may be away: nothing is lost, the next sweep tries again.
                log.exception("could not claim deliveries")
                busy = False
            if not busy:
                self._due.wait(self._sweep_seconds)

    def _hand_out(self) -> bool:
        """Claim as many deliveries as there are idle threads; return whether to look again at once."""
        idle = 0
        while idle < self._threads and self._slots.acquire(blocking=False):
            idle += 1
        claimed: list[Delivery] = []
        try:
            claimed = self._dispatcher.claim(idle) if idle else []
        finally:
            for _ in range(idle - len(claimed)):
                self._slots.release()
        for delivery in claimed:
            self._pool.submit(self._send, delivery)
        return bool(claimed)

    def _send(self, delivery: Delivery) -> None:
        try:
            self._dispatcher.deliver(delivery)
        except Exception:
            # Sent but not recorded: the lease runs out and the next holder looks before it sends.
            log.exception("could not record a delivery", extra={"delivery": delivery.id})
        finally:
            self._slots.release()
            self._due.set()
