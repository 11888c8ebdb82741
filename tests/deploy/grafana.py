"""What stands in a Grafana dashboard: its panels and every query, with the variables filled in as Grafana does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
GRAFANAS_OWN = {"__rate_interval": "10s", "__range": "1m", "__auto": "10s"}
"""What Grafana itself fills in, for a range of some minutes and a scrape a second."""
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)[^}]*\}")


class Query(NamedTuple):
    """One question that a dashboard asks, and by whom: a panel, `mark NAME` or `variable NAME`."""

    dashboard: str
    asked_by: str
    kind: str
    text: str

    def filled(self, chosen: Mapping[str, str]) -> str:
        """The question with these values of the variables; a variable without a value is a KeyError."""
        return _VARIABLE.sub(lambda found: {**GRAFANAS_OWN, **chosen}[found[1] or found[2]], self.text)

    @property
    def variables(self) -> set[str]:
        """Which variables it has."""
        return {found[1] or found[2] for found in _VARIABLE.finditer(self.text)} - set(GRAFANAS_OWN)

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.asked_by}: {self.text}"


def read(path: Path) -> dict[str, Any]:
    """A dashboard."""
    dashboard: dict[str, Any] = json.loads(path.read_text())
    return dashboard


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels, without the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    """Every one of every dashboard."""
    for path in DASHBOARDS:
        dashboard = read(path)
        name = dashboard["title"]
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield Query(name, panel["title"], target["datasource"]["type"], target["expr"])
        for mark in dashboard.get("annotations", {}).get("list", ()):
            yield Query(name, f"mark {mark['name']}", mark["datasource"]["type"], mark["expr"])
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield Query(name, f"variable {variable['name']}", "label_values", variable["query"]["query"])
