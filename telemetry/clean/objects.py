"""Somebody else's objects looked at without running into what their code or their metaclass does."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from telemetry.clean.limits import LOOKAHEAD, TEXT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

CONTAINERS = (dict, list, tuple, set, frozenset, deque)


def class_attribute(kind: type, name: str) -> Any:
    """What the class or a base of it holds under that name, without asking a metaclass; None where none does."""
    for base in _MRO(kind):
        if name in (found := _CLASS_DICT(base)):
            return found[name]
    return None


def is_dataclass(kind: type) -> bool:
    """Whether the class is a dataclass, whatever its metaclass says."""
    return type(class_attribute(kind, "__dataclass_fields__")) is dict


def attribute(value: object, name: str) -> object:
    """What the value holds under that name, or a word about why that can't be had."""
    try:
        return object.__getattribute__(value, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  a field that was never set, a property that raises
        return f"…({type_name(error)})"


def from_bytes(value: Any) -> str:
    """The text that bytes hold, not clean yet; of many only the beginning."""
    try:
        head = bytes(memoryview(value).cast("B")[: TEXT_LIMIT + LOOKAHEAD])
        hidden = memoryview(value).nbytes - len(head)
    except (TypeError, ValueError):  # a view that was released, or isn't contiguous
        return "…(memoryview)"
    text = head.decode("utf-8", "backslashreplace")
    return f"{text}…[+{hidden} bytes]" if hidden else text


def from_int(value: Any) -> str:
    """The digits of an integer, or its size where there are thousands."""
    number = int.__int__(value)
    if number.bit_length() > 4096:  # noqa: PLR2004  Python refuses to write more than 4,300 digits
        return f"…(integer of {number.bit_length()} bits)"
    return int.__repr__(number)


def shown_by(value: object, show: Callable[[object], str]) -> str:
    """`show(value)` as an exact `str` that is not clean yet, or a word about why there is none."""
    try:
        text = show(value)
        return text if type(text) is str else str.__str__(text)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  somebody else's __repr__ may raise anything, SystemExit too
        return f"<{type_name(value)}: unprintable, {type_name(error)}>"


def type_name(value: object) -> str:
    """The name of the value's type, whatever its metaclass says; not longer than 100 characters."""
    return _TYPE_NAME(type(value))[:100]


_TYPE_NAME: Callable[[type], str] = type.__dict__["__name__"].__get__
_MRO: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_CLASS_DICT: Callable[[type], Any] = type.__dict__["__dict__"].__get__
