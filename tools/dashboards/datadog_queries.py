"""How a query for Datadog is written: metrics by their OpenTelemetry names, chosen and grouped by tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telemetry.signals.semconv import METRICS, Kind

KINDS = {metric.name: metric.kind for metric in METRICS}


def latest(name: str, how: str, chosen: Sequence[str], *, by: Sequence[str] = ()) -> str:
    """A gauge's values, of several series `how` (max, min, sum, avg), by the dashboard's variables `chosen` and env."""
    _must(name, Kind.GAUGE, Kind.HISTOGRAM)
    return f"{how}:{name}{_scope(chosen)}{_by(by)}"


def added(name: str, chosen: Sequence[str], *, by: Sequence[str] = ()) -> str:
    """How much a counter went up."""
    _must(name, Kind.COUNTER)
    return f"sum:{name}{_scope(chosen)}{_by(by)}.as_count()"


def query(text: str, *, name: str = "query1", aggregator: str = "") -> dict[str, Any]:
    """The text as one query of a widget; `aggregator` makes one number of it."""
    found = {"data_source": "metrics", "name": name, "query": text}
    return found | ({"aggregator": aggregator} if aggregator else {})


def _scope(chosen: Sequence[str]) -> str:
    return "{" + ",".join(f"${name}" for name in ("env", *chosen)) + "}"


def _by(tags: Sequence[str]) -> str:
    return f" by {{{','.join(tags)}}}" if tags else ""


def _must(name: str, *kinds: Kind) -> None:
    if KINDS[name] not in kinds:
        raise ValueError(f"{name} is a {KINDS[name].value}")
