"""One log record: its level, time, id and trace, and its fields made safe.

What a caller gave becomes a `Draft`, cleaned before anything of ours is added; the pipeline gives it a time and an id.
"""

from __future__ import annotations

import os
import sys
import traceback
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.trace import get_current_span

from telemetry.clean import (
    ITEM_LIMIT,
    NAME_LIMIT,
    REDACTED,
    VALUE_LIMIT,
    CleanValue,
    as_text,
    clean_name,
    clean_text,
    clean_value,
    is_secret_key,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from opentelemetry.context import Context

LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
"""Our level words and the numbers that the standard library's `logging` has for them."""

_OTHER_WORDS = {"warn": "warning", "fatal": "critical", "exception": "error", "trace": "debug", "notice": "info"}

OURS = frozenset(
    ("timestamp", "level", "message", "logger", "event", "record_id", "trace_id", "span_id", "trace_flags"),
)
"""What every record says about itself. A caller's field of such a name appears as `field.<name>`."""

EVENT_PREFIX = "orchestrator."
"""A field `event` with a value that begins so is the record's event name; any other is the caller's own field."""

FIELDS_LIMIT = 24_576
"""All fields of one record together, in characters: a batch of records must stay small enough to be accepted."""
STACKTRACE_LIMIT = 12_288
_STACKTRACE_LOOK = 4 * STACKTRACE_LIMIT
_ROOM_FOR_A_MARK = 16
_INT32 = 1 << 31


class Draft(NamedTuple):
    """A record before it has a time and an id; all of it clean."""

    level: str
    message: str
    event: str
    fields: dict[str, CleanValue]


# --- levels ----------------------------------------------------------------------------------------------------------


def level_word(level: object) -> str | None:
    """The level as one of our five words, from a word or a number of `logging`; None where it is neither."""
    kind = type(level)
    if issubclass(kind, int):
        number = int.__int__(level)  # type: ignore[arg-type]
        return next((word for word, floor in reversed(LEVELS.items()) if number >= floor), "debug")
    if issubclass(kind, str):
        word = str.__str__(level).strip().lower()
        return word if word in LEVELS else _OTHER_WORDS.get(word)
    return None


# --- fields ----------------------------------------------------------------------------------------------------------

_IDENTITIES = frozenset({"agent_name", "cluster"})
_PLAIN, _NAME, _SECRET = range(3)
_plans: dict[str, tuple[str, int]] = {}
"""For each field name seen, the name it is written under and how its value is treated."""
_MOST_PLANS = 4096


def _plan(key: object) -> tuple[str, int]:
    name = clean_name(key)
    shown = f"field.{name}" if name in OURS else name
    plan = (shown, _SECRET if is_secret_key(as_text(key)) else _NAME if name in _IDENTITIES else _PLAIN)
    if type(key) is str and len(key) <= NAME_LIMIT:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[key] = plan
    return plan


def clean_fields(given: Mapping[str, Any]) -> dict[str, CleanValue]:
    """The fields under safe names, with safe values, secrets redacted, the whole of it bounded."""
    fields: dict[str, CleanValue] = {}
    left = FIELDS_LIMIT
    for key, value in given.items():
        if len(fields) >= ITEM_LIMIT:
            fields["…"] = f"+{len(given) - ITEM_LIMIT}"
            break
        name, treatment = _plans.get(key) or _plan(key)
        while name in fields:
            name += "~"
        limit = VALUE_LIMIT if left >= VALUE_LIMIT else max(left, _ROOM_FOR_A_MARK)
        kind = type(value)
        if treatment == _PLAIN:
            if kind is str:
                value = clean_text(value, limit)  # noqa: PLW2901 - cleaned in place
                left -= len(value)
            elif kind is not int or not -_INT32 <= value < _INT32:
                value = clean_value(value, limit)  # noqa: PLW2901 - the same
                left -= _weight(value)
        elif treatment == _NAME:
            value = None if value is None else clean_name(value)  # noqa: PLW2901 - the same
        elif value is not None and kind is not bool:
            value = REDACTED  # noqa: PLW2901 - the same
        fields[name] = value
    return fields


def _weight(value: CleanValue) -> int:
    """About how many characters the value takes."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + _weight(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(_weight(item) for item in value)
    return 8


def prepare(_logger: Any, method: str, event_dict: MutableMapping[str, Any]) -> tuple[tuple[Draft], dict[str, Any]]:
    """A structlog processor, the last of its chain: cleans first, so that nothing of ours needs cleaning."""
    message = clean_text(event_dict.pop("event", ""))
    raised = find_exception(event_dict.pop("exc_info")) if "exc_info" in event_dict else None
    fields = clean_fields(event_dict)
    if raised is not None:
        fields.update(exception_fields(raised))
    level = method if method in LEVELS else level_word(method) or "info"
    return (Draft(level, message, "", fields),), {}


# --- exceptions ------------------------------------------------------------------------------------------------------


def find_exception(exc_info: object) -> BaseException | None:
    """The exception that `exc_info` means: True for the one being handled, an exception, or a `sys.exc_info()`."""
    if issubclass(type(exc_info), BaseException):
        return exc_info  # type: ignore[return-value]
    if type(exc_info) is tuple:
        return next((part for part in exc_info if issubclass(type(part), BaseException)), None)
    return sys.exc_info()[1] if exc_info is True or (type(exc_info) is int and exc_info) else None


def exception_fields(raised: BaseException) -> dict[str, CleanValue]:
    """`exception.type`, `.message`, `.stacktrace`, as OpenTelemetry's conventions name them; cleaned and bounded."""
    kind = type(raised)
    module = type.__dict__["__module__"].__get__(kind)
    name = type_name(raised)
    fields: dict[str, CleanValue] = {
        "exception.type": clean_name(name if module in ("builtins", "__main__") else f"{module}.{name}"),
        "exception.message": clean_text(as_text(raised), VALUE_LIMIT),
    }
    try:
        trace = getattr(raised, "__traceback__", None)
        lines = traceback.format_exception(kind, raised, trace if isinstance(trace, TracebackType) else None)
        text = "".join(lines)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  somebody else's exception class may do anything when asked
        text = f"<no stack trace: {type_name(error)}>"
    # What the first cut leaves of a secret stands far from what the second one keeps.
    text = clean_text(without_middle(text, _STACKTRACE_LOOK), _STACKTRACE_LOOK)
    fields["exception.stacktrace"] = without_middle(text, STACKTRACE_LIMIT)
    return fields


def without_middle(trace: str, limit: int) -> str:
    """A stack trace of at most `limit` characters: its last frames say most, the first ones where it came from."""
    if len(trace) <= limit:
        return trace
    third = limit // 3
    return f"{trace[: third - 3]}\n…\n{trace[-2 * third :]}"


# --- time, id, trace -------------------------------------------------------------------------------------------------


class Stamps:
    """Times as text: RFC 3339, UTC, microseconds. The part up to the second is kept while the second lasts."""

    def __init__(self) -> None:
        self._kept: tuple[int, str] = (-1, "")

    def of(self, now: float) -> tuple[str, int]:
        """The text for Unix time `now`, and the same instant in nanoseconds."""
        micros = round(now * 1_000_000)
        second, fraction = divmod(micros, 1_000_000)
        kept, text = self._kept
        if kept != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            self._kept = (second, text)
        return f"{text}{fraction:06d}Z", micros * 1000


class RecordIds:
    """UUIDs of version 7: they sort by the millisecond, and within a process by a counter.

    A random part is drawn once a process; the part up to the millisecond is kept while that lasts.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Takes a new random part: at the start, and in a forked child, which would otherwise repeat its parent's."""
        random = f"{int.from_bytes(os.urandom(6), 'big'):012x}"
        self._process = f"7{random[:3]}-8{random[3:6]}-{random[6:10]}"
        self._count = count()
        self._kept: tuple[int, str] = (-1, "")

    def next(self, nanoseconds: int) -> str:
        """A new one, for a record of that Unix time."""
        millis = nanoseconds // 1_000_000
        kept, begin = self._kept
        if kept != millis:
            digits = f"{millis:012x}"
            begin = f"{digits[:8]}-{digits[8:]}-{self._process}"
            self._kept = (millis, begin)
        return f"{begin}{next(self._count) & 0xFFFFFFFF:08x}"


_NO_TRACE: dict[str, str] = {}
_last_trace: tuple[Any, dict[str, str]] = (None, _NO_TRACE)


def trace_fields(current: Context) -> dict[str, str]:
    """`trace_id`, `span_id` and `trace_flags` of the span in `current` as W3C writes them; empty without one."""
    global _last_trace  # noqa: PLW0603  a memo of one: records mostly come in runs from the same span
    context = get_current_span(current).get_span_context()
    seen, fields = _last_trace
    if context is seen:
        return fields
    fields = _NO_TRACE
    if context.is_valid:
        fields = {
            "trace_id": f"{context.trace_id:032x}",
            "span_id": f"{context.span_id:016x}",
            "trace_flags": f"{int(context.trace_flags):02x}",
        }
    _last_trace = (context, fields)
    return fields
