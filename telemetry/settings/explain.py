"""Says in one line what is wrong with a setting: the place, the key, the value and what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from telemetry.fields import About, TogetherError
from telemetry.settings.about import lookup, section, walk
from telemetry.settings.layers import ABSENT, Layer, Where, key_of, value_at
from telemetry.settings.tree import Settings

LONGEST_VALUE = 60


def suggestion(word: str, known: Iterable[str]) -> str:
    """«: did you mean …?», or "" where none of the known words is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f": did you mean {near[0]}?" if near else ""


def explain(error: ValidationError, layers: Sequence[Layer]) -> str:
    """The first fault in one line."""
    return _in_words(error.errors(include_url=False, include_input=False)[0], layers)


def explain_alone(error: ValidationError, layer: Layer) -> str:
    """The first fault of a layer by itself; "" where all it has is settings that lack those of another layer."""
    faults = error.errors(include_url=False, include_input=False)
    return next((_in_words(fault, [layer]) for fault in faults if _apart(fault) is None), "")


def _apart(fault: ErrorDetails) -> TogetherError | None:
    """What raised the fault, where that is settings of one section which don't go together."""
    cause = fault.get("ctx", {}).get("error")
    return cause if isinstance(cause, TogetherError) else None


def _in_words(first: ErrorDetails, layers: Sequence[Layer]) -> str:
    where: Where = first["loc"]
    if (apart := _apart(first)) is not None:
        return _together(apart, where, layers)
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


def _together(apart: TogetherError, where: Where, layers: Sequence[Layer]) -> str:
    """Each setting as it is named where it stands; one that stands nowhere as it would be beside one that does."""
    places = {name: (*where, name) for name in re.findall(r"\{(\w+)\}", apart.said)}
    stand = {name: held for name, place in places.items() for held in reversed(layers) if held.has(place)}
    beside = next(iter(stand.values()), None)
    shown: set[str] = set()

    def worded(match: re.Match[str]) -> str:
        layer = stand.get(match[1], beside)
        if layer is None:
            return str(match[1])
        said = layer.named(places[match[1]])
        source = f"{layer.where}: "
        if source in shown and said.startswith(source):
            return said.removeprefix(source)  # a file is named once
        shown.add(source)
        return said

    return re.sub(r"\{(\w+)\}", worded, apart.said)


def _is_secret(about: About | None, inside: type[BaseModel] | None, where: Where) -> bool:
    """Whether a value must not be shown: it is a secret, or stands where a section with a secret belongs."""
    if about is not None:
        return about.secret
    field = inside.model_fields.get(str(where[-1])) if inside and where else None
    nested = section(field.annotation) if field else inside
    return nested is not None and any(known.about.secret for known in walk(nested))


def named(where: Where, layers: Iterable[Layer]) -> str:
    """A place in words: the flag or variable that set it, else the file and the dotted key."""
    layer = next((layer for layer in layers if layer.has(where)), None)
    return key_of(where) if layer is None else layer.named(where)


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
