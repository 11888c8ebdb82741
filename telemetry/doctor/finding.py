"""What a check finds, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telemetry.clean import clean_line

LONGEST_LINE = 400


class Verdict(StrEnum):
    """How it is with one thing."""

    OK = "ok"
    WARN = "warn"
    """Nothing is broken, but somebody should know."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list.

    Attributes:
        check: What was looked at: `loki`, `clock`.
        verdict: How it is with it.
        said: What was found, in one line, without secrets.
        todo: What to do, in one line; "" where nothing is to be done.
    """

    check: str
    verdict: Verdict
    said: str
    todo: str = ""


def ok(check: str, said: str) -> Finding:
    """All is well with it."""
    return Finding(check, Verdict.OK, one_line(said))


def warn(check: str, said: str, todo: str = "") -> Finding:
    """Nothing is broken, but somebody should know."""
    return Finding(check, Verdict.WARN, one_line(said), todo)


def fail(check: str, said: str, todo: str) -> Finding:
    """Something is broken, and this is what to do."""
    return Finding(check, Verdict.FAIL, one_line(said), todo)


def one_line(text: str) -> str:
    """Another's text for the list: cleaned, without secrets, in one line."""
    return clean_line(text, LONGEST_LINE)
