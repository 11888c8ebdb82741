"""Structured logs: `get_logger()`, and the pipeline that writes each record as a JSON line and hands it to OTLP.

    from telemetry import get_logger

    logger = get_logger(__name__, cluster="main")
    logger.info("Agent started", agent_name="grand_boss", pane_index=0)
    logger.log("info", "Agent started", agent_name="grand_boss", pane_index=0)

Until a program calls `configure_logging`, records go to the standard library's `logging`, their fields as `key=value`.
Afterwards each one is a JSON line: `timestamp`, `level`, `message`, `logger`, `event`, `record_id`, the fields, and the
current span's `trace_id`, `span_id`, `trace_flags`. The line is written before the same record goes over OTLP. A log
call never raises because of what it is given, nor because a disk is full or a collector down.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson

from telemetry.clock import Clock, SystemClock
from telemetry.signals.log_file import FileSink
from telemetry.signals.log_record import (
    LEVELS,
    Draft,
    RecordIds,
    Stamps,
    find_exception,
    level_word,
    prepare,
    trace_fields,
)
from telemetry.signals.log_sinks import Complaints, ConsoleSink, is_terminal, wants_colour
from telemetry.signals.log_stdlib import Capture, StdlibHandler, format_message, hand_to_stdlib

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TextIO

    from telemetry.clean import CleanValue
    from telemetry.signals.log_bound import BoundLogger
    from telemetry.signals.log_sinks import Sink

_MOST_NAMES = 1024

ConsoleForm: TypeAlias = Literal["json", "text", "none", "auto"]


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Where log lines go.

    Attributes:
        level: The lowest level that is written: debug, info, warning, error or critical.
        console: `json`, `text` for people, `none`, or `auto`: text on a terminal, JSON otherwise.
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


class Logger:
    """Logs under a name, with fields that every record of it carries. Cheap to make, safe in threads, never raises.

    A field called like one of a record's own (`level`, `message`, `timestamp`, …) is written as `field.<name>`. A field
    `event` that begins with `orchestrator.` is the record's event name. `exc_info=True`, an exception or a
    `sys.exc_info()` adds `exception.type`, `exception.message`, `exception.stacktrace`.
    """

    __slots__ = ("_bound", "_context", "_name")

    def __init__(self, name: str, context: Mapping[str, Any]) -> None:
        self._name = name
        self._context = dict(context)
        self._bound: BoundLogger | None = None

    def __repr__(self) -> str:
        return f"<Logger {self._name!r}>"

    def bind(self, /, **fields: Any) -> Logger:
        """The same logger with more fields."""
        return Logger(self._name, {**self._context, **fields})

    def unbind(self, *names: str) -> Logger:
        """The same logger without these fields; those it doesn't have are no error."""
        return Logger(self._name, {key: value for key, value in self._context.items() if key not in names})

    def debug(self, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at level debug. `%s` in the message take `args`."""
        self._log("debug", message, args, fields)

    def info(self, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at level info."""
        self._log("info", message, args, fields)

    def warning(self, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at level warning."""
        self._log("warning", message, args, fields)

    def error(self, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at level error."""
        self._log("error", message, args, fields)

    def critical(self, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at level critical."""
        self._log("critical", message, args, fields)

    def exception(self, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at level error, with the exception that is being handled."""
        fields.setdefault("exc_info", True)
        self._log("error", message, args, fields)

    def log(self, level: str | int, message: object, /, *args: object, **fields: Any) -> None:
        """Logs at a level given as a word in any case or as a number of `logging`.

        An unknown level is no reason to lose a record: it is written at info, with the given one as `field.level`.
        """
        word = level_word(level)
        if word is None:
            fields.setdefault("level", level)
            word = "info"
        self._log(word, message, args, fields)

    def _log(self, level: str, message: object, args: tuple[object, ...], fields: dict[str, Any]) -> None:
        pipeline = _active
        if pipeline is not None and LEVELS[level] < pipeline.levelno:
            return
        try:
            exc_info = fields.pop("exc_info", None)
            raised = None if exc_info is None else find_exception(exc_info)
            if pipeline is None:
                text = format_message(message, args)
                hand_to_stdlib(self._name, LEVELS[level], text, {**self._context, **fields}, raised)
                return
            bound = self._bound
            if bound is None or bound.pipeline is not pipeline:
                bound = self._bound = pipeline.bind(self._name, self._context)
            draft = bound.draft(level, format_message(message, args) if args else message, fields, raised)
            pipeline.write(self._name, draft)
        except Exception as error:  # noqa: BLE001  whatever it is: the caller has its own work
            _complain_of_ourselves(pipeline, error)


def get_logger(name: str = "telemetry", **bound: Any) -> Logger:
    """A logger under `name`, with fields that all its records carry. Without effect until it logs."""
    return Logger(name, bound)


class LogPipeline:
    """What `configure_logging` set up: the way of a record from a caller to console, file and OTLP."""

    def __init__(self, options: LogOptions, sinks: Mapping[str, Sink], complaints: Complaints) -> None:
        """Use `configure_logging`."""
        import structlog  # heavy (it brings rich along): only a program that configures pays for it

        from telemetry.signals.log_bound import BoundLogger
        from telemetry.signals.log_otlp import OtlpEmitter

        self.options = options
        self.levelno = LEVELS[level_word(options.level) or "info"]
        self._now = options.clock.now
        self._sinks = sinks
        self._write_sinks = tuple((f"{name} can't be written", sink.write) for name, sink in sinks.items())
        self.complaints = complaints
        self._stamps = Stamps()
        self._ids = RecordIds()
        self._emit = OtlpEmitter().emit
        self._processors = (structlog.contextvars.merge_contextvars, prepare)
        self._bound_class = BoundLogger
        self._stdlib_bound: dict[str, BoundLogger] = {}
        self._capture = Capture(StdlibHandler(self.take, options.clock.monotonic), self.levelno)
        self._structlog_was_ours = not structlog.is_configured()
        if self._structlog_was_ours:
            structlog.configure(
                processors=self._processors,
                wrapper_class=structlog.make_filtering_bound_logger(self.levelno),
                logger_factory=lambda *names: _NamedSink(self, str(names[0]) if names else "structlog"),
                cache_logger_on_first_use=False,
            )
        self._closed = False

    @property
    def failures(self) -> Mapping[str, int]:
        """What went wrong with logging itself since the start, by kind: `the log file can't be written` → 12."""
        return self.complaints.counts

    def close(self) -> None:
        """Puts back what was there before; lines are written already. Calling it again does nothing."""
        global _active  # noqa: PLW0603  the one pipeline of the process
        with _changing:
            if self._closed:
                return
            self._closed = True
            if _active is self:
                _active = None
            self._release()
        for what, number in self.failures.items():
            if number > 1:
                self.complaints.say(f"{what}: {number} times in all")

    def _release(self) -> None:
        import structlog

        self._capture.release()
        if self._structlog_was_ours:
            structlog.reset_defaults()
        for sink in self._sinks.values():
            sink.close()

    def bind(self, name: str, context: Mapping[str, Any]) -> BoundLogger:
        """A structlog logger on this pipeline."""
        return self._bound_class(_NamedSink(self, name), self._processors, dict(context))

    def take(
        self,
        name: str,
        level: str,
        message: object,
        fields: dict[str, Any],
        raised: BaseException | None,
        *,
        only_local: bool = False,
    ) -> None:
        """A record that came through the standard library's logging.

        Args:
            name: The logger's.
            level: One of our five words.
            message: With its arguments in it.
            fields: From `extra=`.
            raised: The exception it is about.
            only_local: Not over OTLP.
        """
        bound = self._stdlib_bound.get(name)
        if bound is None:
            if len(self._stdlib_bound) >= _MOST_NAMES:
                self._stdlib_bound.clear()
            bound = self._stdlib_bound[name] = self.bind(name, {})
        self.write(name, bound.draft(level, message, fields, raised), only_local=only_local)

    def write(self, name: str, draft: Draft, *, only_local: bool = False) -> None:
        """Durable first: the line is where it belongs before anything is sent."""
        level, message, event, fields = draft
        timestamp, nanoseconds = self._stamps.of(self._now())
        record_id = self._ids.next(nanoseconds)
        record: dict[str, CleanValue] = {
            "timestamp": timestamp,
            "level": level,
            "message": message,
            "logger": name,
            "event": event,
            "record_id": record_id,
            **fields,
            **trace_fields(),
        }
        if not event:
            del record["event"]
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        for what, write in self._write_sinks:
            try:
                write(line, record, nanoseconds / 1e9)
            except Exception as error:  # noqa: BLE001  a full disk, a closed stream: counted, said once
                self.complaints.add(what, error)
        if only_local:
            return
        fields["record_id"] = record_id
        try:
            self._emit(name, draft, nanoseconds)
        except Exception as error:  # noqa: BLE001  a program's own provider may do anything
            self.complaints.add("a record could not be handed to OTLP", error)

    def renew_after_fork(self) -> None:
        """In a forked child: locks may be held by threads that are gone, and ids must not repeat the parent's."""
        self._ids.renew()
        for sink in self._sinks.values():
            if renew := getattr(sink, "renew_lock", None):
                renew()


class _NamedSink:
    """What structlog calls its wrapped logger: takes the finished draft, under the logger's name."""

    __slots__ = ("_name", "pipeline")

    def __init__(self, pipeline: LogPipeline, name: str) -> None:
        self.pipeline = pipeline
        self._name = name

    def _write(self, draft: Draft) -> None:
        self.pipeline.write(self._name, draft)

    debug = info = warning = warn = error = critical = fatal = exception = log = msg = _write


_active: LogPipeline | None = None
_changing = threading.RLock()
_own_complaints = Complaints()
_fork_is_watched = False


def configure_logging(options: LogOptions) -> LogPipeline:
    """Sends all records of the process, the standard library's and structlog's too, where `options` say.

    A pipeline that is there already is closed, once the new one's places have proved to be usable.

    Args:
        options: Where to.

    Returns:
        The pipeline; its `close()` puts back what was there before.

    Raises:
        ValueError: The level or the console's form is none of ours.
        OSError: The file can't be opened for writing.
    """
    global _active, _fork_is_watched  # noqa: PLW0603  the one pipeline of the process
    if level_word(options.level) is None:
        raise ValueError(f"log level {options.level!r}: none of {', '.join(LEVELS)}")
    with _changing:
        sinks = _sinks_of(options)
        if _active is not None:
            _active.close()
        _active = LogPipeline(options, sinks, Complaints())
        if not _fork_is_watched:
            os.register_at_fork(after_in_child=_after_fork)
            _fork_is_watched = True
        return _active


def _sinks_of(options: LogOptions) -> dict[str, Sink]:
    sinks: dict[str, Sink] = {}
    form = options.console
    if form not in ("json", "text", "none", "auto"):
        raise ValueError(f"log console {form!r}: none of json, text, none, auto")
    if options.file is not None:
        sinks["the log file"] = FileSink(
            options.file,
            retention_days=options.retention_days,
            max_bytes=options.max_bytes,
            max_total_bytes=options.max_total_bytes,
            now=options.clock.now(),
        )
    stream = options.stream if options.stream is not None else sys.stdout
    if form != "none" and stream is not None:  # a process may have no standard output
        as_text = form == "text" or (form == "auto" and is_terminal(stream))
        sinks["the console"] = ConsoleSink(stream, as_text=as_text, colour=as_text and wants_colour(stream))
    return sinks


def _after_fork() -> None:
    global _changing  # noqa: PLW0603  a thread that is gone may have held it
    _changing = threading.RLock()
    if _active is not None:
        _active.renew_after_fork()


def _complain_of_ourselves(pipeline: LogPipeline | None, error: BaseException) -> None:
    (pipeline.complaints if pipeline else _own_complaints).add("a record could not be written", error)
