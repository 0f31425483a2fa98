"""`python -m incidentbot.sandbox`: run the sandbox until it is told to stop."""

from __future__ import annotations

import os
import sys

from incidentbot.sandbox.server import serve
from incidentbot.sandbox.settings import from_environment


def _announce(address: str) -> None:
    print(f"sandbox listening on {address}", flush=True)


def main() -> int:
    """Read the environment and serve; 2 when a setting is wrong or the port is taken."""
    try:
        serve(from_environment(), _announce)
    except (ValueError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    status = main()
    # Threads that hang on a fault or hold a page's stream open must not delay the end.
    sys.stdout.flush()
    os._exit(status)
