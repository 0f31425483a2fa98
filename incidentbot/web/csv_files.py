"""Lines of CSV that a spreadsheet may open: what people typed is never taken for a formula."""

import csv
import io
from collections.abc import Iterable

# What spreadsheets take for the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_line(values: Iterable[object]) -> str:
    """Return one line, with its end. Text that a spreadsheet would run gets an apostrophe before it."""
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(value) for value in values])
    return line.getvalue()


def _harmless(value: object) -> object:
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value
