"""Reads a settings file: YAML, a mapping, every key once. One clear line for whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from telemetry.settings.about import section
from telemetry.settings.tree import Settings

MAX_BYTES = 1_000_000


class SettingsError(Exception):
    """What is set can't be used: one line that names the place, the key, the value and what is allowed."""


class _Loader(yaml.SafeLoader):
    """Plain YAML, where a key that stands twice is an error instead of a silent winner."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[str, Any]:
    """The file's tree, relative paths in it made absolute: they are meant from the file's folder.

    Raises:
        SettingsError: It can't be read, or isn't a YAML mapping.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise SettingsError(f"{path}: is larger than {MAX_BYTES // 1000} kB, which no settings file is")
    try:
        tree = yaml.load(raw.decode(), Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: isn't UTF-8 text (byte {error.start})") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{path}{line}: isn't YAML as meant: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: isn't YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: is nested too deeply") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError(f"{path}: must hold «key: value» lines, but is a {type(tree).__name__}")
    _anchor(tree, Settings, path.absolute().parent)
    return tree


def _anchor(tree: dict[str, Any], model: Any, folder: Path) -> None:
    for name, field in model.model_fields.items():
        value = tree.get(name)
        if isinstance(value, str) and value and "Path" in str(field.annotation):
            tree[name] = str(folder / Path(value).expanduser())
        nested = section(field.annotation)
        if nested is not None and isinstance(value, dict):
            _anchor(value, nested, folder)
        elif nested is not None and isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _anchor(item, nested, folder)
