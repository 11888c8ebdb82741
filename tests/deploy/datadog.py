"""What stands in deploy/datadog: the dashboard, the monitors, and every series that their queries name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "deploy" / "datadog"
DASHBOARD = FOLDER / "dashboard.json"
MONITORS = sorted((FOLDER / "monitors").glob("*.json"))
_SERIES = re.compile(r"(\w+):([\w.]+)\{([^}]*)\}(?: by \{([^}]*)\})?(\.as_count\(\))?")


class Series(NamedTuple):
    """A metric that a query names, the tags by which it is chosen and grouped, and whether it is counted."""

    name: str
    chosen: frozenset[str]
    groups: frozenset[str]
    is_counted: bool
    asked_by: str


def read(path: Path) -> dict[str, Any]:
    """A dashboard or a monitor."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def widgets() -> Iterator[dict[str, Any]]:
    """The definitions of the dashboard's widgets, without the groups."""
    for group in read(DASHBOARD)["widgets"]:
        assert group["definition"]["type"] == "group"
        for widget in group["definition"]["widgets"]:
            yield widget["definition"]


def series_in(text: str, asked_by: str) -> list[Series]:
    """What a query names."""
    found = []
    for _, name, chosen, groups, counted in _SERIES.findall(text):
        tags = {one.partition(":")[0].lstrip("$") for one in chosen.split(",")} - {"*", ""}
        found.append(Series(name, frozenset(tags), frozenset(groups.split(",")) - {""}, bool(counted), asked_by))
    return found


def every_series() -> list[Series]:
    """Of the dashboard and of all monitors."""
    found: list[Series] = []
    for widget in widgets():
        for request in widget["requests"]:
            for query in request.get("queries", ()):
                found += series_in(query["query"], widget["title"])
    for path in MONITORS:
        found += series_in(read(path)["query"], path.stem)
    return found
