"""Changes one place of a JSON text and leaves all the rest as it is, to the byte: blanks, order, line ends."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class JsonTextError(ValueError):
    """It is no JSON, or can't be changed: one line that says where and why."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object, or one item of an array.

    Attributes:
        key: Its name; None in an array.
        start: Where it begins: its name, or its value.
        value_at: Where its value begins.
        end: Behind it.
        value: What it is.
    """

    key: str | None
    start: int
    value_at: int
    end: int
    value: Any


@dataclass(frozen=True, slots=True)
class Container:
    """One object or array: where it begins, its members, and where its closing bracket stands."""

    start: int
    members: tuple[Member, ...]
    close: int

    def get(self, key: str) -> Member | None:
        """The member of that name.

        Raises:
            JsonTextError: There are two.
        """
        found = [member for member in self.members if member.key == key]
        if len(found) > 1:
            raise JsonTextError(f"{key!r} stands there twice")
        return found[0] if found else None


def check(text: str) -> None:
    """Does nothing where it is one JSON object.

    Raises:
        JsonTextError: It isn't.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise JsonTextError(
            f"line {error.lineno}, column {error.colno} is no JSON, which has no comments either ({error.msg})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise JsonTextError(f"it is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise JsonTextError("it is JSON, but no object")


def top(text: str) -> Container:
    """The outermost one of a text that was checked."""
    return container(text, _skip(text, 0))


def container(text: str, start: int) -> Container:
    """The object or array that begins at `start`."""
    is_object = text[start] == "{"
    members: list[Member] = []
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        begins, key = at, None
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        members.append(Member(key, begins, at, end, value))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return Container(start, tuple(members), at)


def replaced(text: str, member: Member, value: Any) -> str:
    """The same with another value there, written in one line."""
    return text[: member.value_at] + json.dumps(value, ensure_ascii=False) + text[member.end :]


def without(text: str, held: Container, member: Member) -> str:
    """The same without that member of `held`."""
    number = held.members.index(member)
    if len(held.members) == 1:
        return text[: held.start + 1] + text[held.close :]
    if number == 0:
        return text[: member.start] + text[held.members[1].start :]
    return text[: held.members[number - 1].end] + text[member.end :]


def with_more(text: str, held: Container, value: Any, key: str | None = None) -> str:
    """The same with one more member at the end of `held`, indented as those before it."""
    style = _Style.of(text)
    name = "" if key is None else json.dumps(key, ensure_ascii=False) + style.colon
    if not held.members:
        if style.unit is None:
            return text[: held.start + 1] + name + style.dump(value, "") + text[held.close :]
        outer = _indent_at(text, held.start)
        inner = outer + style.unit
        more = style.newline + inner + name + style.dump(value, inner) + style.newline + outer
        return text[: held.start + 1] + more + text[held.close :]
    last = held.members[-1]
    if style.unit is None or "\n" not in text[held.start : held.members[0].start]:
        return text[: last.end] + style.comma + name + style.in_one_line(value) + text[last.end :]
    indent = _indent_at(text, last.start)
    return text[: last.end] + "," + style.newline + indent + name + style.dump(value, indent) + text[last.end :]


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is laid out; `unit` is None where all of it stands in one line."""

    unit: str | None
    newline: str
    comma: str
    colon: str

    @classmethod
    def of(cls, text: str) -> _Style:
        outermost = top(text)
        newline = "\r\n" if "\r\n" in text else "\n"
        if not outermost.members:
            return cls("  ", newline, ", ", ": ")
        first = outermost.members[0]
        packed = text[first.value_at - 1] == ":"
        comma, colon = (",", ":") if packed else (", ", ": ")
        if "\n" not in text[outermost.start : first.start]:
            return cls(None, newline, comma, colon)
        return cls(_indent_at(text, first.start) or "  ", newline, ", ", ": ")

    def dump(self, value: Any, indent: str) -> str:
        if self.unit is None:
            return self.in_one_line(value)
        lines = json.dumps(value, indent=self.unit, ensure_ascii=False).split("\n")
        return (self.newline + indent).join(lines)

    def in_one_line(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(self.comma, self.colon))


def _indent_at(text: str, at: int) -> str:
    """The blanks with which the line begins that holds `at`."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
