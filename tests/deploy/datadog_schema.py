"""Whether JSON is what Datadog's API takes, by Datadog's own models of it: `python datadog_schema.py Dashboard FILE …`.

Run by itself, with the models' folder in PYTHONPATH. Says, a line each, what its models don't know: a value of a wrong
type, a word that isn't one of those allowed, a required key that is missing, and a key that no model has (which the API
may ignore, and which is a slip here).
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def problems(kind: str, text: str) -> list[str]:
    """What is wrong with the JSON text of a `Dashboard` or `Monitor`."""
    module = importlib.import_module(f"datadog_api_client.v1.model.{kind.lower()}")
    client = importlib.import_module("datadog_api_client")
    utils = importlib.import_module("datadog_api_client.model_utils")
    model = getattr(module, kind)
    try:
        parsed = utils.validate_and_convert_types(
            json.loads(text), (model,), [kind], True, True, client.Configuration()
        )
    except (ValueError, TypeError, AttributeError, KeyError) as failure:
        return [f"{kind}: {failure}"]
    return list(_unknown(parsed, kind, utils))


def _unknown(value: Any, where: str, utils: Any) -> Iterator[str]:
    if isinstance(value, utils.UnparsedObject):
        yield f"{where}: none of its models fits {json.dumps(value._data_store, default=str)[:300]}"
    elif isinstance(value, utils.ModelSimple):
        yield from [f"{where}: {value.value!r} is not one of those allowed"] if value._unparsed else []
    elif isinstance(value, utils.OpenApiModel) and not isinstance(value, utils.ModelComposed):
        known = set(getattr(value, "attribute_map", {}))
        yield from (f"{where}: no such key: {key}" for key in value._data_store if known and key not in known)
    for place, inner in _inside(value, utils):
        yield from _unknown(inner, where + place, utils)


def _inside(value: Any, utils: Any) -> Iterator[tuple[str, Any]]:
    """What it is made of, each with its place in it."""
    if isinstance(value, list):
        yield from ((f"[{number}]", one) for number, one in enumerate(value))
    elif isinstance(value, utils.ModelComposed):  # one of several, whichever fits
        yield from (("", one) for one in value._composed_instances)
    elif isinstance(value, utils.OpenApiModel) and not isinstance(value, (utils.ModelSimple, utils.UnparsedObject)):
        yield from ((f".{key}", one) for key, one in value._data_store.items())


def main(kind: str, *files: str) -> int:
    """1 where something is wrong."""
    found = [f"{Path(file).name}: {problem}" for file in files for problem in problems(kind, Path(file).read_text())]
    sys.stdout.write("".join(re.sub(r"\s+", " ", one) + "\n" for one in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
