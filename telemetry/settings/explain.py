"""Says in one line what is wrong with a setting: the place, the key, the value and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from telemetry.fields import About
from telemetry.settings.about import lookup, section, walk
from telemetry.settings.layers import ABSENT, Layer, value_at
from telemetry.settings.tree import Settings

LONGEST_VALUE = 60

Where = tuple[str | int, ...]
"""A place as validation names it: list items by number."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """«: did you mean …?», or "" where none of the known words is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f": did you mean {near[0]}?" if near else ""


def explain(error: ValidationError, layers: Sequence[Layer]) -> str:
    """The first fault in one line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where: Where = first["loc"]
    if first["type"] == "missing":
        return f"{named(where[:-1], layers)} lacks the key {where[-1]}"
    if first["type"] == "extra_forbidden":
        return f"{named(where, layers)} is not known{_hint(where)}"
    while where and not any(layer.has(where) for layer in layers):
        where = where[:-1]  # a step of a ladder that was written as a list
    about, inside = lookup(Settings, where)
    if first["type"] == "value_error" and (about is None or isinstance(where[-1], int)):
        # a section, or an item of a list, whose parts don't go together: it says why
        return f"{named(where, layers)}: {first['msg'].removeprefix('Value error, ')}"
    value = next((value_at(layer.tree, where) for layer in layers if layer.has(where)), ABSENT)
    text = "(hidden)" if _is_secret(about, inside, where) else _short(value)
    return f"{named(where, layers)} is {text}: it must be {about.allowed if about else _a_section(inside, where)}"


def _is_secret(about: About | None, inside: type[BaseModel] | None, where: Where) -> bool:
    """Whether a value must not be shown: it is a secret, or stands where a section with a secret belongs."""
    if about is not None:
        return about.secret
    field = inside.model_fields.get(str(where[-1])) if inside and where else None
    nested = section(field.annotation) if field else inside
    return nested is not None and any(known.about.secret for known in walk(nested))


def named(where: Where, layers: Iterable[Layer]) -> str:
    """A place in words: the flag or variable that set it, else the file and the dotted key."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
    layer = next((layer for layer in layers if layer.has(where)), None)
    if layer is None:
        return key
    name = next((layer.names[held] for held in layer.names if where[: len(held)] == held), "")
    return f"{name} ({key})" if name else f"{layer.where}: {key}"


def _hint(where: Where) -> str:
    _, inside = lookup(Settings, where)
    siblings = list(inside.model_fields) if inside else []
    return suggestion(str(where[-1]), siblings) or f"; known here: {', '.join(siblings)}"


def _a_section(inside: type[BaseModel] | None, where: Where) -> str:
    field = inside.model_fields.get(str(where[-1])) if inside and where else None
    nested = section(field.annotation) if field else None
    return f"a section with the keys {', '.join(nested.model_fields)}" if nested else "written otherwise"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
