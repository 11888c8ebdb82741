"""One line of the log: what it says, whether it is wanted, and how a person reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from telemetry.clean import clean_text
from telemetry.cli.live.text import Piece, one_line

LEVELS = ("debug", "info", "warning", "error", "critical")
_STYLES = {"debug": "dim", "info": "green", "warning": "yellow", "error": "bold red", "critical": "bold white on red"}
_NOT_SHOWN = frozenset(
    {
        "timestamp", "level", "message", "logger", "event", "record_id", "span_id", "trace_flags", "trace_id",
        "cluster", "agent_name", "pane_index", "exception.stacktrace", "alert_level", "state",
    }
)  # fmt: skip
"""What stands elsewhere in the line, or matters to programs alone."""
_LONGEST_FIELD = 200
_MARGIN = "    │ "


@dataclass(frozen=True)
class Sought:
    """Which lines are wanted.

    Attributes:
        agent: Of this agent alone.
        cluster: Of this cluster alone.
        level: At this level or above; "" for all.
        since: Not older (Unix s); 0.0: however old.
        grep: With this anywhere in the line, in upper or lower case.
        trace: Of the trace whose id begins so.
    """

    agent: str = ""
    cluster: str = ""
    level: str = ""
    since: float = 0.0
    grep: str = ""
    trace: str = ""

    @property
    def needs_a_record(self) -> bool:
        """Whether a line that is no JSON can't be one that is sought."""
        return bool(self.agent or self.cluster or self.level or self.trace)

    @cached_property
    def _needles(self) -> list[tuple[bytes, ...]]:
        """Of each group one must be there: a name as JSON has it, with and without escapes; a level, as a word."""
        needles = [
            tuple(
                {json.dumps(name, ensure_ascii=escaped)[1:-1].encode("utf-8", "replace") for escaped in (True, False)}
            )
            for name in (self.agent, self.cluster)
            if name
        ]
        if self.trace:
            needles.append((self.trace.lower().encode("utf-8", "replace"),))
        if self.level:
            needles.append(tuple(f'"{word}"'.encode() for word in LEVELS[LEVELS.index(self.level) :]))
        return needles

    def may_be(self, text: bytes) -> bool:
        """Whether a look at the bytes of a line, or of many, leaves it possible that one is wanted: most needn't be
        read as JSON."""
        if self.grep and self.grep.isascii() and self.grep.lower().encode() not in text.lower():
            return False
        return all(any(needle in text for needle in group) for group in self._needles)

    def has(self, record: Mapping[str, Any] | None, line: bytes) -> bool:
        """Whether a line is wanted; `record` is None for one that is no JSON object."""
        if self.grep and self.grep.lower() not in line.decode("utf-8", "replace").lower():
            return False
        if record is None:
            return not self.needs_a_record
        level = record.get("level")
        return (
            (not self.agent or record.get("agent_name") == self.agent)
            and (not self.cluster or record.get("cluster") == self.cluster)
            and (not self.level or (level in LEVELS and LEVELS.index(level) >= LEVELS.index(self.level)))
            and (not self.trace or str(record.get("trace_id", "")).startswith(self.trace.lower()))
            and (not self.since or (time_of(record) or self.since) >= self.since)
        )


def parse(line: bytes) -> dict[str, Any] | None:
    """The record, or None where the line is no JSON object."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def time_of(record: Mapping[str, Any]) -> float | None:
    """When it was written (Unix s); None where that isn't known."""
    try:
        return datetime.fromisoformat(record["timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def day_of(record: Mapping[str, Any] | None) -> str:
    """The local day of a record, as it stands above the day's first line; "" where that isn't known."""
    at = None if record is None else time_of(record)
    return "" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%A, %Y-%m-%d")


def shown(record: Mapping[str, Any] | None, line: bytes, *, clusters: bool = False) -> list[list[Piece]]:
    """The record in lines for a terminal: time, level, agent, message, the fields that matter. Only the first begins
    at the margin, so that no message can forge one.

    Args:
        record: It, or None: the line is shown as it is.
        line: The line's bytes.
        clusters: Whether the cluster is named.
    """
    if record is None:
        first, more = _split(line.decode("utf-8", "replace"))
        return [[("? ", "bold yellow"), (first, "")], *_below(more)]
    at = time_of(record)
    moment = "--:--:--" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S.%f")[:12]
    level = one_line(record.get("level", "?"))
    message, more = _split(_text(record.get("message", "")))
    made: list[Piece] = [(moment + " ", "dim"), (f"{level:<8} ", _STYLES.get(level, ""))]
    if clusters and record.get("cluster"):
        made.append((one_line(record["cluster"]) + " ", "magenta"))
    agent = one_line(record.get("agent_name") or "")
    if agent and not message.startswith(f"{agent}:"):
        made.append((agent + " ", "bold"))
    made.append((message, ""))
    if fields := _fields(record, message):
        made.append(("  " + fields, "dim"))
    return [made, *_below(more), *_below(_text(record.get("exception.stacktrace") or ""))]


def _split(text: str) -> tuple[str, str]:
    first, _, more = clean_text(text).partition("\n")
    return one_line(first), more


def _below(text: str) -> list[list[Piece]]:
    return [[(_MARGIN + one.replace("\t", "    "), "dim")] for one in clean_text(text).split("\n") if one.strip()]


def _fields(record: Mapping[str, Any], message: str) -> str:
    words = []
    for name, value in record.items():
        if name in _NOT_SHOWN or value is None or value == "" or (name == "restart_count" and not value):
            continue
        text = one_line(_text(value))
        if text in message and len(text) > 1:
            continue  # said already
        words.append(f"{one_line(name)}={text[:_LONGEST_FIELD]}{'…' if len(text) > _LONGEST_FIELD else ''}")
    if trace := record.get("trace_id"):
        words.append(f"trace={one_line(trace)[:8]}")
    return " ".join(words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
