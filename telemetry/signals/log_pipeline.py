"""The way of a record from a caller to console, file and OTLP, and who may stand in it: one pipeline a process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_current

from telemetry.signals.log_options import LogOptions, open_sinks
from telemetry.signals.log_record import LEVELS, Draft, RecordIds, Stamps, level_word, prepare, trace_fields
from telemetry.signals.log_sinks import Complaints
from telemetry.signals.log_stdlib import Capture, StdlibHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.clean import CleanValue
    from telemetry.signals.log_bound import BoundLogger
    from telemetry.signals.log_sinks import Sink

_MOST_NAMES = 1024


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
        self._processors = (structlog.contextvars.merge_contextvars,)
        self._bound_class = BoundLogger
        self._stdlib_bound: dict[str, BoundLogger] = {}
        taking = options.console != "stdlib"
        self._capture = Capture(StdlibHandler(self.take, options.clock.monotonic), self.levelno) if taking else None
        self._structlog_was_ours = taking and not structlog.is_configured()
        if self._structlog_was_ours:
            structlog.configure(
                processors=[*self._processors, prepare],
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
        global active  # noqa: PLW0603  the one pipeline of the process
        with _changing:
            if self._closed:
                return
            if active is self:
                active = None
            self.step_back()
            self.close_sinks()

    def step_back(self) -> None:
        """Lets go of the standard library's and structlog's loggers; our own loggers still come here."""
        import structlog

        if self._capture is not None:
            self._capture.release()
        if self._structlog_was_ours:
            structlog.reset_defaults()

    def close_sinks(self) -> None:
        """The end. A record that was on its way here meanwhile goes to the pipeline which is active by then."""
        self._closed = True
        for sink in self._sinks.values():
            sink.close()
        for what, number in self.failures.items():
            if number > 1:
                self.complaints.say(f"{what}: {number} times in all")

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
        """Durable first: the line is where it belongs before anything is sent.

        Args:
            name: The logger's.
            draft: The clean record; taken over, not to be used afterwards.
            only_local: Not over OTLP.
        """
        level, message, event, fields = draft
        if self._closed and active is not None:
            active.write(name, draft, only_local=only_local)
            return
        context = get_current()
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
            **trace_fields(context),
        }
        if not event:
            del record["event"]
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        for what, write in self._write_sinks:
            try:
                write(line, record, nanoseconds / 1e9)
            except Exception as error:  # noqa: BLE001  a full disk, a closed stream: counted, said once
                if self._closed and active is not None:  # closed between the look above and now
                    active.write(name, draft, only_local=only_local)
                    return
                self.complaints.add(what, error)
        # Inside an exporter at work, whatever is said stays here: sent over OTLP, each failure would bring the next.
        if only_local or _SUPPRESS_INSTRUMENTATION_KEY in context:
            return
        fields["record_id"] = record_id
        try:
            self._emit(name, draft, nanoseconds, context)
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


active: LogPipeline | None = None
"""The pipeline that records go through now; None: to the program's own logging."""
_changing = threading.RLock()
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
    global active, _fork_is_watched  # noqa: PLW0603  the one pipeline of the process
    if level_word(options.level) is None:
        raise ValueError(f"log level {options.level!r}: none of {', '.join(LEVELS)}")
    with _changing:
        sinks = open_sinks(options)
        before = active
        if before is not None:
            before.step_back()
        active = LogPipeline(options, sinks, Complaints())
        if before is not None:
            before.close_sinks()
        if not _fork_is_watched:
            os.register_at_fork(after_in_child=_after_fork)
            _fork_is_watched = True
        return active


def _after_fork() -> None:
    global _changing  # noqa: PLW0603  a thread that is gone may have held it
    _changing = threading.RLock()
    if active is not None:
        active.renew_after_fork()
