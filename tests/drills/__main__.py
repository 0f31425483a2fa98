"""`make drills`: every drill at full length, and a table of what each has shown.

`python -m tests.drills worker_massacre backlog` runs only those.
"""

import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

# A test without a `drill` has no longer form: `make test` does all of it.
DRILLS = sorted(
    path.stem.removeprefix("test_")
    for path in Path(__file__).parent.glob("test_*.py")
    if "\ndef drill(" in path.read_text()
)


def main() -> int:
    """Run the drills named on the command line, or all; return 1 when one did not hold."""
    wanted = sys.argv[1:] or DRILLS
    unknown = set(wanted) - set(DRILLS)
    if unknown:
        print(f"no such drill: {', '.join(sorted(unknown))}. There are: {', '.join(DRILLS)}")
        return 2
    rows = [_run(name) for name in wanted]
    width = max(len(name) for name, *_ in rows)
    print()
    for name, held, seconds, seen in rows:
        print(f"{name:<{width}}  {'held' if held else 'FAILED':<6}  {seconds:>5.0f} s  {seen}")
    return 0 if all(held for _name, held, *_ in rows) else 1


def _run(name: str) -> tuple[str, bool, float, str]:
    print(f"drill {name} …", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="incidentbot-drill-") as folder:
        try:
            drill = importlib.import_module(f"tests.drills.test_{name}").drill
            held, seen = True, drill(Path(folder))
        except Exception as error:
            traceback.print_exc()
            held, seen = False, f"{type(error).__name__}: {str(error)[:200]}"
    return name, held, time.monotonic() - started, seen


if __name__ == "__main__":
    sys.exit(main())
