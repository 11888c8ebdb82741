"""A log record for people: one line, fields behind the message, a stack trace below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.clean import CleanValue

_COLOURS = {
    "debug": "\x1b[2m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}
_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_NOT_SHOWN = frozenset(
    ("timestamp", "level", "message", "logger", "event", "record_id", "span_id", "trace_flags", "exception.stacktrace"),
)
_MARGIN = "    │ "


def render(record: Mapping[str, CleanValue], *, colour: bool) -> str:
    """The record as text, with its line feed. Only the first line begins at the margin: no message can forge one."""
    level = str(record.get("level", ""))
    time = str(record.get("timestamp", ""))[11:23]
    message, _, more = str(record.get("message", "")).partition("\n")
    fields = " ".join(f"{key}={_short(value)}" for key, value in record.items() if key not in _NOT_SHOWN)
    if colour:
        head = f"{_DIM}{time}{_RESET} {_COLOURS.get(level, '')}{level:<8}{_RESET} {_BOLD}{message}{_RESET}"
        fields = f"{_DIM}{fields}{_RESET}" if fields else ""
    else:
        head = f"{time} {level:<8} {message}"
    lines = [f"{head}  {fields}" if fields else head]
    for block in (more, str(record.get("exception.stacktrace") or "")):
        lines += [_MARGIN + line for line in block.rstrip("\n").split("\n") if block]
    return "\n".join(lines) + "\n"


def _short(value: CleanValue) -> str:
    if isinstance(value, str):
        return value if value and value.isprintable() and not set(value) & set(' "=') else orjson.dumps(value).decode()
    return orjson.dumps(value).decode()
