"""Log lines: one JSON object each, or text for a terminal. Nothing secret reaches them."""

import json
import logging
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal

from incidentbot.ops import context
from incidentbot.ops.redaction import Redactor

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """Return `text` with everything blacked out that looks like a secret."""
    return Redactor().text(text)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what is known beside the message: of the work under way, and of this very line."""
    own = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    return {**context.known(), **own}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what `extra` and context gave."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        super().__init__()
        self._redactor = redactor or Redactor()

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(self._redactor.value(entry), ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """A line for a person at a terminal."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        self._redactor = redactor or Redactor()

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, with what `extra` and context gave behind it."""
        facts = self._redactor.value(_facts(record))
        extra = " ".join(f"{key}={value}" for key, value in facts.items())
        return f"{self._redactor.text(super().format(record))} {extra}".rstrip()


def configure_logging(
    level: str, log_format: Literal["json", "text"], secrets: Collection[str] = ()
) -> None:
    """Send every log line of the process to standard error in one format, without `secrets`."""
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(redactor) if log_format == "json" else TextFormatter(redactor)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # At DEBUG, libraries write down whole requests: that is for us alone.
    root.setLevel("INFO" if level == "DEBUG" else level)
    logging.getLogger("incidentbot").setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in ("gunicorn.error", "gunicorn.access"):  # it would write in a format of its own
        gunicorn = logging.getLogger(name)
        gunicorn.handlers, gunicorn.propagate = [], True
