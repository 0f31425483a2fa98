"""Free TCP ports."""

import itertools
import os
import socket
from collections.abc import Iterator

# Below the range from which the system takes ports for outgoing connections (from 32768 on Linux),
# so that none of the many connections of a test run can take a port between our look and its use.
FIRST, PER_WORKER, WORKERS = 20_000, 1_000, 12


def free_port() -> int:
    """Return a port on which nothing listens, and which no other pytest-xdist worker is given."""
    for port in _candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the candidates never end")


def worker_number() -> int:
    """Return the number of this pytest-xdist worker; 0 without pytest-xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def _ports() -> Iterator[int]:
    first = FIRST + PER_WORKER * (worker_number() % WORKERS)
    offset = os.getpid() * 7  # parts two test runs on one machine
    for step in itertools.count():
        yield first + (offset + step) % PER_WORKER


_candidates = _ports()
