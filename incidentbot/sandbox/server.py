"""Running the sandbox: a threaded HTTP server that stops at once when it is told to."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from incidentbot.sandbox.app import create_app, new_sandbox
from incidentbot.sandbox.settings import Settings


class QuietHandler(WSGIRequestHandler):
    """Requests are in the call log; the terminal stays free for what matters."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Server(ThreadedWSGIServer):
    """A thread for each request, however many hang; none of them delays the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def server_bind(self) -> None:
        """Answer small writes at once, rather than collect them.

        Raises ValueError where werkzeug would end the process on an OSError.
        """
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            super().server_bind()
        except OSError as error:
            raise ValueError(f"cannot listen on port {self.port}: {error.strerror}") from error


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is told the address once it answers.

    Raises ValueError when the port is taken or the data file holds no workspace, OSError when
    that file cannot be read or written.
    """
    server = Server(settings.host, settings.port, _nothing, handler=QuietHandler)
    box = new_sandbox(settings, server.server_port)
    box.store.save()
    server.app = create_app(box)

    def stop(_signum: int, _frame: FrameType | None) -> None:
        box.stopping.set()
        # shutdown() waits for the loop that this handler has interrupted: hence a thread.
        threading.Thread(target=server.shutdown, daemon=True).start()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    saver = threading.Thread(target=box.store.keep_saving, args=(box.stopping,))
    saver.start()
    announce(box.base_url)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        box.stopping.set()
        box.faults.clear()
        server.server_close()
        saver.join()


def _nothing(_environ: object, _start_response: object) -> list[bytes]:
    """Stands in until the port is known, which the app itself needs to know."""
    raise AssertionError("not ready")
