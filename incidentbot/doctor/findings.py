"""What is found of one thing: how it stands, and what to do about it."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, in words, and what to do about it."""

    verdict: Verdict
    what: str
    words: str
    remedy: str = ""


def worst(findings: list[Finding]) -> Verdict:
    """Return the worst verdict of all."""
    counted = Counter(finding.verdict for finding in findings)
    for verdict in (Verdict.PROBLEM, Verdict.WARNING):
        if counted[verdict]:
            return verdict
    return Verdict.OK


def ok(what: str, words: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Verdict.OK, what, words)


def warning(what: str, words: str, remedy: str) -> Finding:
    """Return that something may be wrong, and what to do."""
    return Finding(Verdict.WARNING, what, words, remedy)


def problem(what: str, words: str, remedy: str) -> Finding:
    """Return that something is wrong, and what to do."""
    return Finding(Verdict.PROBLEM, what, words, remedy)
