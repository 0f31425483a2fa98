"""WSGI entry: `gunicorn app:app`."""

import sys

from incidentbot import create_app
from incidentbot.config import SettingsError

try:
    app = create_app()
except SettingsError as error:
    print(f"incidentbot cannot start. Please mend these settings:\n{error}", file=sys.stderr)
    sys.exit(2)
