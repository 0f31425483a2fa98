"""`make bench`: what users wait for, as ratios within one run."""

import sys
import tempfile
from pathlib import Path

from bench import first_byte, pages, status_page, throughput, war_room

MEASUREMENTS = {
    "war_room": war_room.measure,
    "first_byte": first_byte.measure,
    "throughput": throughput.measure,
    "pages": pages.measure,
    "status_page": status_page.measure,
}


def main() -> int:
    """Print every measurement, or those named; return 1 when one is over its limit."""
    within = True
    for name in sys.argv[1:] or MEASUREMENTS:
        with tempfile.TemporaryDirectory() as folder:
            within &= MEASUREMENTS[name](Path(folder))
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
