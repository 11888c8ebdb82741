"""What is known of each setting beside its type: its variable, what it allows, and where its value came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel

from telemetry.fields import About

Path = tuple[str, ...]
"""A setting's place in the tree: `("log", "level")`."""


@dataclass(frozen=True, slots=True)
class Known:
    """One setting of the tree: its place, what is known of it, and its default."""

    path: Path
    about: About
    default: Any

    @property
    def key(self) -> str:
        """As a file nests it, joined by dots."""
        return ".".join(self.path)


class Kind(StrEnum):
    """The layers, the first one wins."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    PROFILE = "profile"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the layer, and in words which flag, variable, file or profile."""

    kind: Kind
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".rstrip()


def walk(model: type[BaseModel], prefix: Path = ()) -> Iterator[Known]:
    """Every setting of a tree, depth first, in the order it is written in."""
    for name, field in model.model_fields.items():
        about = next((held for held in field.metadata if isinstance(held, About)), None)
        if about is not None:
            yield Known((*prefix, name), about, field.get_default(call_default_factory=True, validated_data={}))
        elif (nested := section(field.annotation)) is not None:
            yield from walk(nested, (*prefix, name))


def section(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation nests, also in a list of them, or None where it is a value."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def lookup(model: type[BaseModel], path: tuple[str | int, ...]) -> tuple[About | None, type[BaseModel] | None]:
    """What stands at a place that validation names: what is known of the setting there, and the section it is in.

    The section is None for a place inside a plain value.
    """
    about: About | None = None
    inside: type[BaseModel] | None = model
    for at, part in enumerate(path):
        if isinstance(part, int):
            continue
        if inside is None or (field := inside.model_fields.get(part)) is None:
            return None if at == 0 else about, inside
        about = next((held for held in field.metadata if isinstance(held, About)), None)
        if at < len(path) - 1:
            inside = section(field.annotation)
    return about, inside


def value_of(settings: BaseModel, place: Path) -> Any:
    """The value at a place of the tree."""
    value: Any = settings
    for part in place:
        value = getattr(value, part)
    return value
