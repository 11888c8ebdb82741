"""The standard library's `logging`: its records come in; ours go out to it where nobody configured a pipeline."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import orjson

from telemetry.clean import VALUE_LIMIT, as_text, clean_name, clean_text
from telemetry.signals.log_record import EVENT_PREFIX, LEVELS, clean_fields, find_exception, without_middle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.clean import CleanValue

_STANDARD = frozenset((*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "color_message"))
"""What every stdlib record carries, and uvicorn's coloured copy of the message; the rest came through `extra=`."""

_NOT_FIELDS = frozenset(("timestamp", "level", "message", "logger", "record_id"))
"""What a record of ours has that the program's own handlers tell in their way, or don't need."""

_OWN_HANDLERS = ("uvicorn", "uvicorn.access", "uvicorn.error")
"""Loggers that bring handlers of their own, which would say everything twice."""

SDK_PAUSE = 30.0
"""Seconds in which a message of OpenTelemetry's own is written once: a collector that is down mustn't fill the disk."""
_MOST_REMEMBERED = 256


class StdlibHandler(logging.Handler):
    """Hands every stdlib record to the pipeline.

    What OpenTelemetry itself has to say (an exporter failing, a full queue) goes to console and file only: sent over
    OTLP, each failure would bring the next.
    """

    def __init__(self, write: Callable[..., None], monotonic: Callable[[], float]) -> None:
        """`write` is `LogPipeline.take`, `monotonic` the clock for pauses."""
        super().__init__()
        self._write = write
        self._monotonic = monotonic
        self._said: dict[tuple[str, int], tuple[float, int]] = {}

    def createLock(self) -> None:  # noqa: N802  logging's own name
        """None: the sinks have their own, and a lock held around OTLP's queue invites a deadlock."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """As its base, without the lock: since Python 3.13 that needs one."""
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {
                key if type(key) is str else clean_name(key): value
                for key, value in record.__dict__.items()
                if key not in _STANDARD
            }
            of_sdk = record.name.startswith("opentelemetry")
            if of_sdk and not self._is_due(record, fields):
                return
            if record.stack_info:
                fields["code.stacktrace"] = without_middle(record.stack_info, VALUE_LIMIT)
            word = next((word for word, floor in reversed(LEVELS.items()) if record.levelno >= floor), "debug")
            self._write(
                record.name,
                word,
                _message_of(record),
                fields,
                find_exception(record.exc_info),
                only_local=of_sdk,
            )
        except Exception:  # noqa: BLE001  logging's own way: says it on stderr where `raiseExceptions` is set
            self.handleError(record)

    def _is_due(self, record: logging.LogRecord, fields: dict[str, Any]) -> bool:
        key = (record.name, record.lineno)
        now = self._monotonic()
        said, suppressed = self._said.get(key, (float("-inf"), 0))
        if now - said < SDK_PAUSE:
            self._said[key] = (said, suppressed + 1)
            return False
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[key] = (now, 0)
        if suppressed:
            fields["suppressed"] = suppressed
        return True


def _message_of(record: logging.LogRecord) -> object:
    return format_message(record.msg, record.args if isinstance(record.args, tuple) else (record.args,))


def format_message(message: object, args: tuple[object, ...]) -> object:
    """`message % args` as `logging` does it; where that fails, the message with its arguments behind it."""
    if not args or args == (None,):
        return message
    try:
        given: Any = args[0] if len(args) == 1 and isinstance(args[0], dict) and args[0] else args
        return as_text(message) % given
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  wrong placeholders, or an argument whose __str__ raises
        return f"{clean_text(message)} {' '.join(clean_text(arg, 256) for arg in args[:16])}"


class Capture:
    """Everything from `logging` through one handler; `release` puts back what was there."""

    def __init__(self, handler: logging.Handler, levelno: int) -> None:
        root = logging.getLogger()
        self._handler = handler
        self._root_level = root.level
        self._removed: list[tuple[logging.Logger, logging.Handler]] = []
        self._propagate: list[tuple[logging.Logger, bool]] = []
        for present in list(root.handlers):
            # One that writes to the terminal would say everything twice; others are somebody's intention.
            if type(present) is logging.StreamHandler and present.stream in (sys.stdout, sys.stderr):
                self._remove(root, present)
        for name in _OWN_HANDLERS:
            logger = logging.getLogger(name)
            for present in list(logger.handlers):
                self._remove(logger, present)
            self._propagate.append((logger, logger.propagate))
            logger.propagate = True
        root.addHandler(handler)
        root.setLevel(levelno)

    def _remove(self, logger: logging.Logger, handler: logging.Handler) -> None:
        logger.removeHandler(handler)
        self._removed.append((logger, handler))

    def release(self) -> None:
        """Puts back handlers, levels and propagation."""
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._root_level)
        for logger, propagate in self._propagate:
            logger.propagate = propagate
        for logger, handler in self._removed:
            logger.addHandler(handler)


_FRAMES_OF_OURS = 4


def hand_to_stdlib(
    name: str,
    levelno: int,
    message: object,
    fields: Mapping[str, Any],
    raised: BaseException | None,
) -> None:
    """A record as the host program's own: its handlers and levels apply, and without any nothing is printed."""
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(levelno) or not logger.hasHandlers():  # no handler: `lastResort` would print
        return
    text = clean_text(message)
    event = fields.get("event")
    if type(event) is str and event.startswith(EVENT_PREFIX):
        fields = {key: value for key, value in fields.items() if key != "event"}
        text = f"{text} event={clean_name(event)}"
    pairs = " ".join(f"{key}={_shown(value)}" for key, value in clean_fields(fields).items())
    logger.log(
        levelno,
        "%s",
        f"{text} {pairs}" if pairs else text,
        exc_info=raised,
        stacklevel=_FRAMES_OF_OURS,
    )


class StdlibSink:
    """The program's own `logging` as the place of our records, beside OTLP."""

    def write(self, line: bytes, record: Mapping[str, CleanValue], now: float) -> None:
        """Hands on what the record says; time and ids are the program's handlers' business."""
        fields = {key: value for key, value in record.items() if key not in _NOT_FIELDS}
        hand_to_stdlib(str(record["logger"]), LEVELS[str(record["level"])], record["message"], fields, None)

    def close(self) -> None:
        """Nothing is held."""


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else orjson.dumps(value).decode()
