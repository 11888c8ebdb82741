"""Field values: anything as plain data that JSON and OTLP can both carry."""

from __future__ import annotations

from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from telemetry.clean.limits import DEPTH_LIMIT, ITEM_LIMIT, NODE_LIMIT, STRINGS_PER_FIELD, VALUE_LIMIT
from telemetry.clean.objects import (
    CONTAINERS,
    attribute,
    class_attribute,
    from_bytes,
    from_int,
    is_dataclass,
    shown_by,
    type_name,
)
from telemetry.clean.redact import REDACTED, is_secret_key
from telemetry.clean.text import clean_name, clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

CleanValue: TypeAlias = "bool | int | float | str | list[CleanValue] | dict[str, CleanValue] | None"

_NODE_COST = 8  # characters that a value takes at least, with what stands around it
_INT64 = 1 << 63
_A_PAIR = 2
_ROOM_FOR_A_MARK = 16


def clean_value(value: object, limit: int = VALUE_LIMIT) -> CleanValue:
    """The value as plain data: None, bool, int of 64 bits, finite float, clean str, and lists and dicts of these.

    NaN and the infinities become `"NaN"`, `"Infinity"`, `"-Infinity"`; longer integers their digits; bytes the text
    they hold; keys names; sets lists; dataclasses dicts; exceptions `ValueError: …`; anything else its `repr()`. A
    container inside itself, too deep or too long is cut, with a mark. What stands under a secret's key is redacted.

    Args:
        value: Anything.
        limit: The longest string in it, in characters.
    """
    kind = type(value)
    if kind is str:
        return clean_text(value, limit)
    if kind is int:
        return value if -_INT64 <= value < _INT64 else from_int(value)  # type: ignore[operator,return-value]
    if kind is bool or value is None:
        return value  # type: ignore[return-value]
    return _Cleaning(limit).clean(value, 0)


def clean_field(key: str, value: object, limit: int = VALUE_LIMIT) -> CleanValue:
    """`clean_value(value)`, or `[redacted]` where the key names a secret."""
    if is_secret_key(key) and value is not None and type(value) is not bool:
        return REDACTED
    return clean_value(value, limit)


class _Cleaning:
    """One field on its way through: what is open above, and how much may still be shown."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = NODE_LIMIT
        self._room = limit * STRINGS_PER_FIELD
        self._open: list[int] = []

    def clean(self, value: object, depth: int) -> CleanValue:
        self._left -= 1
        self._room -= _NODE_COST
        kind = type(value)
        for base, convert in _SCALARS:
            if issubclass(kind, base):
                return convert(self, value)
        if issubclass(kind, CONTAINERS) or is_dataclass(kind):
            return self._container(value, kind, depth)
        if issubclass(kind, BaseException):
            return self.text(f"{type_name(value)}: {shown_by(value, str)}")
        return self.text(shown_by(value, str if issubclass(kind, _SPEAKING) else repr))

    def text(self, text: str) -> str:
        cleaned = clean_text(text, min(self._limit, max(self._room, _ROOM_FOR_A_MARK)))
        self._room -= len(cleaned)
        return cleaned

    def _container(self, value: object, kind: type, depth: int) -> CleanValue:
        if id(value) in self._open:
            return "…(itself)"
        if depth >= DEPTH_LIMIT or self._left <= 0:
            return f"…({type_name(value)})"
        self._open.append(id(value))
        try:
            return self._contents(value, kind, depth)
        except Exception as error:  # noqa: BLE001  another thread changed it meanwhile, say
            return f"<{type_name(value)}: unreadable, {type_name(error)}>"
        finally:
            self._open.pop()

    def _contents(self, value: Any, kind: type, depth: int) -> CleanValue:
        if issubclass(kind, dict):
            return self._mapping(list(islice(dict.items(value), ITEM_LIMIT)), depth, dict.__len__(value))
        if issubclass(kind, CONTAINERS):
            return self._sequence(value, kind, depth)
        names = list(class_attribute(kind, "__dataclass_fields__"))
        return self._mapping([(name, attribute(value, name)) for name in names[:ITEM_LIMIT]], depth, len(names))

    def _mapping(self, pairs: list[tuple[object, object]], depth: int, total: int) -> CleanValue:
        out: dict[str, CleanValue] = {}
        named_one = any(_says_name(key) and type(value) is str and is_secret_key(value) for key, value in pairs)
        for key, value in pairs:
            if self._left <= 0 or self._room <= 0:
                break
            given = key if type(key) is str else self._key(key)
            name = clean_name(given)
            self._room -= len(name)
            while name in out:  # two keys may look alike once cleaned: 1 and "1"
                name += "~"
            secret = is_secret_key(given) or (named_one and given.lower() == "value")
            out[name] = REDACTED if secret and value is not None else self.clean(value, depth + 1)
        hidden = total - len(out)
        if hidden > 0:
            out["…"] = f"+{hidden}"
        return out

    def _key(self, key: object) -> str:
        cleaned = self.clean(key, DEPTH_LIMIT - 1)
        return cleaned if isinstance(cleaned, str) else str(cleaned)

    def _sequence(self, value: object, kind: type, depth: int) -> CleanValue:
        base: Any = next(base for base in (list, tuple, deque, set, frozenset) if issubclass(kind, base))
        items = list(islice(base.__iter__(value), ITEM_LIMIT))
        hidden = base.__len__(value) - len(items)
        out: list[CleanValue] = []
        for item in items:
            if self._left <= 0 or self._room <= 0:
                break
            secret = bool(out) and _names_the_next(items[len(out) - 1], hidden + len(items))
            out.append(REDACTED if secret and item is not None else self.clean(item, depth + 1))
        hidden += len(items) - len(out)
        if base in (set, frozenset):
            out.sort(key=lambda item: (type(item).__name__, str(item)))  # the same set gives the same line
        if hidden > 0:
            out.append(f"…(+{hidden})")
        return out


def _says_name(key: object) -> bool:
    """Whether the value beside it is what this one's value names: `{"name": "DB_PASSWORD", "value": "…"}`."""
    return type(key) is str and key.lower() in ("name", "key")


def _names_the_next(item: object, length: int) -> bool:
    """Whether the item of a sequence says that the next one is a secret: `["--password", "…"]`, `("api_key", "…")`."""
    if type(item) is not str or not (item.startswith("-") or length == _A_PAIR):
        return False
    return "=" not in item and is_secret_key(item)


def _clean_int(cleaning: _Cleaning, value: Any) -> CleanValue:
    number = int.__int__(value)
    return number if -_INT64 <= number < _INT64 else cleaning.text(from_int(number))


def _clean_float(_cleaning: _Cleaning, value: Any) -> CleanValue:
    number = float.__float__(value)
    if number - number == 0.0:
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"  # noqa: PLR0124 - only NaN differs from itself


def _clean_enum(cleaning: _Cleaning, value: Any) -> CleanValue:
    return cleaning.clean(attribute(value, "value"), DEPTH_LIMIT)


_SCALARS: tuple[tuple[Any, Callable[[_Cleaning, Any], CleanValue]], ...] = (
    (type(None), lambda _cleaning, _value: None),
    (bool, lambda _cleaning, value: bool(value)),
    (str, lambda cleaning, value: cleaning.text(str.__str__(value))),
    (int, _clean_int),
    (float, _clean_float),
    (Enum, _clean_enum),
    ((bytes, bytearray, memoryview), lambda cleaning, value: cleaning.text(from_bytes(value))),
)
_SPEAKING = (date, datetime, time, timedelta, Decimal, PurePath, UUID)
"""Types whose `str()` says it better than their `repr()`."""
