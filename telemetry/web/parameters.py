"""What every route of the API refuses in a query: parameters it doesn't know, one given twice, what is no text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_origin
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query

from telemetry.clean import clean_text
from telemetry.web.versions import FIRST

_LONGEST_SHOWN = 60
_MANY = (list, set, frozenset, tuple)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What `telemetry.clean` leaves in no name and no message: who looks for it would find nothing, or by accident all."""


async def only_known(request: Request) -> None:
    """A dependency of the whole application: 422 with one line that names what is allowed."""
    if not request.scope["query_string"] or not request.scope["path"].startswith(FIRST):
        return
    known = _parameters(request.scope["route"])
    seen: set[str] = set()
    for name, value in _pairs(request.scope["query_string"]):
        shown = clean_text(name, _LONGEST_SHOWN)
        if name not in known:
            allowed = f"allowed are: {', '.join(known)}" if known else "it takes none"
            raise HTTPException(422, f"{shown!r} is no parameter here; {allowed}")
        if name in seen and not known[name]:
            raise HTTPException(422, f"{shown}: given more than once")
        seen.add(name)
        if control := _CONTROL.search(value):
            raise HTTPException(
                422, f"{name}: holds the control character {_escaped(control[0])}, which nothing here holds"
            )


def in_order(since: float | None, until: float | None, *, empty: bool = True) -> None:
    """422 where a time (Unix s) that is asked for ends before it begins, or `empty` is False and it has no length."""
    if since is None or until is None or since < until or (since == until and empty):
        return
    must = "must not be after" if empty else "must be before"
    raise HTTPException(422, f"since: {_seconds(since)} {must} until, which is {_seconds(until)} (Unix seconds)")


def _pairs(query: bytes) -> Iterator[tuple[str, str]]:
    """The parameters of a query. The framework's own reading puts U+FFFD where something isn't UTF-8."""
    for raw_name, raw_value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        name = _text(raw_name, "a parameter's name")
        yield name, _text(raw_value, clean_text(name, _LONGEST_SHOWN))


def _text(raw: str, what: str) -> str:
    try:
        return raw.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise HTTPException(422, f"{what}: isn't UTF-8 text") from None


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _seconds(at: float) -> str:
    return f"{at:.3f}".rstrip("0").rstrip(".")


def _parameters(route: Any) -> dict[str, bool]:
    """The parameters that may stand in the query of a route, and whether each may be given several times."""
    fields = [field for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)]
    return {field.alias: get_origin(field.field_info.annotation) in _MANY for field in fields}
