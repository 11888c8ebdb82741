"""What the chart of deploy/kubernetes knows of our two programs: their variables, and what each backend needs.

The chart refuses by it what would have no effect or couldn't start. `make kubernetes` writes it, `--check` compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from telemetry.control import TOKEN_VARIABLE, URL_VARIABLE
from telemetry.secret_files import VARIABLES as SECRET_FILES
from telemetry.settings.layers import VARIABLES as SETTINGS
from telemetry.settings.loading import CACHE_VARIABLE, CONFIG_VARIABLE

COLLECTOR = Path(__file__).parents[1] / "otel-collector"
NAME = "chart/known.yaml"
"""The file, below deploy/kubernetes."""
_HEAD = """\
# Made by `make kubernetes` from otel-collector/ and telemetry/settings: change those instead.
# needs: variables without a default. queues: what waits on the volume, by signal; "nop" in the variable there is none.
# files: how many it writes there itself, each to `megabytes`, with so many `backups`: the variable and its default.
"""
_IN_YAML = re.compile(r"\$\{env:([A-Z0-9_]+)(:-)?")
_IN_GO = re.compile(r'"(BACKENDS|ORCHESTRATOR_COLLECTOR_[A-Z0-9_]+)"')
_CHOSEN = re.compile(r"^\$\{env:([A-Z0-9_]+):-([^}]*)\}$")
_ROTATED = {"megabytes": "max_megabytes", "backups": "max_backups"}


@cache
def text() -> str:
    """The whole file, as our sources are when it is asked for first."""
    return _HEAD + yaml.safe_dump(known(), width=120, default_flow_style=None)


def known(collector: Path = COLLECTOR) -> dict[str, Any]:
    """Lists of names for each program, and what is known of each backend."""
    configuration = {
        file.relative_to(collector / "config"): yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted((collector / "config").rglob("*.yaml"))
    }
    backends = {file.stem: content for file, content in configuration.items() if file.parent.name == "backends"}
    return {
        "backends": {name: _backend(content) for name, content in backends.items()},
        "collector": sorted({*_variables(configuration.values()), *_of_program(collector)}),
        "monitor": sorted({*SETTINGS, *SECRET_FILES, CONFIG_VARIABLE, CACHE_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE}),
    }


def _backend(content: Mapping[str, Any]) -> dict[str, Any]:
    found = _variables([content])
    return {
        "needs": sorted(name for name, has_default in found.items() if not has_default),
        "queues": dict(_queues(content)),
        "variables": sorted(found),
        **_files(content),
    }


def _files(backend: Mapping[str, Any]) -> dict[str, Any]:
    """What its files may grow to; all of them are rotated alike."""
    rotations = [exporter["rotation"] for exporter in backend["exporters"].values() if "rotation" in exporter]
    if not rotations:
        return {}
    chosen = {ours: _CHOSEN.match(rotations[0][theirs]) for ours, theirs in _ROTATED.items()}
    amounts = {name: {"variable": one[1], "default": int(one[2])} for name, one in chosen.items() if one}
    return {"files": {"count": len(rotations), **amounts}}


def _variables(contents: Iterable[Any]) -> dict[str, bool]:
    """Each with whether it has a default everywhere. What comments of a file say counts for nothing."""
    found: dict[str, bool] = {}
    for content in contents:
        for name, default in _IN_YAML.findall(json.dumps(content)):
            found[name] = found.get(name, True) and bool(default)
    return found


def _queues(backend: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The signals whose exporter has a queue on disk, with the variable that chooses the exporter, or an empty text."""
    for pipeline, parts in backend["service"]["pipelines"].items():
        for exporter in parts["exporters"]:
            chosen = _CHOSEN.match(exporter)
            queue = backend["exporters"][chosen[2] if chosen else exporter].get("sending_queue", {})
            if "storage" in queue:
                yield pipeline.partition("/")[0], chosen[1] if chosen else ""


def _of_program(collector: Path) -> Iterator[str]:
    for file in collector.rglob("*.go"):
        if not file.name.endswith("_test.go"):
            yield from _IN_GO.findall(file.read_text(encoding="utf-8"))
