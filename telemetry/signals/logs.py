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

from typing import TYPE_CHECKING, Any

from telemetry.signals import log_pipeline
from telemetry.signals.log_options import LogOptions
from telemetry.signals.log_pipeline import LogPipeline, configure_logging
from telemetry.signals.log_record import LEVELS, find_exception, level_word
from telemetry.signals.log_sinks import Complaints
from telemetry.signals.log_stdlib import format_message, hand_to_stdlib

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.signals.log_bound import BoundLogger

__all__ = ["LogOptions", "LogPipeline", "Logger", "configure_logging", "get_logger"]

_complaints = Complaints()


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
        pipeline = log_pipeline.active
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
            (pipeline.complaints if pipeline else _complaints).add("a record could not be written", error)


def get_logger(name: str = "telemetry", **bound: Any) -> Logger:
    """A logger under `name`, with fields that all its records carry. Without effect until it logs."""
    return Logger(name, bound)
