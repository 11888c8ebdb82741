"""Schemas for kubeconform, which would download them: made from the description of the API that is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
NAME = "{{.ResourceKind}}{{.KindSuffix}}.json"
"""How kubeconform is told to look for them."""
_DEFINITIONS = "#/definitions/"


def write(openapi: Schema, folder: Path) -> None:
    """One file for each kind of OpenAPI 2, complete in itself, in which a field that isn't known is an error."""
    definitions = {name: _strict(one) for name, one in openapi["definitions"].items()}
    for name, one in openapi["definitions"].items():
        for of in one.get("x-kubernetes-group-version-kind", ()):
            file = folder / _name(of["group"], of["version"], of["kind"])
            needed = {key: definitions[key] for key in _reached(name, definitions)}
            file.write_text(json.dumps({"$ref": _DEFINITIONS + name, "definitions": needed}))


def write_defined(definition: Schema, folder: Path) -> None:
    """The same for a kind that a CustomResourceDefinition defines."""
    spec = definition["spec"]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        schema["properties"] |= {"metadata": {"type": "object"}}
        (folder / _name(spec["group"], version["name"], spec["names"]["kind"])).write_text(json.dumps(_strict(schema)))


def _name(group: str, version: str, kind: str) -> str:
    return "-".join(filter(None, (kind.lower(), group.partition(".")[0], version.lower()))) + ".json"


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    found = {key: _strict(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def _reached(name: str, definitions: Schema) -> set[str]:
    reached, left = set(), [name]
    while left:
        one = left.pop()
        if one not in reached:
            reached.add(one)
            left += _references(definitions[one])
    return reached


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.removeprefix(_DEFINITIONS)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
