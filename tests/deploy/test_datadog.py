"""deploy/datadog: by our catalogue of metrics and Datadog's own models of its API. No Datadog can be had here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.alerts.rules import AGENT_IDLE
from telemetry.signals.semconv import METRICS, Kind
from tests.deploy import datadog, datadog_schema
from tests.deploy.fetch import datadog_models
from tools.dashboards import files

CATALOGUE = {metric.name: metric for metric in METRICS}
OF_THE_SENDER = {"env", "host"}
"""Tags that Datadog's exporter makes of the resource."""


def test_every_file_that_lies_there_is_written_by_the_command() -> None:
    lying = {str(path.relative_to(files.DEPLOY)) for path in (datadog.DASHBOARD, *datadog.MONITORS)}
    assert lying == {name for name in files.FILES if name.startswith("datadog/")}


def test_only_metrics_and_tags_that_exist_are_named() -> None:
    assert len(datadog.every_series()) > 30
    for series in datadog.every_series():
        metric = CATALOGUE[series.name]
        assert series.chosen | series.groups <= {*metric.attributes, *OF_THE_SENDER}, series
        assert series.is_counted == (metric.kind is Kind.COUNTER), series


def test_every_query_is_understood_here() -> None:
    """So that none is left out above."""
    for widget in datadog.widgets():
        for request in widget["requests"]:
            for query in request.get("queries", ()):
                assert len(datadog.series_in(query["query"], "")) == 1
    for path in datadog.MONITORS:
        query = datadog.read(path)["query"]
        assert len(datadog.series_in(query, "")) == query.count("orchestrator."), query


def test_every_variable_is_there_and_used() -> None:
    text = datadog.DASHBOARD.read_text()
    used = set(re.findall(r"\$(\w+)", text))
    assert {one["name"] for one in datadog.read(datadog.DASHBOARD)["template_variables"]} == used


def test_the_lines_of_idle_time_are_the_alerts_thresholds() -> None:
    [widget] = [one for one in datadog.widgets() if one["title"].startswith("Idle Time")]
    lines = {marker["label"]: marker["value"] for marker in widget["markers"]}
    assert lines == {level.value: f"y = {value:g}" for level, value in AGENT_IDLE.levels.items()}


@pytest.mark.parametrize("path", datadog.MONITORS, ids=lambda path: path.stem)
def test_a_monitor_says_what_is_wrong_and_by_what_it_is_grouped(path: Path) -> None:
    monitor = datadog.read(path)
    text = f"{monitor['name']} {monitor['message']}"
    groups = [series.groups for series in datadog.series_in(monitor["query"], "")]
    assert all(one == groups[0] for one in groups)
    assert set(re.findall(r"\{\{(\w+)\.name\}\}", text)) <= groups[0]
    assert float(monitor["query"].split()[-1]) == monitor["options"]["thresholds"]["critical"]


def schema_says(kind: str, *paths: Path) -> str:
    command = [sys.executable, str(Path(datadog_schema.__file__)), kind, *map(str, paths)]
    environ = {"PYTHONPATH": str(datadog_models())}
    said = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == bool(said.stdout), said.stderr
    assert said.stderr == ""
    return said.stdout


@pytest.mark.slow
def test_datadogs_own_models_know_everything_in_them() -> None:
    assert schema_says("Dashboard", datadog.DASHBOARD) == ""
    assert schema_says("Monitor", *datadog.MONITORS) == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"display_type": "bars"', '"display_type": "barz"', "none of its models fits"),
        ('"show_legend"', '"show_legends"', "no such key: show_legends"),
        ('"layout_type": "ordered",\n  "reflow_type"', '"reflow_type"', "missing 1 required positional argument"),
        ('"comparator": "<="', '"comparator": "=<"', "none of its models fits"),
    ],
)
def test_datadogs_own_models_find_what_is_wrong(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    text = datadog.DASHBOARD.read_text()
    assert right in text
    (tmp_path / "wrong.json").write_text(text.replace(right, wrong))
    assert told in schema_says("Dashboard", tmp_path / "wrong.json")
