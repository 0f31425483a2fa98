"""What a drill says at its end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """A drill that held: its name, and what was done and seen, in numbers."""

    drill: str
    seen: str
