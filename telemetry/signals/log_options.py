"""Where log lines go: what may be chosen, and the places opened accordingly."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from telemetry.clock import Clock, SystemClock
from telemetry.signals.log_file import FileSink
from telemetry.signals.log_sinks import ConsoleSink, is_terminal, wants_colour
from telemetry.signals.log_stdlib import StdlibSink

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from telemetry.signals.log_sinks import Sink

ConsoleForm: TypeAlias = Literal["json", "text", "none", "auto", "stdlib"]


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Where log lines go.

    Attributes:
        level: The lowest level that is written: debug, info, warning, error or critical.
        console: `json`, `text` for people, `none`, `auto` (text on a terminal, JSON otherwise), or `stdlib`: to the
            program's own `logging`, whose handlers stay as they are, and none of whose records are taken.
        stream: The console; standard output by default.
        file: The JSON log file, or None.
        retention_days: How many days rotated files are kept.
        max_bytes: Size at which the file is rotated within a day.
        max_total_bytes: The most that rotated files may take together.
        clock: The time of records and rotations.
    """

    level: str = "info"
    console: ConsoleForm = "auto"
    stream: TextIO | None = None
    file: Path | None = None
    retention_days: int = 7
    max_bytes: int = 64 * 1024 * 1024
    max_total_bytes: int = 4 * 1024 * 1024 * 1024
    clock: Clock = SystemClock()  # noqa: RUF009  it has no state


def open_sinks(options: LogOptions) -> dict[str, Sink]:
    """The places that the options name, ready to be written to, by what a complaint about them calls them.

    Raises:
        ValueError: The console's form is none of ours.
        OSError: The file can't be opened for writing.
    """
    sinks: dict[str, Sink] = {}
    form = options.console
    if form not in ("json", "text", "none", "auto", "stdlib"):
        raise ValueError(f"log console {form!r}: none of json, text, none, auto, stdlib")
    if options.file is not None:
        sinks["the log file"] = FileSink(
            options.file,
            retention_days=options.retention_days,
            max_bytes=options.max_bytes,
            max_total_bytes=options.max_total_bytes,
            now=options.clock.now(),
        )
    stream = options.stream if options.stream is not None else sys.stdout
    if form == "stdlib":
        sinks["the program's own log"] = StdlibSink()
    elif form != "none" and stream is not None:  # a process may have no standard output
        as_text = form == "text" or (form == "auto" and is_terminal(stream))
        sinks["the console"] = ConsoleSink(stream, as_text=as_text, colour=as_text and wants_colour(stream))
    return sinks
