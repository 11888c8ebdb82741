"""The layers that settings come from, each a tree of its own that remembers how its places are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from telemetry.settings import files
from telemetry.settings.about import Kind, Origin, walk
from telemetry.settings.about import Path as Place
from telemetry.settings.places import default_state_dir
from telemetry.settings.tree import Settings

PROFILES: Mapping[str, Mapping[Place, Any]] = {
    "development": {("check_interval",): 10.0, ("log", "retention_days"): 7, ("history", "retention_days"): 7},
    "staging": {("check_interval",): 5.0, ("log", "retention_days"): 30, ("history", "retention_days"): 30},
    "production": {("check_interval",): 5.0, ("log", "retention_days"): 90, ("history", "retention_days"): 90},
}
"""What each profile sets."""


KNOWN = {known.path: known for known in walk(Settings)}
VARIABLES = {known.about.variable: known for known in KNOWN.values() if known.about.variable}

Flags = Mapping[str, tuple[str, Any]]
"""Settings from the command line: dotted key → (the flag's name, its value or None where it wasn't given)."""


Where = tuple[str | int, ...]
"""A place as validation names it: list items by number."""

ABSENT = object()
"""Stands for a place that a tree doesn't have, where None is a value."""


def key_of(where: Where) -> str:
    """As a file nests it: `channels.more[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")


def value_at(tree: Any, place: Where) -> Any:
    for part in place:
        if isinstance(tree, str):  # its letters are no places
            return ABSENT
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return tree


@dataclass(slots=True)
class Layer:
    """One layer's values as a tree, and how its places are named in messages."""

    kind: Kind
    tree: dict[str, Any] = field(default_factory=dict)
    names: dict[Place, str] = field(default_factory=dict)
    where: str = ""

    def put(self, place: Place, value: Any, name: str = "") -> None:
        branch = self.tree
        for part in place[:-1]:
            branch = branch.setdefault(part, {})
        branch[place[-1]] = value
        self.names[place] = name

    def origin(self, place: Place) -> Origin:
        return Origin(self.kind, self.names.get(place) or self.where)

    def has(self, place: Where) -> bool:
        return value_at(self.tree, place) is not ABSENT

    def named(self, where: Where) -> str:
        """A place in words: the flag or variable that sets it, else the file and the dotted key."""
        name = next((self.names[held] for held in self.names if where[: len(held)] == held), "")
        if not name and self.kind is Kind.ENVIRONMENT:  # one that isn't set
            name = next((variable for variable, known in VARIABLES.items() if known.path == where), "")
        return f"{name} ({key_of(where)})" if name else f"{self.where or self.kind}: {key_of(where)}"


class Source(PydanticBaseSettingsSource):
    """A layer in the form in which pydantic-settings merges it with the others."""

    def __init__(self, layer: Layer) -> None:
        super().__init__(Settings)
        self._layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._layer.tree.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._layer.tree


def from_flags(flags: Flags) -> Layer:
    layer = Layer(Kind.FLAG)
    for key, (name, value) in flags.items():
        if value is not None:
            layer.put(tuple(key.split(".")), value, name)
    return layer


def from_environment(environ: Mapping[str, str]) -> Layer:
    layer = Layer(Kind.ENVIRONMENT)
    for variable, known in VARIABLES.items():
        if value := environ.get(variable):  # as OpenTelemetry has it: an empty variable is an unset one
            layer.put(known.path, value, variable)
    return layer


def from_file(path: Path | None) -> Layer:
    return Layer(Kind.FILE, files.read(path) if path else {}, where=str(path or ""))


def from_profile(above: Iterable[Layer]) -> Layer:
    chosen = next((layer.tree["profile"] for layer in above if "profile" in layer.tree), "development")
    name = str(chosen).strip().lower()
    layer = Layer(Kind.PROFILE, where=name)
    for place, value in PROFILES.get(name, {}).items():  # an unknown name is refused when the tree is validated
        layer.put(place, value)
    return layer


def from_defaults(environ: Mapping[str, str]) -> Layer:
    layer = Layer(Kind.DEFAULT)
    layer.put(("state_dir",), default_state_dir(environ))
    return layer
